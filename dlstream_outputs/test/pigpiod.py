"""A pigpiod without a Raspberry Pi, for tests: it answers the real `pigpio` client, and notes each edge."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from typing import Any

WRITE, BANK, TICK, CLOSE, VERSION, ADD, BUSY, HALT = 4, 10, 16, 21, 26, 28, 32, 33
CREATE, DELETE, SEND, NEW, NOTIFY = 49, 50, 51, 53, 99
BAD_GPIO, BAD_WAVE, NOT_PERMITTED = -3, -66, -41


class Pigpiod:
    """The state of the Pi.

    Attributes:
        levels: of each GPIO.
        edges: GPIO and level, in their order.
        played: the widths in microseconds of each wave that was sent.
        silent: whether it answers nothing any more, as behind a cut link.
        late: whether its next answer comes only with that to the command after it.
    """

    def __init__(self) -> None:
        self.levels = [0] * 54
        self.edges: list[tuple[int, int]] = []
        self.played: list[list[tuple[int, int, int]]] = []
        self.silent = self.late = False
        self.forbidden: set[int] = set()
        self.hold = False
        """Whether waves play on until they are halted, however short they are."""
        self._new: list[tuple[int, int, int]] = []
        self._waves: dict[int, list[tuple[int, int, int]]] = {}
        self._playing: threading.Event | None = None
        self._lock = threading.RLock()
        self._count = 0
        self._server: Any = None
        self.port = 0
        self.start()

    def start(self) -> None:
        """Begins to listen, on the same port as before."""
        pi = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                pi.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._connections: set[socket.socket] = set()
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Ends as a process does that is killed: every connection is closed. A wave plays on."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            for connection in self._connections:
                connection.shutdown(socket.SHUT_RDWR)

    def serve(self, connection: socket.socket) -> None:
        """Answers one client until it goes."""
        with self._lock:
            self._connections.add(connection)
        kept = b""
        try:
            while (head := connection.recv(16, socket.MSG_WAITALL)) and len(head) == 16:
                command, first, second, size = struct.unpack("<IIII", head)
                more = connection.recv(size, socket.MSG_WAITALL) if size else b""
                with self._lock:
                    result = self._answer(command, first, second, more)
                answer = kept + struct.pack("<IIIi", command, first, second, result)
                if self.late:
                    self.late, kept = False, answer
                elif not self.silent:
                    connection.sendall(answer)
                    kept = b""
        except OSError:
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _answer(self, command: int, first: int, second: int, more: bytes) -> int:
        if command == WRITE:
            if first >= len(self.levels):
                return BAD_GPIO
            if first in self.forbidden:
                return NOT_PERMITTED
            self._set(first, second)
        elif command == NEW:
            self._new = []
        elif command == ADD:
            self._new += [struct.unpack_from("<III", more, place) for place in range(0, len(more), 12)]
            return len(self._new)
        elif command == CREATE:
            self._count += 1
            self._waves[self._count] = self._new
            return self._count
        elif command == DELETE:
            return 0 if self._waves.pop(first, None) else BAD_WAVE
        elif command == SEND:
            return self._send(self._waves[first]) if first in self._waves else BAD_WAVE
        elif command == BUSY:
            return int(self._playing is not None)
        elif command == HALT:
            self._halt()
        return {VERSION: 79, TICK: 1, BANK: 0, NOTIFY: 0, CLOSE: 0}.get(command, 0)

    def _send(self, wave: list[tuple[int, int, int]]) -> int:
        self._halt()
        self.played.append(wave)
        self._playing = halted = threading.Event()
        threading.Thread(target=self._play, args=(wave, halted), daemon=True).start()
        return len(wave)

    def _halt(self) -> None:
        if self._playing is not None:
            self._playing.set()
            self._playing = None

    def _play(self, wave: list[tuple[int, int, int]], halted: threading.Event) -> None:
        at = time.monotonic()
        for on, off, microseconds in wave:
            with self._lock:
                if halted.is_set():
                    return
                for gpio in range(32):
                    if (on | off) >> gpio & 1:
                        self._set(gpio, on >> gpio & 1)
            at += microseconds / 1e6
            if halted.wait(None if self.hold else max(0.0, at - time.monotonic())):
                return
        with self._lock:
            if self._playing is halted:
                self._playing = None

    def _set(self, gpio: int, level: int) -> None:
        if self.levels[gpio] != level:
            self.levels[gpio] = level
            self.edges.append((gpio, level))
