"""A digital line or an analog output of a LabJack T4, T7 or T8, by Modbus TCP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from dlstream_common import Problem
from dlstream_common.settings import misfit
from dlstream_outputs.actions import Action, Level, On, Strength
from dlstream_outputs.claim import Claim
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings
from dlstream_outputs.outputs._labjack_registers import PORT, LabJack, line_number
from dlstream_outputs.outputs._on_or_off import strength_problem
from dlstream_outputs.outputs._timed_line import TIMED, TimedLine, timing_problem

_DAC = re.compile(r"DAC([01])")
_LOOK = 0.5
"""Seconds between two questions whether the device is still there."""
_TURN = 5.0
"""Seconds in which another output of this computer must have set the watchdog, which all of a device share."""


def _known_line(name: str) -> str:
    if _DAC.fullmatch(name) is None and line_number(name) is None:
        raise ValueError("a line of a LabJack: FIO0 to FIO7, EIO0 to EIO7, CIO0 to CIO3, MIO0 to MIO2, DAC0 or DAC1")
    return name


class LabjackSettings(OutputSettings):
    """A line of a LabJack T4, T7 or T8 in the network. Its own watchdog switches off if this computer dies.

    Pulses and trains are timed by this computer, and each edge may be milliseconds late.
    """

    type: Literal["labjack"] = "labjack"
    """Type of the output."""
    address: str = Field(min_length=1)
    """Name or address of the LabJack in the network, such as 192.168.1.207."""
    port: int = Field(PORT, ge=1, le=65535)
    """Port of its Modbus server."""
    line: Annotated[str, AfterValidator(_known_line)]
    """The line as LabJack names it: FIO0 to MIO2 are digital, DAC0 and DAC1 analog."""
    active_high: bool = True
    """true: a digital line is high when the output is on; false: low, for a relay board that switches on low."""
    volts: float = Field(5.0, gt=0, le=10)
    """Voltage of a DAC that is fully on."""
    watchdog: int = Field(2, ge=0, le=3600)
    """Seconds without a sign of life after which the device itself switches off, one at least; 0: it stays on."""

    actions = (*TIMED, Level)

    @model_validator(mode="before")
    @classmethod
    def _formerly_host(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "host" in data and "address" not in data:
            raise misfit(
                "host", "the key address for where the LabJack is (host: which of the rig's hosts runs the node)"
            )
        return data

    @model_validator(mode="after")
    def _fits(self) -> LabjackSettings:
        if self.channel is None and "volts" in self.model_fields_set:
            raise misfit("volts", "an analog line, DAC0 or DAC1, where volts are given")
        if self.channel is not None and not self.active_high:
            raise misfit("active_high", "true: an analog line is off at 0 V")
        if not self.active_high and self.watchdog and "watchdog" in self.model_fields_set:
            raise misfit(
                "watchdog", "0 where active_high is false: dlstream's watchdog makes lines low, which is on here"
            )
        return self

    @property
    def channel(self) -> int | None:
        """The number of the DAC; None: the line is digital."""
        found = _DAC.fullmatch(self.line)
        return None if found is None else int(found[1])

    @property
    def guarded_for(self) -> int:
        """Seconds until the device's watchdog switches off; 0: never."""
        return self.watchdog if self.active_high else 0

    @property
    def exclusive(self) -> Mapping[str, str]:
        """What only one output can use, by the key that names it."""
        return {"line": f"{self.line} of the LabJack at {self.address}"}

    def check_action(self, action: Action) -> Problem | None:
        if self.channel is None:
            if isinstance(action, Level):
                return Problem(("action",), "'level'", f"on, pulse, train or off: {self.line} is a digital line")
            return strength_problem(action) or timing_problem(action)
        if isinstance(action, Strength) and action.voltage is not None and not 0 <= action.voltage <= self.volts:
            return Problem(("values", "voltage"), f"{action.voltage:g} V", f"0 to {self.volts:g} V")
        return timing_problem(action)

    def without_computer(self) -> Fate:
        if not self.guarded_for:
            return Fate("it stays on: its watchdog is not used; give the device a limit of its own", ends=False)
        alone = "unless another output of the LabJack lives on and feeds it"
        return Fate(f"the LabJack's own watchdog switches it off after {self.guarded_for} s, {alone}", ends=True)


