"""Commands of dlstream that a page starts, one at a time, each in a process of its own, with what it prints."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from dlstream_common import DlstreamError

_KEPT = 400
_LONGEST_LINE = 500
_GRACE = 20.0
"""Seconds in which a command may end by itself once it was asked to."""
_LINK = re.compile(r"\bopen (http://\S+)")
_TOKEN = re.compile(r"(#token=)[^\s'\"]+")


class JobError(DlstreamError):
    """A command that can't be started or ended now."""


class Jobs:
    """One command at a time. Everything happens in the server's thread.

    Args:
        changed: called whenever there is something new to be seen.
        lookers: whether some of those who read what a command prints may only look: a token in it is not for them.
    """

    def __init__(self, changed: Callable[[], None], lookers: bool = True) -> None:
        self._changed, self._lookers = changed, lookers
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._about: dict[str, Any] = {}
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._grace = _GRACE
        self._over = threading.Event()
        self._over.set()

    @property
    def running(self) -> bool:
        """Whether a command runs."""
        return self._task is not None and not self._task.done()

    def view(self) -> dict[str, Any]:
        """The command that runs or ran last: name, session, words, when, how it ended, its last lines, a link."""
        return {**self._about, "running": self.running, "lines": list(self._lines)}

    def start(self, name: str, words: Sequence[str], grace: float = _GRACE, session: str = "") -> None:
        """Starts `dlstream WORDS`.

        Args:
            session: the id of the session that it is about.
            grace: seconds in which it may end by itself once it was asked to.

        Raises:
            JobError: another one runs.
        """
        if self.running:
            raise JobError(f"'{self._about['name']}' is still running: wait for its end, or end it")
        self._lines.clear()
        self._about = {"name": name, "session": session, "began": time.time() * 1000}
        self._about["command"] = " ".join(("dlstream", *words))
        self._grace = grace
        self._over.clear()
        self._task = asyncio.ensure_future(self._run(words))
        self._changed()

    def stop(self) -> None:
        """Tells the command to end, as Ctrl-C does; kills it if it does not.

        Raises:
            JobError: none runs.
        """
        if not self.running or self._process is None:
            raise JobError("no command is running")
        self._signal(signal.SIGINT)
        asyncio.get_running_loop().call_later(self._grace, self._kill, self._process)

    def close(self) -> None:
        """Ends the command at once: the panel ends."""
        self._signal(signal.SIGKILL)

    def finish(self) -> None:
        """Ends the command as Ctrl-C does, and waits for it; from any other thread."""
        end, told = time.monotonic() + self._grace, False
        while not self._over.wait(0.1) and time.monotonic() < end:
            if self._process is not None and not told:  # it may be starting just now
                self._signal(signal.SIGINT)
                told = True
        self._signal(signal.SIGKILL)

    async def _run(self, words: Sequence[str]) -> None:
        environment = {**os.environ, "COLUMNS": "112", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        code = -1
        try:
            with tempfile.TemporaryDirectory(prefix="dlstream_panel_") as folder:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "dlstream", *words),
                    cwd=folder,
                    env=environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                    limit=1 << 20,
                )
                assert self._process.stdout is not None
                while line := await self._process.stdout.readline():
                    text = self._for_all(line.decode(errors="replace").rstrip())[:_LONGEST_LINE]
                    self._lines.append(text)
                    if found := _LINK.search(text):
                        self._about.setdefault("link", found[1])
                    self._changed()
                code = await self._process.wait()
        except (OSError, ValueError) as error:
            self._signal(signal.SIGKILL)  # it may run: a line without an end
            self._lines.append(f"the command can't be run: {error}")
        finally:
            self._about |= {"code": code, "ended": time.time() * 1000}
            self._process = None
            self._over.set()
            asyncio.get_running_loop().call_soon(self._changed)

    def _for_all(self, text: str) -> str:
        return _TOKEN.sub(r"\1…", text) if self._lookers else text

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _kill(self, process: asyncio.subprocess.Process) -> None:
        if process is self._process:
            self._signal(signal.SIGKILL)
