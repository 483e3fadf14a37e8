"""How a trigger follows from others. These classes only describe it; `runtime/triggers/trigger_state.py` decides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class And:
    """False where one trigger is false; true where all are true; otherwise unknown."""


@dataclass(frozen=True, slots=True)
class Or:
    """True where one trigger is true; false where all are false; otherwise unknown."""


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of the trigger; unknown where that is unknown."""


@dataclass(frozen=True, slots=True)
class InOrder:
    """From the last trigger's rise until it falls, if all rose one after the other within `within` nanoseconds."""

    within: int


@dataclass(frozen=True, slots=True)
class Count:
    """True while the trigger's last `times` rises are at most `within` nanoseconds old."""

    times: int
    within: int


Rule = And | Or | Not | InOrder | Count
