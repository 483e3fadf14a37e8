"""Decides what an output may do and when it must switch off by itself. No ROS, no device, no clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dlstream_common import OFF
from dlstream_outputs.actions import Action
from dlstream_outputs.actions.limits import Budget, Use
from dlstream_outputs.outputs import OutputSettings

_SECOND = 1_000_000_000
_MARGIN = 0.02
"""Seconds after the end of an action until a device is switched off that ends it: a late clock must not cut a pulse."""
_INSTANT = 1e-6
"""Seconds that are none: what rounding leaves of a limit that is used up."""
ANYONE = "anyone"
"""In `also_commanded_by`: whatever the source."""
_ARM_IT = "; arm it with `dlstream output arm` or ~/arm"


@dataclass(frozen=True)
class Order:
    """A command as the output node received it.

    Attributes:
        sent: when it was sent, by the sender's clock, in nanoseconds since the epoch; 0: unknown.
        arm: whether it says that it comes from a run that is starting, which arms an output that a run may arm.
        by_hand: whether it comes from the output's own service ~/test, and not from a topic.
    """

    source: str
    id: int
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    sent: int = 0
    arm: bool = False
    by_hand: bool = False

    @property
    def text(self) -> str:
        """Action and values: `show image=left`."""
        return " ".join([self.action, *(f"{key}={value}" for key, value in self.values.items())])


@dataclass(frozen=True)
class Refusal:
    """Why an order is not carried out; `again`: it would be at another moment."""

    text: str
    again: bool = False


class Memory(BaseModel):
    """What a guard knows that the next one of the same output has to know. Times are those of one boot.

    Attributes:
        uses: what the output did in the last minute, and what it does now.
        on: whether the last of them has not ended.
        energy: mJ in the session, without what the output does now.
        in_run: whether they are of a run that had not ended.
        disarmed: why a person or the rig has disarmed it; empty: nobody has.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    uses: tuple[Use, ...] = ()
    on: bool = False
    energy: float = 0.0
    in_run: bool = False
    disarmed: str = ""


