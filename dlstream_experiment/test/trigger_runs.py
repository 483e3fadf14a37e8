"""What a trigger decides, on one frame or over places and times."""

from __future__ import annotations

from typing import Any

from trigger_tools import GONE, bound, decisions, scene


def told(words: dict[str, Any], *animals: Any, **changes: Any) -> bool | None:
    """What a trigger says of one frame; each animal is its nose, neck and tailroot."""
    poses = [dict(zip(("nose", "neck", "tailroot"), animal, strict=True)) for animal in animals]
    return decisions(bound(words, **changes), [scene(0, *poses)])[0]


def run(words: dict[str, Any], places: list[tuple[float, float | None]], **changes: Any) -> list[bool | None]:
    """What a trigger says of a nose that walks along a line: times and x; None: not seen."""
    frames = [scene(time, {"nose": GONE if x is None else (x, 50.0)}) for time, x in places]
    return decisions(bound(words, **changes), frames)
