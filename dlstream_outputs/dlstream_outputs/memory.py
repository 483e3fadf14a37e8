"""What an output has done, in a file: its process may die, and the one after it goes on with what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from dlstream_outputs.actions import Action
from dlstream_outputs.guard import Guard, Memory
from dlstream_outputs.outputs import OutputError

_LOST = "what this output has done so far is not known"


class MemoryFile:
    """Keeps the memory of a guard in a file.

    Args:
        path: the same for each process of an output in a session; None: nothing is kept.
        say: is told what a person should know.
    """

    def __init__(self, path: Path | None, say: Callable[[str], object]) -> None:
        self._path, self._say = path, say
        self._kept, self._refused, self._resumed = Memory(), "", False

    def resume(self, guard: Guard) -> None:
        """Lets the first guard of a process go on where that of the process before has ended; its device is off by now.

        If it can't be known what that one has done, the output stays disarmed until a person arms it.
        """
        if self._resumed:
            return
        self._resumed = True
        if self._path is None:
            if guard.budget.counts:
                self._say("its limits count from now on: a node without a rig does not know what it did before")
            return
        try:
            self._kept = Memory.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:  # the first process
            return
        except (OSError, ValidationError) as error:
            self._say(f"{_LOST}: {self._path} cannot be read ({type(error).__name__})")
            guard.disarm(_LOST)
            return
        if told := guard.resume(self._kept, time.monotonic()):
            self._say(f"its process was started again: {told}")

    def expect(self, guard: Guard, action: Action) -> None:
        """Keeps that an action begins, before the device is told: the process may die while it does that.

        Raises:
            OutputError: the file can't be written; a process that starts again would not know of the action.
        """
        if guard.budget.counts:
            self._write(guard.memory(action, time.monotonic()))

    def keep(self, guard: Guard) -> None:
        """Keeps what has changed; a failure is told, and what was kept before counts more than what was done."""
        with suppress(OutputError):
            self._write(guard.memory())

    def _write(self, memory: Memory) -> None:
        if self._path is None or memory == self._kept:
            return
        new = self._path.with_suffix(".new")
        try:
            new.write_text(memory.model_dump_json())
            new.replace(self._path)
        except OSError as error:
            refused = f"{self._path}: cannot be written: {error.strerror}; expected room for what this output has done"
            if refused != self._refused:
                self._say(refused)
            self._refused = refused
            raise OutputError(refused) from None
        self._kept, self._refused = memory, ""
