"""A board that takes one byte for on and one for off, as DeepLabStream's Arduino sketch does."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from dlstream_common import Problem
from dlstream_common.settings import misfit
from dlstream_outputs.actions import Action
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings
from dlstream_outputs.outputs._on_or_off import strength_problem
from dlstream_outputs.outputs._timed_line import TIMED, TimedLine, timing_problem
from dlstream_outputs.port_users import open_alone, why_not_opened

_WRITE_TIMEOUT = 0.2


_ESCAPE = re.compile(r"\\(?:([nrt\\])|x([0-9a-fA-F]{2}))")
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def bytes_of(text: str) -> bytes:
    r"""The bytes that a setting stands for: `H`, `'H\n'`, `'\x01'`.

    Raises:
        ValueError: it stands for none; completes "expected ...".
    """
    plain = _ESCAPE.sub("", text)
    if not text or "\\" in plain or any(ord(letter) > 127 for letter in plain):
        raise ValueError(r"one or more bytes, such as H, 'H\n' or '\x01'")
    return _ESCAPE.sub(lambda found: _NAMED[found[1]] if found[1] else chr(int(found[2], 16)), text).encode("latin-1")


def _checked(text: str) -> str:
    bytes_of(text)
    return text


_Bytes = Annotated[str, AfterValidator(_checked)]


class SerialSettings(OutputSettings):
    r"""Writes bytes to a serial port: H for on and L for off at 9600 baud, which DeepLabStream's Arduino sketch takes.

    The board does not answer, so dlstream can't know whether it has obeyed. Pulses and trains are timed by this
    computer, and each edge may be milliseconds late.
    """

    type: Literal["serial"] = "serial"
    """Type of the output."""
    port: str
    """The port, such as /dev/ttyACM0; better /dev/serial/by-id/..., which stays the same."""
    baud_rate: int = Field(9600, ge=50, le=4_000_000)
    """Bits a second, as the board expects."""
    high: _Bytes = "H"
    r"""What switches the board on. Bytes that are no letters: '\n', '\x01'."""
    low: _Bytes = "L"
    """What switches the board off."""
    reset_wait: float = Field(2.0, ge=0, le=60)
    """Seconds to wait after opening: an Arduino Uno restarts and hears nothing meanwhile."""

    actions = TIMED

    @model_validator(mode="after")
    def _differ(self) -> SerialSettings:
        if bytes_of(self.high) == bytes_of(self.low):
            raise misfit("low", "other bytes than those of high")
        return self

    def check_action(self, action: Action) -> Problem | None:
        return strength_problem(action) or timing_problem(action)

    @property
    def exclusive(self) -> Mapping[str, str]:
        return {"port": f"the port {os.path.realpath(self.port)}"}

    def without_computer(self) -> Fate:
        return Fate("it stays on: nothing on the board ends it; give the device a limit of its own", ends=False)


class Serial(Output[SerialSettings]):
    """See SerialSettings."""

    requires: ClassVar[Mapping[str, str]] = {"serial": "pyserial"}
    ends_actions = True
    acknowledges = "driver wrote"

    def __init__(self, settings: SerialSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._port: Any = None
        self._line = TimedLine(self._write)
        self._lost = False

    def open(self) -> None:
        s = self.settings
        self._lost = False
        try:
            self._port = open_alone(s.port, s.baud_rate, timeout=0, write_timeout=_WRITE_TIMEOUT)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise OutputError(f"port: {_reason(s.port, error)}") from error
        try:
            self._line.low()
            time.sleep(s.reset_wait)
            self._line.low()
        except OutputError:
            self.close()
            raise

    def apply(self, action: Action) -> int:
        return self._line.play(action)

    def off(self) -> int:
        return self._line.low()

    def close(self) -> None:
        if self._port is None:
            return
        try:
            self._line.low()
        except OutputError as error:
            self.log(f"closed without a last off: {error}")
        self._port.close()
        self._port = None

    def fault(self) -> str:
        if self._port is not None and not self._lost:
            try:
                self._port.read(self._port.in_waiting)  # what the board says is nobody's; unplugged, this fails
            except OSError as error:
                self._lost = True
                return self._gone(error)
        return self._line.fault()

    @property
    def hardware_id(self) -> str:
        return self.settings.port

    def _write(self, high: bool) -> None:
        if self._port is None:
            return
        try:
            self._port.write(bytes_of(self.settings.high if high else self.settings.low))
        except OSError as error:
            raise OutputError(self._gone(error)) from error

    def _gone(self, error: OSError) -> str:
        return f"{self.settings.port} takes nothing any more ({error}); it keeps its last state: is it unplugged?"


def _reason(port: str, error: Exception) -> str:
    """Why a port can't be opened, and what to do."""
    absent = f"; expected {_ports()}. Plug the board in, and look with: ls -l /dev/serial/by-id"
    return why_not_opened(port, error, absent, "a second rig, Arduino's serial monitor")


def _ports() -> str:
    from serial.tools import list_ports

    found = [f"{item.device} ({item.description})" for item in list_ports.comports() if item.hwid != "n/a"]
    return f"one of {', '.join(found)}" if found else "a board's port, but none is plugged in"
