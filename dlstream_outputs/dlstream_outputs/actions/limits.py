"""What an output may do at most, whatever an experiment asks for. It knows no clock: `steady` is seconds."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

from dlstream_common import Problem
from dlstream_outputs.actions.action import Action
from dlstream_outputs.actions.rhythm import Rhythm

WINDOW = 60.0
"""Seconds over which the duty cycle is counted."""
_INSTANT = 1e-6
"""Seconds that are none, as rounding leaves them."""


@dataclass(frozen=True)
class Limits:
    """The limits of one output; infinite where it has none.

    Attributes:
        on: seconds for which it may be on without a break.
        duty_cycle: the share of any minute for which it may be on, 0 to 1.
        energy: mJ in a session.
    """

    on: float = math.inf
    duty_cycle: float = 1.0
    energy: float = math.inf

    def problem(self, action: Action, power: float) -> Problem | None:
        """What is wrong with an action by itself, before the output has done anything.

        Args:
            power: of the action, in mW; 0 if it is not known.
        """
        if action.longest_on is not None and action.longest_on > self.on:
            key = "width" if hasattr(action, "width") else "duration"
            found = f"{action.longest_on:g} s without a break"
            return Problem(("values", key), found, f"at most max_on of the output, {self.on:g} s")
        if 1 > action.duty_cycle > self.duty_cycle:
            found = f"a train that is on for {100 * action.duty_cycle:g} % of the time"
            return Problem(("values",), found, f"at most max_duty_cycle of the output, {100 * self.duty_cycle:g} %")
        on = action.on_seconds
        if on is None:
            return None
        if on > WINDOW * self.duty_cycle and self.duty_cycle < 1:
            found = f"{on:g} s on"
            return Problem(("values",), found, f"at most {WINDOW * self.duty_cycle:g} s of a minute, by max_duty_cycle")
        if on * power > self.energy:
            return Problem(("values",), f"{on * power:g} mJ", f"at most max_energy of the output, {self.energy:g} mJ")
        return None


@dataclass
class Use:
    """What the output did from `begin` to `end`; it was on for `most` seconds at most.

    The delay before a pulse counts as on until the pulse is over: never too little.
    """

    begin: float
    end: float
    most: float
    rhythm: Rhythm
    power: float
    longest: float
    """Seconds for which it is on without a break at most; infinite: until its end."""
    on_before: float
    """Seconds for which the output had been on without a break when this began."""

    def unbroken(self, steady: float) -> float:
        """For how many seconds the output has been on without a break, at most."""
        passed = steady - self.begin
        if steady > self.end + 2 * _INSTANT:  # what begins in the instant of the end is no break
            return 0.0
        return self.on_before + passed if passed <= self.longest else self.longest

    def on_between(self, begin: float, end: float) -> float:
        """Seconds for which it was on at most between two monotonic times: of a train, those of its pulses."""
        return min(self.rhythm.most_within(min(self.end, end) - max(self.begin, begin)), self.most)


class Budget:
    """Counts what an output has done, and says how long it may go on.

    An action that is still on counts from its begin until now.

    Args:
        ends: whether the device ends an action by itself. Else what is on without a break counts until it has been
            switched off, however long it was to last.
    """

    def __init__(self, limits: Limits, ends: Callable[[Action], bool | None] = lambda action: True) -> None:
        self._limits, self._ends = limits, ends
        self._max_on = f"max_on ({limits.on:g} s)"
        self._max_energy = f"max_energy ({limits.energy:g} mJ in a session)"
        self._uses: deque[Use] = deque()
        self._energy = 0.0
        self._now: Use | None = None

    @property
    def counts(self) -> bool:
        """Whether what the output has done limits what it may do: max_energy, max_duty_cycle."""
        return math.isfinite(self._limits.energy) or self._limits.duty_cycle < 1

    @property
    def energy(self) -> float:
        """Of the session, in mJ, without what the output does now."""
        return self._energy

    @property
    def uses(self) -> list[Use]:
        """What the output did in the last minute; the last one is what it does now, where it is on."""
        return [replace(use) for use in (*self._uses, *([self._now] if self._now else []))]

    @property
    def in_use(self) -> bool:
        """Whether the output is on."""
        return self._now is not None

    def expected(self, action: Action, power: float, steady: float) -> Budget:
        """What this will be when an action has begun."""
        found = deepcopy(self)
        found.began(action, power, steady)
        return found

    def resume(self, energy: float, uses: Sequence[Use], in_use: bool, steady: float) -> None:
        """Goes on with what another one has counted. What was on there counts as on until now: nobody saw its end."""
        self._energy, self._uses = energy, deque(uses)
        self._now = self._uses.pop() if in_use else None
        self.ended(steady)

    def is_max_on(self, limit: str) -> bool:
        """Whether a limit that `left` named is max_on."""
        return limit == self._max_on

    def is_energy(self, limit: str) -> bool:
        """Whether a limit that `left` named is max_energy."""
        return limit == self._max_energy

    def new_session(self) -> None:
        """A session begins: its energy counts from 0."""
        self._energy = 0.0

    def left(self, action: Action, power: float, steady: float) -> tuple[float, str]:
        """How many seconds an action may last from now on, and which limit ends it: infinite where none does.

        Args:
            power: of the action, in mW; 0 if it is not known.
        """
        limits = self._limits
        found = [(math.inf, "")]
        if math.isfinite(limits.on):
            before = self._unbroken(steady)
            if action.longest_on is None or before + action.longest_on > limits.on + _INSTANT:
                found.append((limits.on - before, self._max_on))
        if limits.duty_cycle < 1:
            left = WINDOW * limits.duty_cycle - self._on_within(steady)
            if action.rhythm.most_within(WINDOW) > left + _INSTANT:  # else no minute of it is too much
                found.append((_lasts(action, left), f"max_duty_cycle ({limits.duty_cycle:g} of a minute)"))
        if math.isfinite(limits.energy) and power > 0:
            spent = self._energy + (_energy(self._now, steady) if self._now else 0.0)
            left = (limits.energy - spent) / power
            found.append((_lasts(action, left), self._max_energy))
        return min(found)

    def spare(self, action: Action, steady: float) -> float:
        """Seconds by which an action may last longer before max_on is reached: infinite for one with pauses."""
        if action.longest_on is None or action.longest_on != action.on_seconds:
            return math.inf
        return self._limits.on - self._unbroken(steady) - action.longest_on

    def began(self, action: Action, power: float, steady: float) -> None:
        """The output carries out an action from now on."""
        before = self._unbroken(steady)
        self.ended(steady)
        seconds, most, longest = action.seconds, action.on_seconds, action.longest_on
        if not self._ends(action) and most == seconds:
            seconds = most = longest = None
        end = math.inf if seconds is None else steady + seconds
        most = math.inf if most is None else most
        longest = math.inf if longest is None else longest
        self._now = Use(steady, end, most, action.rhythm, power, longest, before)

    def ended(self, steady: float) -> None:
        """The output is off from now on."""
        if self._now is not None:
            self._now.end = min(self._now.end, steady)
            self._energy += _energy(self._now, steady)
            self._uses.append(self._now)
            self._now = None
        while self._uses and self._uses[0].end < steady - WINDOW:
            self._uses.popleft()

    def _unbroken(self, steady: float) -> float:
        """For how long the output has been on: a command that replaces another one is no break."""
        return self._now.unbroken(steady) if self._now else 0.0

    def _on_within(self, steady: float) -> float:
        return sum(use.on_between(steady - WINDOW, steady) for use in self.uses)


def _lasts(action: Action, on: float) -> float:
    """How many seconds an action may last if the output may be on for so many of them."""
    if action.on_seconds is not None and action.on_seconds <= on:
        return math.inf
    return action.rhythm.lasts(on)


def _energy(use: Use, steady: float) -> float:
    return use.on_between(use.begin, steady) * use.power
