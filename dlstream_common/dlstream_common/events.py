"""Events, and commands to outputs, as nodes exchange them. Stamps are nanoseconds since the epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

OFF = "off"
"""The action that every output knows: switch everything off."""
FINITE = frozenset({"pulse", "train"})
"""Actions that end by themselves. Nobody tells one again to assert a state: it would happen twice."""
RIG = "rig"
"""The source of commands that bypass the experiment: the launcher, after a node has died."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The frame on which a decision was based; `stamp` is the time of its acquisition."""

    camera: str
    sequence: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `kind` is a constant of dlstream_msgs/Event or a word of the protocol's own."""

    stamp: int
    kind: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What an output is to do.

    Attributes:
        trigger: the trigger whose change caused it; empty if none did (a timer, the operator, the end).
        value: what that trigger measured, in the unit of its type; NaN if nothing was measured.
    """

    stamp: int
    output: str
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    cause: Cause | None = None
    trigger: str = ""
    value: float = math.nan
