"""A lamp that only synthetic cameras see: for trials without a device, and to measure the way to the light."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

from dlstream_common import AnyPath, now
from dlstream_outputs.actions import Action, Level, On, Strength
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings


class LampSettings(OutputSettings):
    """A simulated lamp. A camera with `source: synthetic` and the same file as its `lamp` shows it."""

    type: Literal["lamp"] = "lamp"
    """Type of the output."""
    file: AnyPath
    """File that holds the lamp's brightness, one byte; made if it doesn't exist. Such as /dev/shm/lamp."""

    actions = (On, Level)

    def without_computer(self) -> Fate:
        return Fate("it has no device that could stay on", ends=True)


class Lamp(Output[LampSettings]):
    """See LampSettings."""

    arming = "start"
    acknowledges = "file written"

    def __init__(self, settings: LampSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._file = -1

    def open(self) -> None:
        path = self.settings.file
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(f"file: {path} can't be written ({error})") from error
        self.off()

    def apply(self, action: Action) -> int:
        level = action.level if isinstance(action, Strength) else None
        return self._shine(255 if level is None else round(255 * level))

    def off(self) -> int:
        return self._shine(0)

    def close(self) -> None:
        if self._file >= 0:
            self.off()
            os.close(self._file)
        self._file = -1

    def _shine(self, brightness: int) -> int:
        if self._file >= 0:
            os.pwrite(self._file, bytes([brightness]), 0)
        return now()
