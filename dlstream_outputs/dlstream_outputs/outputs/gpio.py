"""A pin of a Raspberry Pi: of the one where the output's node runs, or of one in the network that runs pigpiod."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dlstream_common import Problem
from dlstream_outputs.actions import Action, Train
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings
from dlstream_outputs.outputs._on_or_off import strength_problem
from dlstream_outputs.outputs._pi_daemon import LONGEST, MOST_PULSES, DaemonPin, lacks_pigpio
from dlstream_outputs.outputs._pi_pin import LocalPin, lacks_lgpio
from dlstream_outputs.outputs._timed_line import TIMED, timing_problem


class GpioSettings(OutputSettings):
    """A pin of a Raspberry Pi. Run the output's node on the Pi if you can: then it switches off beside the pin.

    There, pulses and trains are timed by the Pi's processor, and each edge may be milliseconds late. With `address`,
    the Pi's pigpiod times them to microseconds, and takes only actions that end by themselves: it would leave a pin on
    if this computer died. pigpiod plays for one output at a time, and does not run on a Raspberry Pi 5.
    """

    type: Literal["gpio"] = "gpio"
    """Type of the output."""
    pin: int = Field(ge=0, le=27)
    """Number of the GPIO, as Broadcom counts: 17 is GPIO17, at contact 11 of the header."""
    active_high: bool = True
    """true: the pin is high when the output is on; false: low, for a relay board that switches on low."""
    address: str = ""
    """Name or address of a Raspberry Pi that runs pigpiod; empty: the computer where the output's node runs."""
    port: int = Field(8888, ge=1, le=65535)
    """Port of pigpiod."""

    actions = TIMED

    def check(self) -> None:
        if lacking := lacks_pigpio() if self.address else lacks_lgpio():
            raise OutputError(lacking)

    def check_action(self, action: Action) -> Problem | None:
        return strength_problem(action) or (self._daemon_problem(action) if self.address else timing_problem(action))

    def _daemon_problem(self, action: Action) -> Problem | None:
        if action.seconds is None:
            key = "count" if isinstance(action, Train) else "duration"
            why = f"Over the network {self.address} would leave it on if this computer died."
            wanted = "count or duration" if isinstance(action, Train) else "duration"
            return Problem(("values", key), "nothing", f"{wanted}, as the output has an address", why)
        if action.seconds > LONGEST:
            found = f"{action.seconds:g} s"
            return Problem(("values",), found, f"at most {LONGEST:g} s for an output with an address")
        if isinstance(action, Train) and (action.pulses or 0) > MOST_PULSES:
            found = f"a train of {action.pulses} pulses"
            return Problem(("values",), found, f"at most {MOST_PULSES} pulses for an output with an address")
        return None

    @property
    def exclusive(self) -> Mapping[str, str]:
        return {"pin": f"GPIO{self.pin} of {self.address or 'the Raspberry Pi'}"}

    @property
    def one_at_a_time(self) -> Mapping[str, str]:
        return {"address": f"pigpiod at {self.address}:{self.port}, which plays one wave"} if self.address else {}

    def without_computer(self) -> Fate:
        if self.address:
            return Fate(f"{self.address} itself ends each action at its time", ends=True)
        return Fate(
            "it stays on if the Pi freezes: nothing there ends it; give the device a limit of its own", ends=False
        )


class Gpio(Output[GpioSettings]):
    """See GpioSettings."""

    requires: ClassVar[Mapping[str, str]] = {"gpiozero": "gpiozero"}
    ends_actions = True
    acknowledges = "pin written; with address: daemon accepted"

    def __init__(self, settings: GpioSettings, log: Callable[[str], None]) -> None:
        super().__init__(settings, log)
        s = settings
        self._pin: LocalPin | DaemonPin
        if s.address:
            self._pin = DaemonPin(s.address, s.port, s.pin, active_high=s.active_high)
        else:
            self._pin = LocalPin(s.pin, active_high=s.active_high)

    def open(self) -> None:
        self._pin.open()

    def apply(self, action: Action) -> int:
        return self._pin.play(action)

    def off(self) -> int:
        return self._pin.low()

    def close(self) -> None:
        problem = self._pin.close()
        if problem:
            self.log(f"closed without a last off: {problem}")

    def fault(self) -> str:
        return self._pin.fault()

    @property
    def hardware_id(self) -> str:
        return f"{self.settings.address or 'this Pi'} GPIO{self.settings.pin}"
