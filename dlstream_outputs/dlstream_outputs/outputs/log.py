"""An output without a device: it writes its commands to the log. For rigs without a device, and for trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TextIO

from dlstream_common import OFF, AnyPath, now
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings


class LogSettings(OutputSettings):
    """Acknowledges every command at once and writes it to the log, and to `file` if that is given."""

    type: Literal["log"] = "log"
    """Type of the output."""
    file: AnyPath | None = None
    """Text file for one line per action: nanoseconds since the epoch, a tab, then the action with its values."""

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

    def apply(self, action: str, values: Mapping[str, str]) -> int:
        applied = now()
        text = " ".join([action, *(f"{key}={value}" for key, value in values.items())])
        if self._file is not None:
            self._file.write(f"{applied}\t{text}\n")
        self.log(text)
        return applied

    def off(self) -> int:
        return self.apply(OFF, {})

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
