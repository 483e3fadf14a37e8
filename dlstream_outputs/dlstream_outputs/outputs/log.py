"""An output without a device: it writes its commands to the log. For rigs without a device, and for trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TextIO

from dlstream_common import OFF, AnyPath, Problem, now
from dlstream_outputs.actions import VOCABULARY, Action, OtherAction, read_action
from dlstream_outputs.outputs._base import Actions, Fate, Output, OutputError, OutputSettings


class LogSettings(OutputSettings):
    """Acknowledges every command at once and writes it to the log, and to `file` if that is given."""

    type: Literal["log"] = "log"
    """Type of the output."""
    file: AnyPath | None = None
    """Text file for one line per action: nanoseconds since the epoch, a tab, then the action with its values."""

    @property
    def actions_to_try(self) -> Actions:
        return VOCABULARY

    def read(self, action: str, values: Mapping[str, str]) -> Action | Problem:
        known = read_action(action, values, VOCABULARY)
        return known if isinstance(known, Action) else OtherAction(word=action, values=dict(values))

    def without_computer(self) -> Fate:
        return Fate("it has no device that could stay on", ends=True)


class Log(Output[LogSettings]):
    """See LogSettings."""

    arming = "start"

    def __init__(self, settings: LogSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._file: TextIO | None = None

    def open(self) -> None:
        path = self.settings.file
        if path is None:
            return
        try:
            self._file = path.open("a", encoding="utf-8", buffering=1)  # a line is in the file at once
        except OSError as error:
            raise OutputError(f"file: {path} can't be written ({error})") from error

    def apply(self, action: Action) -> int:
        return self._write(action.text)

    def off(self) -> int:
        return self._write(OFF)

    def _write(self, text: str) -> int:
        applied = now()
        if self._file is not None:
            self._file.write(f"{applied}\t{text}\n")
        self.log(text)
        return applied

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
