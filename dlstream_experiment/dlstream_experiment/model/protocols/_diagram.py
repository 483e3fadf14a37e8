"""A protocol as boxes and arrows, to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Box:
    """A state.

    Attributes:
        lines: what is on in it and what it does, a line each.
        kind: `end` is where the experiment is over.
        state: what the protocol calls this state in a run; None: as the box.
    """

    name: str
    lines: tuple[str, ...] = ()
    kind: Literal["state", "start", "end"] = "state"
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from one box to another."""

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """Every arrow joins two boxes of the diagram."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
