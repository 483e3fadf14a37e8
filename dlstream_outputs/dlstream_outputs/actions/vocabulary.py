"""The actions of outputs and their values. Numbers are in the unit that their description names."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from dlstream_common.settings import misfit
from dlstream_outputs.actions.action import Action
from dlstream_outputs.actions.presentation import Play, Show
from dlstream_outputs.actions.quantities import (
    Hertz,
    Microlitres,
    Milliseconds,
    Milliwatts,
    Plain,
    Seconds,
    Volts,
)
from dlstream_outputs.actions.rhythm import Rhythm


class Strength(Action):
    """An action with a strength: at most one of `level`, `power` and `voltage`; without one, its full strength."""

    level: Annotated[float, Plain, Field(ge=0, le=1)] | None = None
    """Strength from 0 to 1."""
    power: Milliwatts | None = None
    """Strength in mW; needs a `calibration` of the output."""
    voltage: Volts | None = None
    """Strength in V, of an analog output."""

    @model_validator(mode="after")
    def _one_strength(self) -> Strength:
        given = [name for name in ("level", "power", "voltage") if getattr(self, name) is not None]
        if len(given) > 1:
            raise misfit(given[1], f"only one of {', '.join(given)}")
        return self


class On(Strength):
    """Switches on: `on`, or `on` with `duration: 2 s`."""

    name = "on"
    duration: Seconds | None = None
    """Seconds until it switches off by itself; left out: until it gets `off`."""

    @property
    def seconds(self) -> float | None:
        return self.duration


class Pulse(Strength):
    """One pulse: `pulse` with `width: 5 ms`."""

    name = "pulse"
    width: Milliseconds | None = None
    """Length in ms."""
    volume: Microlitres | None = None
    """Volume in ul, in place of `width`; needs a `calibration` of the output."""
    delay: Milliseconds = 0.0
    """Time in ms from the command to the pulse."""

    @model_validator(mode="after")
    def _one_length(self) -> Pulse:
        if self.width is None and self.volume is None:
            raise misfit("width", "the length of the pulse, such as width: 5 ms")
        if self.width is not None and self.volume is not None:
            raise misfit("volume", "only one of width and volume")
        if self.width == 0:
            raise misfit("width", "more than 0 ms")
        return self

    @property
    def seconds(self) -> float | None:
        return None if self.width is None else (self.delay + self.width) / 1000

    @property
    def on_seconds(self) -> float | None:
        return None if self.width is None else self.width / 1000

    @property
    def longest_on(self) -> float | None:
        return self.on_seconds


class Train(Strength):
    """A train of pulses: `train` with `frequency: 20 Hz`, `width: 5 ms` and `duration: 1 s`."""

    name = "train"
    frequency: Hertz
    """Pulses a second, in Hz."""
    width: Milliseconds
    """Length of each pulse in ms."""
    count: Annotated[int, Plain, Field(ge=1, le=1_000_000)] | None = None
    """Number of pulses, or of bursts where `burst` is given."""
    duration: Seconds | None = None
    """Length of the train in seconds, in place of `count`; neither: until it gets `off`."""
    delay: Milliseconds = 0.0
    """Time in ms from the command to the first pulse."""
    burst: Annotated[int, Plain, Field(ge=1, le=10_000)] = 1
    """Pulses in a burst; 1: no bursts."""
    burst_frequency: Hertz | None = None
    """Bursts a second, in Hz; needed with `burst`."""

    @model_validator(mode="after")
    def _possible(self) -> Train:
        if self.width == 0:
            raise misfit("width", "more than 0 ms")
        period = 1000 / self.frequency
        if self.width >= period:
            raise misfit("width", f"less than {period:g} ms, the time between two pulses at {self.frequency:g} Hz")
        if self.count is not None and self.duration is not None:
            raise misfit("duration", "only one of count and duration")
        if self.burst > 1 and self.burst_frequency is None:
            raise misfit("burst_frequency", "bursts a second, as burst is given")
        if self.burst == 1 and self.burst_frequency is not None:
            raise misfit("burst", "the number of pulses in a burst, 2 or more, as burst_frequency is given")
        if self.burst_frequency is not None and self.burst * period > 1000.000001 / self.burst_frequency:
            most = 1000 / (self.burst * period)
            raise misfit("burst_frequency", f"at most {most:g} Hz: {self.burst} pulses take {self.burst * period:g} ms")
        if self.pulses == 0:
            raise misfit("duration", f"at least {self.width / 1000:g} s, the length of one pulse")
        return self

    @property
    def pulses(self) -> int | None:
        """Number of pulses, the last of which is whole; None: without end."""
        if self.count is not None:
            return self.count * self.burst
        if self.duration is None:
            return None
        bursts, rest = divmod(round(self.duration * 1e6), round(1e6 * self.burst_period))
        in_rest = max(0, 1 + (rest - round(1e3 * self.width)) // round(1e6 / self.frequency))
        return int(bursts) * self.burst + min(self.burst, int(in_rest))

    @property
    def burst_period(self) -> float:
        """Seconds from the begin of a burst to that of the next; without bursts, of a pulse."""
        return 1 / (self.burst_frequency or self.frequency)

    @property
    def seconds(self) -> float | None:
        if self.pulses is None:
            return None
        bursts, within = divmod(self.pulses - 1, self.burst)
        return self.delay / 1000 + bursts * self.burst_period + within / self.frequency + self.width / 1000

    @property
    def duty_cycle(self) -> float:
        return self.burst * self.width / 1000 / self.burst_period

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.width / 1000, 1 / self.frequency, self.burst, self.burst_period)

    @property
    def on_seconds(self) -> float | None:
        return None if self.pulses is None else self.pulses * self.width / 1000

    @property
    def longest_on(self) -> float | None:
        return self.width / 1000


class Level(Strength):
    """Sets a strength until the next command: `level` with `level: 0.3`, `power: 8 mW` or `voltage: 2 V`."""

    name = "level"

    @model_validator(mode="after")
    def _given(self) -> Level:
        if self.level is None and self.power is None and self.voltage is None:
            raise misfit("level", "a strength: level (0 to 1), power or voltage")
        return self


class OtherAction(Action):
    """A word of an output's own, with its values as they were written."""

    name = "other"
    word: str
    """The word."""
    values: dict[str, str] = {}
    """The values by name."""

    @property
    def text(self) -> str:
        return " ".join([self.word, *(f"{key}={value}" for key, value in self.values.items())])


VOCABULARY: tuple[type[Action], ...] = (On, Pulse, Train, Level, Show, Play)
"""Every word but "off", which each output knows."""