class Labjack(Output[LabjackSettings]):
    """See LabjackSettings."""

    requires: ClassVar[Mapping[str, str]] = {"pymodbus": "pymodbus"}
    ends_actions = True
    acknowledges = "device answered"

    def __init__(self, settings: LabjackSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._device = LabJack(settings.address, settings.port)
        self._line = TimedLine(self._switch)
        self._claim = Claim("labjack")
        self._volts = settings.volts
        self._looked = self._fed = 0.0
        self._lost = False

    def open(self) -> None:
        self._lost = False
        self._device.open()
        try:
            if not self._claim.take(f"{self._device.serial} {self.settings.line}"):
                raise OutputError(
                    f"line: {self.settings.line} of the {self._device.description}, is in use by another rig on this "
                    "computer; expected a line of its own. End that rig first"
                )
            self._line.low()
            self._guard(self.settings.guarded_for)
        except OutputError:
            self._device.close()
            self._claim.give_back()
            raise
        self.log(self._device.description)

    def apply(self, action: Action) -> int:
        self._feed()
        self._volts = self._volts_of(action)  # not earlier: what is being played still has its own
        return self._line.play(On() if isinstance(action, Level) else action)

    def off(self) -> int:
        return self._line.low()

    def keep_alive(self) -> None:
        if time.monotonic() - self._fed >= self.settings.guarded_for / 8:
            self._feed()

    def fault(self) -> str:
        if self._device.is_open and not self._lost and time.monotonic() - self._looked >= _LOOK:
            self._looked = time.monotonic()
            try:
                self._device.answers()
            except OutputError as error:
                self._lost = True
                return str(error)
        return self._line.fault()

    def close(self) -> None:
        if not self._device.is_open:
            return
        try:
            self._line.low()
            self._guard(0)
        except OutputError as error:
            self.log(f"closed without a last off: {error}")
        self._device.close()
        self._claim.give_back()

    @property
    def hardware_id(self) -> str:
        return f"{self._device.description or self.settings.address} {self.settings.line}"

    def _volts_of(self, action: Action) -> float:
        if not isinstance(action, Strength):
            return self.settings.volts
        if action.voltage is not None:
            return action.voltage
        return self.settings.volts * (1.0 if action.level is None else action.level)

    def _guard(self, seconds: int) -> None:
        channel, line = self.settings.channel, line_number(self.settings.line)
        if seconds or self.settings.guarded_for:
            with self._watchdog_alone():
                self._device.guard(seconds, line, channel)

    @contextmanager
    def _watchdog_alone(self) -> Iterator[None]:
        """While the watchdog is set: an output that read its settings before another one wrote them would undo those.

        Raises:
            OutputError: another output has been at it for too long.
        """
        claim, end = Claim("labjack"), time.monotonic() + _TURN
        while not claim.take(f"{self._device.serial} watchdog"):
            if time.monotonic() > end:
                raise OutputError(
                    f"watchdog: another output of the {self._device.description}, has been setting it for {_TURN:g} s; "
                    "expected it to be ready sooner. End that output's rig first"
                )
            time.sleep(0.02)
        try:
            yield
        finally:
            claim.give_back()

    def _feed(self) -> None:
        if self.settings.guarded_for:
            self._device.feed()
            self._fed = time.monotonic()

    def _switch(self, high: bool) -> None:
        if not self._device.is_open:
            return
        channel = self.settings.channel
        if channel is not None:
            self._device.set_volts(channel, self._volts if high else 0.0)
            return
        number = line_number(self.settings.line)
        assert number is not None
        self._device.set_line(number, high == self.settings.active_high)
