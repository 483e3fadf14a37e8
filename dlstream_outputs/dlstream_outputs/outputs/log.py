"""An output without a device: it writes its commands to the log. For rigs that have none, and for trying."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from dlstream_common import OFF, now
from dlstream_outputs.outputs._base import Output, OutputSettings, OutputType


class LogSettings(OutputSettings):
    """Acknowledges every command at once and writes it to the log."""

    type: Literal["log"] = "log"
    """Kind of the output."""


class Log(Output[LogSettings]):
    """See LogSettings."""

    def open(self) -> None:
        pass

    def apply(self, action: str, values: Mapping[str, str]) -> int:
        applied = now()
        self.log(" ".join([action, *(f"{key}={value}" for key, value in values.items())]))
        return applied

    def off(self) -> int:
        return self.apply(OFF, {})

    def close(self) -> None:
        pass


OUTPUT = OutputType("log", LogSettings, Log)
