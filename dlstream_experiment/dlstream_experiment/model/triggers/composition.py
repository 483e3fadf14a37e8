"""Triggers made of other triggers, to any depth, across cameras and topics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlstream_experiment.model.names import Label, Location, nanoseconds
from dlstream_experiment.model.rules import And, Count, InOrder, Not, Or
from dlstream_experiment.model.triggers._base import Context, TriggerSettings

_Several = Annotated[tuple[Label, ...], Field(min_length=2, max_length=100)]
_Within = Annotated[float, Field(gt=0, le=1e5)]


class _OfSeveral(TriggerSettings):
    triggers: _Several
    """Names of triggers of this file."""

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("triggers", index), name) for index, name in enumerate(self.triggers)]

    def _listed(self, word: str) -> str:
        names = [f"'{name}'" for name in self.triggers]
        return f"{', '.join(names[:-1])} {word} {names[-1]}"


class AndSettings(_OfSeveral):
    """True while all of the triggers are; false while one is false; where neither is known, as before.

    It is decided when one of them changes, on frames of any camera and on values of topics. False while one of them,
    or of those that they are composed of, is vetoed (`missing: veto`), like every composition.
    """

    type: Literal["and"]

    def build(self, context: Context) -> And:
        return And()

    def in_words(self) -> str:
        every = "both" if len(self.triggers) == 2 else "all"
        return f"{self._listed('and')} are {every} true{self.shape_in_words()}"


class OrSettings(_OfSeveral):
    """True while one of the triggers is; false while all are false; where neither is known, as before."""

    type: Literal["or"]

    def build(self, context: Context) -> Or:
        return Or()

    def in_words(self) -> str:
        return f"{self._listed('or')} is true{self.shape_in_words()}"


class NotSettings(TriggerSettings):
    """True while the trigger is false; nothing before it has decided; false while it is vetoed."""

    type: Literal["not"]
    trigger: Label
    """Name of a trigger of this file."""

    def build(self, context: Context) -> Not:
        return Not()

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("trigger",), self.trigger)]

    def in_words(self) -> str:
        return f"'{self.trigger}' is false{self.shape_in_words()}"


class SequenceSettings(_OfSeveral):
    """True when the triggers became true one after the other, in this order, the last <= `within` after the first.

    Each must become true strictly later than the one before; whether that one is still true does not matter. It
    stays true until the last one becomes false. The latest beginning counts: a first trigger that becomes true again
    starts the sequence again.
    """

    type: Literal["sequence"]
    within: _Within
    """Seconds from the time when the first became true to the time when the last did."""

    def build(self, context: Context) -> InOrder:
        return InOrder(nanoseconds(self.within))

    def in_words(self) -> str:
        order = ", then ".join(f"'{name}'" for name in self.triggers)
        return f"{order} became true within {self.within:.9g} s{self.shape_in_words()}"


class CountSettings(TriggerSettings):
    """True while the trigger became true at least `times` times in the last `within` seconds (<=)."""

    type: Literal["count"]
    trigger: Label
    """Name of a trigger of this file."""
    times: Annotated[int, Field(ge=1, le=10_000)]
    """How many times it must have become true (>=)."""
    within: _Within
    """Seconds, back from the frame or value on which it is decided."""

    def build(self, context: Context) -> Count:
        return Count(self.times, nanoseconds(self.within))

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("trigger",), self.trigger)]

    def in_words(self) -> str:
        times = "once" if self.times == 1 else f"{self.times} times"
        return f"'{self.trigger}' became true {times} within {self.within:.9g} s{self.shape_in_words()}"
