"""What nodes tell one another: events, and commands to outputs. Stamps are nanoseconds since the epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

OFF = "off"
"""The action that every output knows: everything off."""
RIG = "rig"
"""Who commands outputs past the experiment: the launcher, when a node has died."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The frame on which something was decided; `stamp` is its acquisition."""

    camera: str
    sequence: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `kind` is a word of dlstream_msgs/Event or a protocol's own."""

    stamp: int
    kind: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What an output is to do.

    Attributes:
        trigger: whose change caused it; empty where none did (a timer, the operator, the end).
        value: what that trigger measured, in the unit of its type; NaN where nothing was.
    """

    stamp: int
    output: str
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    cause: Cause | None = None
    trigger: str = ""
    value: float = math.nan