class Guard:
    """Refuses commands, and says when the output must switch off without one.

    Stamps are nanoseconds since the epoch; `steady` is in seconds of a monotonic clock (time.monotonic()).

    Args:
        ends: whether its device ends an action by itself: see Output.ends.
        clock_error: of its device: see Output.clock_error.

    Attributes:
        state: what the output is doing: "off", or the current action with its values.
        reason: why it switched off without a command, or why it is disarmed; empty otherwise.
        order: the last order that was carried out.
        running: whether the commander's last heartbeat reported a run in progress.
        budget: what it has done.
    """

    def __init__(
        self,
        settings: OutputSettings,
        arming: Literal["start", "run", "hand"],
        ends: Callable[[Action], bool | None] = lambda action: None,
        clock_error: float = 0.0,
    ) -> None:
        self._settings, self._ends, self._clock_error = settings, ends, clock_error
        self._arming = arming if settings.arming == "auto" else settings.arming
        self.commander = settings.commander.rpartition("/")[2]
        self.armed = self._arming == "start"
        self.state, self.reason = OFF, ""
        self.order = Order("", 0, OFF)
        self.running = False
        self._locked = False  # disarmed by hand or by the rig: no run arms it
        self._armed_by_run = False
        self._lost_run = False  # silence disarmed it in a run, which arms it again when it is heard
        self._in_run = False  # a run has begun whose end was not heard, whatever has disarmed or ended this since
        self._disarmed = ""  # why it was disarmed, where that lasts longer than this process
        self._heard, self._commanded = 0.0, 0
        self._late, self._came = 0.0, 0.0
        self._until, self._planned = math.inf, math.inf
        self._ended_by = ""  # the limit that ends it at `_planned`; empty: it is over then
        self.limited = False
        self._reached = ""  # max_on, which ended what it did: nothing endless begins before an "off"
        self.budget = Budget(settings.limits, ends)

    @property
    def on(self) -> bool:
        """Whether the output does anything."""
        return self.state != OFF

    @property
    def armable(self) -> bool:
        """Whether the start of a run arms the output."""
        return self._arming == "run" and not self._locked

    # Commands.

    def refusal(
        self, order: Order, stamp: int, ahead: int = 0, doubt: int = 0, steady: float | None = None
    ) -> Refusal | None:
        """Why an order can't be carried out now; None if it can. "off" always can.

        Args:
            ahead: nanoseconds by which the sender's clock is ahead of this computer's, where they are two.
            doubt: greatest error of that; an age that may be too great is.
            steady: now; None: whether the commander's heartbeats come late is not looked at.
        """
        if order.action == OFF:
            return None
        if not (order.by_hand or self._may_command(order.source)):
            found = f"found {order.action!r} from {order.source!r}"
            allowed = " or ".join(f"'{name}'" for name in (self.commander, *self._settings.also_commanded_by))
            return Refusal(
                f"{found}; expected a command from {allowed}, or '{OFF}'. To allow others: also_commanded_by"
            )
        if steady is not None and order.source == self.commander and self._comes_late(steady):
            late = f"the heartbeats of {self._settings.commander} come {self._late:.3f} s late"
            wanted = f"less than commander_timeout, {self._settings.commander_timeout:g} s"
            return Refusal(f"found '{order.action}' while {late}; expected {wanted}", again=True)
        if not (self.armed or (self._begins_run(order) and self.armable)):
            found = f"found '{order.action}' for a disarmed output{self._why_disarmed()}"
            return Refusal(f"{found}; expected only '{OFF}'", again=self._lost_run)
        limit = self._settings.max_command_age
        if not limit or (not order.sent and order.source != self.commander):
            return None
        age, doubt_s = (stamp - order.sent + ahead) / _SECOND, doubt / _SECOND
        known = f" (the hosts' clocks are compared to within {doubt_s:.3f} s)" if doubt else ""
        if age + doubt_s > limit:
            found = f"found '{order.action}', sent {age:.3f} s ago{known}"
            return Refusal(f"{found}; expected at most max_command_age, {limit:g} s", again=True)
        if doubt_s - age > limit:
            early = f"the clock of {order.source} is {-age:.3f} s ahead of this computer's{known}"
            return Refusal(
                f"found '{order.action}', sent in the future ({early}); expected clocks that agree within {limit:g} s"
            )
        return None

    def test_refusal(self, seconds: float, steady: float) -> str:
        """Why it can't be tried by hand now, for so many seconds; empty if it can."""
        limit = self._settings.manual_timeout
        if not 0 < seconds <= limit:
            return f"seconds: found {seconds:g}; expected more than 0, at most {limit:g}"
        self.due(steady)  # a commander that has fallen silent is not running anything
        return "an experiment is running; stop it first" if self.running else ""

    def _may_command(self, source: str) -> bool:
        return source == self.commander or not {source, ANYONE}.isdisjoint(self._settings.also_commanded_by)

    def _begins_run(self, order: Order) -> bool:
        """Whether an order is of a run, which arms; who else may command does not."""
        return order.arm and order.source == self.commander

    def _why_disarmed(self) -> str:
        if self._locked:
            return f" ({self.reason}{_ARM_IT})"
        if self._lost_run:
            return f" ({self._settings.commander} was not heard)"
        return f" (arming: {self._arming}{_ARM_IT if self._arming == 'hand' else ''})"

    def exhausted(self, action: Action, steady: float, by_hand: bool = False) -> str:
        """Why a limit of the output leaves nothing for an action now; empty if it may begin."""
        if self._reached and not by_hand and action.longest_on is None:
            return f"found '{action.text}', but {self._reached} is reached; expected '{OFF}' first"
        left, limit = self.budget.left(action, self._settings.power_of(action), steady)
        if left > _INSTANT:
            return ""
        expected = "another session" if self.budget.is_energy(limit) else "a pause"
        return f"found '{action.text}', but {limit} is used up; expected {expected}"

    def carried_out(self, order: Order, steady: float, action: Action | None = None, age: float = 0.0) -> None:
        """Notes that an order has been carried out: it is what the output does from now on.

        Args:
            action: None for off.
            age: seconds since it was sent, as far as the clocks show it.
        """
        if self._begins_run(order):
            if self.armable and not self.armed:
                self.armed = self._armed_by_run = True
                if not (self._in_run or self._settings.one_session):
                    self.budget.new_session()
                self._lost_run = False
            self._in_run = True
        self.order, self.state, self.limited = order, OFF if order.action == OFF else order.text, False
        if order.action == OFF:
            self._reached = ""
        if not self._locked:  # the "off" of another sender may give its reason
            self.reason = order.values.get("reason", "") if order.action == OFF else ""
        self._until = self._planned = math.inf
        if action is None:
            self.budget.ended(steady)
        else:  # what was on before counts: no command begins max_on again
            self._plan(action, steady)
        if order.source == self.commander:
            self._heard, self._commanded = max(self._heard, steady - max(0.0, age)), order.sent
        elif self.on:
            self._until = steady + self._settings.manual_timeout

    def may_have_begun(self, action: Action, steady: float) -> None:
        """Counts an action that has failed: the device may do it all the same, until it has been switched off."""
        self.budget.began(action, self._settings.power_of(action), steady)

    def _plan(self, action: Action, steady: float) -> None:
        power = self._settings.power_of(action)
        left, limit = self.budget.left(action, power, steady)
        seconds = math.inf if action.seconds is None else action.seconds + self._margin(action, action.seconds, steady)
        self.budget.began(action, power, steady)
        self._planned, self._ended_by = steady + min(left, seconds), limit if left < seconds else ""

    def _margin(self, action: Action, seconds: float, steady: float) -> float:
        """Seconds after the end of an action at which it is switched off, if the device has not told its end before."""
        if not (ends := self._ends(action)):
            return _MARGIN if ends is None else 0.0
        return max(_MARGIN, min(self._clock_error * seconds, self.budget.spare(action, steady)))

    def ends_after(self, seconds: float, steady: float) -> None:
        """Limits what the output is doing now to this many seconds: see `finished`."""
        if steady + seconds < self._planned:
            self._planned, self._ended_by = steady + seconds, ""

    @property
    def ends_at(self) -> float:
        """When what the output is doing now is over, by the monotonic clock; infinite if that is not known."""
        return self._planned if self.on else math.inf

    # When it switches off by itself.

    def heard(self, running: bool, stamp: int, steady: float, late: float = 0.0) -> str:
        """Handles a heartbeat of the commander; returns why the output must switch off now, empty if it need not.

        Args:
            late: seconds for which it was kept back on its way: it says that the commander lived then, not that it
                does now.
        """
        self._heard, self.running = max(self._heard, steady - late), running
        self._late, self._came = late, steady
        if running and self._lost_run and not self._comes_late(steady):
            self.armed = self._armed_by_run = True
            self._lost_run = False
        if running or stamp <= self._commanded:
            return ""
        self._lost_run = self._in_run = False
        if self._armed_by_run:
            self.armed = self._armed_by_run = False
            return f"the run of {self._settings.commander} has ended" if self.on else ""
        return f"{self._settings.commander} is not running an experiment" if self._by_commander else ""

    def finished(self, steady: float) -> bool:
        """Whether what the output was doing is over: it lasted for a time, or was a test."""
        return self.on and steady >= self._planned and not self._ended_by

    def due(self, steady: float) -> str:
        """Why the output must switch off now; empty if it need not."""
        if self.on and steady >= self._until:
            limit = self._settings.manual_timeout
            return f"manual_timeout ({limit:g} s) has passed since {self.order.source or 'someone'} switched it on"
        if self.on and self._ended_by and steady >= self._planned:
            return f"{self._ended_by} is reached"
        silence, timeout = steady - self._heard, self._settings.commander_timeout
        if not timeout or silence <= timeout:
            return ""
        self.running = False
        if self._armed_by_run:
            self.armed = self._armed_by_run = False
            self._lost_run = True
        if not self._by_commander:
            return ""
        if self._comes_late(steady):
            return f"the heartbeats of {self._settings.commander} come {self._late:.2f} s late"
        return f"{self._settings.commander} has been silent for {silence:.2f} s"

    def _comes_late(self, steady: float) -> bool:
        """Whether heartbeats come, and each has been kept back for longer than a silence may last."""
        timeout = self._settings.commander_timeout
        return 0 < timeout < self._late and steady - self._came <= timeout

    @property
    def _by_commander(self) -> bool:
        return self.on and self.order.source == self.commander

    def went_off(self, reason: str = "", steady: float | None = None) -> None:
        """Notes that the output switched off without an order; `reason`: why, if that was not planned."""
        steady = time.monotonic() if steady is None else steady
        self.limited = steady >= self._planned and bool(self._ended_by)
        if self.limited and self.budget.is_max_on(self._ended_by) and not self.order.by_hand:
            self._reached = self._ended_by
        self.budget.ended(steady)
        self.state, self._until, self._planned = OFF, math.inf, math.inf
        if not self._locked:
            self.reason = reason

    def arm(self) -> None:
        """Arms the output by hand: from now on it accepts commands."""
        self.armed, self._armed_by_run, self._locked, self.reason = True, False, False, ""
        self._lost_run, self._disarmed = False, ""

    def disarm(self, reason: str, lasts: bool = True) -> None:
        """Notes that the output is off, and keeps it off until it is armed by hand.

        Args:
            lasts: also in the output's next process.
        """
        self.went_off()
        self.armed, self._armed_by_run, self._locked, self.reason = False, False, True, reason
        self._lost_run = False
        if lasts:
            self._disarmed = reason

    # From one process to the next.

    def memory(self, begins: Action | None = None, steady: float = 0.0) -> Memory:
        """What the next process has to know.

        Args:
            begins: as if the output had begun this action, at `steady`.
        """
        if not self.budget.counts:
            return Memory(disarmed=self._disarmed)
        power = self._settings.power_of(begins) if begins else 0.0
        budget = self.budget.expected(begins, power, steady) if begins else self.budget
        return Memory(
            uses=tuple(budget.uses),
            on=budget.in_use,
            energy=budget.energy,
            in_run=self._in_run,
            disarmed=self._disarmed,
        )

    def resume(self, memory: Memory, steady: float) -> str:
        """Goes on where another guard of the same output has ended; what a person should know of it, or nothing.

        Args:
            steady: when the output was off for certain.
        """
        told = []
        if self.budget.counts:
            self.budget.resume(memory.energy, memory.uses, memory.on, steady)
            self._in_run = memory.in_run
            limit = self._settings.limits.energy
            if math.isfinite(limit):
                told.append(f"{self.budget.energy:.4g} of {limit:g} mJ are used")
            if memory.on:
                told.append("it counts as on until now, as nobody saw it go off")
        if memory.disarmed:
            self.disarm(memory.disarmed)
            told.append(f"it stays disarmed ({memory.disarmed}{_ARM_IT})")
        return "; ".join(told)
