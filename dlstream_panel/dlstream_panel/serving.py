"""The server's thread: an event loop of its own, beside the node's executor."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from dlstream_common import DlstreamError

_END = 5.0


class ServingThread:
    """Runs an aiohttp application in a thread until `close`."""

    def __init__(self, name: str = "panel server") -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._open = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    def start(self) -> None:
        """Starts the thread."""
        logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # a browser that goes away is no news
        self._open = True
        self._thread.start()

    def serve(self, make: Callable[[int], web.Application], address: str, port: int) -> int:
        """Serves the application that `make` returns for the port; returns the port.

        Raises:
            DlstreamError: address or port can't be used.
        """
        return asyncio.run_coroutine_threadsafe(self._serve(make, address, port), self._loop).result()

    async def _serve(self, make: Callable[[int], web.Application], address: str, port: int) -> int:
        try:
            # Bound before the application is made: it has to know its port.
            server = _socket(address, port)
        except OSError as error:
            advice = "is another panel running? Choose another: `panel: {port: 8643}` in the rig file, or --port 8643"
            raise DlstreamError(f"the page can't be served on {address}, port {port} ({error}); {advice}") from error
        port = int(server.getsockname()[1])
        app = make(port)
        # What is sent compressed stays so, and is no JSON: a small body could become a large one.
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, shutdown_timeout=_END, auto_decompress=False
        )
        await self._runner.setup()
        assert self._runner.server is not None
        self._listening = await self._loop.create_server(
            app["door"].before(self._runner.server), sock=server, backlog=64
        )
        return port

    async def _end(self, runner: web.AppRunner) -> None:
        if self._listening is not None:
            self._listening.close()
        await runner.cleanup()

    def post(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Calls something in the server's thread; from any thread, and nothing happens once it is closed."""
        with self._lock:
            if self._open:
                self._loop.call_soon_threadsafe(call, *arguments)

    def close(self) -> None:
        """Says good-bye to the browsers and ends the thread."""
        with self._lock:
            was_open, self._open = self._open, False
        if not was_open:
            return
        if self._runner is not None:
            with suppress(Exception):
                asyncio.run_coroutine_threadsafe(self._end(self._runner), self._loop).result(2 * _END)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()


def _socket(address: str, port: int) -> Any:
    import socket

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(64)
        server.setblocking(False)
    except OSError:
        server.close()
        raise
    return server
