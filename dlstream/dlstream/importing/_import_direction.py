"""Which way DeepLabStream's body parts point: it goes by their order alone."""

from __future__ import annotations

from collections.abc import Sequence

from dlstream.importing._ini import Ini

_NOSE, _NECK, _TAIL = ("nose", "snout"), ("neck",), ("tail",)


def direction_of(ini: Ini, kind: str, key: str, parts: Sequence[str], angle: float) -> tuple[str, str]:
    """The body parts from which and to which a line goes, with a note that says so.

    A neck and a nose are known by their names, in either order: nobody means the line from the nose to the neck. Of
    other names, the first is the start, as in DeepLabStream.

    Args:
        key: where the body parts stand, in the section `kind`.
        angle: within how many degrees of the target.
    """
    known = _named(parts, _NECK), _named(parts, _NOSE)
    start, end = (parts[0], parts[1] if len(parts) > 1 else parts[0])
    if known[0] is None or known[1] is None:
        ini.note(
            kind,
            key,
            f"taken as {start} -> {end}, by the order, as DeepLabStream does: true while that line points at it",
        )
        return start, end
    todo = f"taken as {known[0]} -> {known[1]}: true while the head points at it; DeepLabStream goes by the order"
    if known != (start, end):
        todo += (
            f", {start} -> {end}: there it is true while the head points away; "
            f"for that, write `at_least: {180 - angle:g}` in the place of `at_most: {angle:g}`"
        )
    ini.note(kind, key, todo)
    return known[0], known[1]


def body_of(ini: Ini, kind: str, key: str, parts: Sequence[str]) -> tuple[str, str, str]:
    """Neck, nose and root of the tail, with a note that says so: by their names, or in this order."""
    known = [_named(parts, names) for names in (_NECK, _NOSE, _TAIL)]
    rest = [part for part in parts if part not in known]
    found = [
        name or (rest.pop(0) if rest else default)
        for name, default in zip(known, ("neck", "nose", "tailroot"), strict=True)
    ]
    neck, nose, tail = found
    ini.note(kind, key, f"taken as {tail} -> {neck} -> {nose}; DeepLabStream goes by the order")
    return neck, nose, tail


def _named(parts: Sequence[str], words: Sequence[str]) -> str | None:
    """The one part whose name has one of these words; None: there is none, or there are several."""
    found = [part for part in parts if any(word in part.lower() for word in words)]
    return found[0] if len(found) == 1 else None
