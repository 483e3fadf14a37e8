"""A line of an NI-DAQ card, digital or analog."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from dlstream_common import Problem, now
from dlstream_common.settings import misfit
from dlstream_outputs.actions import Action, Level, On, Pulse, Strength, Train
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings
from dlstream_outputs.outputs._ni_line import NO_GRPC, NiLine, pulses
from dlstream_outputs.outputs._timed_line import TimedLine, timing_problem

_MOST_TICKS = 5_000_000
_LOOK = 0.5
"""Seconds between two questions whether the card is still there."""
_INSTANT = 1e-9
"""Milliseconds that are none, as rounding leaves them."""


class NidaqSettings(OutputSettings):
    """Drives one line of an NI card. Pulses and trains run by the card's own clock, where the line has one."""

    type: Literal["nidaq"] = "nidaq"
    """Type of the output."""
    channel: Annotated[str, Field(pattern=r"^[^/\s]+/(port\d+/line\d+|PFI\d+|ao\d+)$")]
    """The line as NI names it: Dev1/port0/line0 or Dev1/PFI6 (digital), Dev1/ao0 (analog)."""
    volts: Annotated[float, Field(gt=0, le=10)] = 5.0
    """Voltage of an analog channel that is fully on."""
    rate: Annotated[float, Field(ge=1000, le=1_000_000)] = 10_000.0
    """Ticks a second of the card's clock, to which pulses are rounded: 10000 are 0.1 ms."""
    timing: Literal["auto", "card", "computer"] = "auto"
    """Who times pulses and trains; auto: the computer on PFI lines, which have no clock, the card on all others."""
    server: str = ""
    """host:port of an NI gRPC Device Server that has the card, such as lab-pc:31763. Left out: this computer."""

    actions = (On, Level, Pulse, Train)

    @property
    def is_analog(self) -> bool:
        """Whether the channel is an analog one."""
        return "/ao" in self.channel

    @property
    def timed_by_computer(self) -> bool:
        """Whether this computer times pulses and trains."""
        return self.timing == "computer" or (self.timing == "auto" and "/PFI" in self.channel)

    @model_validator(mode="after")
    def _digital_only(self) -> NidaqSettings:
        if self.is_analog and self.timed_by_computer:
            raise misfit("timing", "auto or card, as the channel is an analog one")
        return self

    @model_validator(mode="after")
    def _analog_only(self) -> NidaqSettings:
        if not self.is_analog and "volts" in self.model_fields_set:
            raise misfit("volts", "an analog channel, such as Dev1/ao0, where volts are given")
        return self

    def check(self) -> None:
        if self.server and find_spec("grpc") is None:
            raise OutputError(NO_GRPC)

    def check_action(self, action: Action) -> Problem | None:
        if isinstance(action, Strength):
            if not self.is_analog and (action.voltage is not None or action.level not in (None, 0.0, 1.0)):
                key = "level" if action.voltage is None else "voltage"
                return Problem(("values", key), "a strength", "no strength: the line is digital, on or off")
            if action.voltage is not None and not 0 <= action.voltage <= self.volts:
                return Problem(("values", "voltage"), f"{action.voltage:g} V", f"0 to {self.volts:g} V")
        if self.timed_by_computer:
            return timing_problem(action)
        if isinstance(action, (Pulse, Train)):
            return self._too_fine_or_long(action)
        return None

    def _too_fine_or_long(self, action: Pulse | Train) -> Problem | None:
        if action.seconds is None:
            return Problem(("values",), "a train without an end", "count or duration: the card must know its end")
        tick = 1000 / self.rate
        shortest = f"{tick:g} ms at least, a tick of the clock"
        if action.width is not None and action.width < tick - _INSTANT:
            return Problem(("values", "width"), f"{action.width:g} ms", shortest)
        gap = 1000 / action.frequency - action.width if isinstance(action, Train) else tick
        if gap < tick - _INSTANT:
            return Problem(("values", "frequency"), f"a gap of {gap:.3g} ms between pulses", shortest)
        if action.seconds * self.rate > _MOST_TICKS:
            longest = _MOST_TICKS / self.rate
            return Problem(
                ("values",), f"{action.seconds:g} s", f"at most {longest:g} s at {self.rate:g} ticks a second"
            )
        return None

    @property
    def exclusive(self) -> Mapping[str, str]:
        return {"channel": f"{self.channel} of {self.server or 'this computer'}"}

    def without_computer(self) -> Fate:
        if self.timed_by_computer:
            return Fate("it stays on: this computer times its pulses, and nothing on the card ends them", ends=False)
        return Fate("a pulse or train ends by the card's clock, but what is simply on stays on", ends=False)


class Nidaq(Output[NidaqSettings]):
    """See NidaqSettings."""

    requires: ClassVar[Mapping[str, str]] = {"nidaqmx": "nidaqmx[grpc]"}
    acknowledges = "driver wrote"

    def __init__(self, settings: NidaqSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        self._line = NiLine(settings.channel, (0.0, settings.volts), settings.server)
        self._timed = TimedLine(lambda high: self._line.write(float(high))) if settings.timed_by_computer else None
        self._looked, self._lost = 0.0, False

    @classmethod
    def ends(cls, action: Action) -> bool:
        """All but `on`: the card has one clock for all its lines, which a pulse on another one may need meanwhile."""
        return not isinstance(action, On)

    def open(self) -> None:
        self._lost = False
        self._line.open()

    def apply(self, action: Action) -> int:
        if self._timed is not None and isinstance(action, Strength):
            if action.level == 0:
                return self._timed.low()
            return self._timed.play(On() if isinstance(action, Level) else action)
        high = self._value(action)
        if isinstance(action, Pulse):
            assert action.width is not None
            return self._play(action.width, math.inf, 1, 1, math.inf, action.delay, high)
        elif isinstance(action, Train):
            assert action.pulses is not None
            period = 1 / action.frequency
            bursts = action.burst_period
            return self._play(action.width, period, action.pulses, action.burst, bursts, action.delay, high)
        self._line.write(high)
        return now()

    def _play(
        self, width: float, period: float, count: int, burst: int, burst_period: float, delay: float, high: float
    ) -> int:
        """Returns when the first pulse begins; times in ms and s as an action has them."""
        rate = self.settings.rate
        ticks = pulses(width / 1000, period, count, burst, burst_period, delay / 1000, rate, high)
        try:
            self._line.play(ticks, rate)
        except OutputError as error:
            way = "" if self.settings.is_analog else ". If the line has no clock of its own, write timing: computer"
            raise OutputError(f"{error}{way}") from error
        return now() + round(1e6 * delay)

    def _value(self, action: Action) -> float:
        if not self.settings.is_analog:
            return float(not (isinstance(action, Strength) and action.level == 0))
        if isinstance(action, Strength) and action.voltage is not None:
            return action.voltage
        level = action.level if isinstance(action, Strength) else None
        return self.settings.volts * (1.0 if level is None else level)

    def off(self) -> int:
        if self._timed is not None:
            return self._timed.low()
        self._line.write(0.0)
        return now()

    def close(self) -> None:
        if self._timed is not None:
            with suppress(OutputError):  # the line itself says what is wrong
                self._timed.low()
        self._line.close()

    def fault(self) -> str:
        if not self._lost and time.monotonic() - self._looked >= _LOOK:
            self._looked = time.monotonic()
            try:
                self._line.answers()
            except OutputError as error:
                self._lost = True
                return str(error)
        return "" if self._timed is None else self._timed.fault()

    @property
    def hardware_id(self) -> str:
        return self.settings.channel
