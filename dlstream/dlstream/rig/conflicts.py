"""What only one part of a rig can use: a pin, a line of a card, a port."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dlstream.rig.file import Rig
from dlstream.rig.hosts import host_of
from dlstream_common import Problem, Severity, line_of
from dlstream_common.part_faults import PartFault

_AUTO = "auto"
_LOOPBACK = re.compile(r"\b(localhost|127\.)")
"""An address that means another computer on each host."""


def conflicts(rig: Rig, data: Any) -> Iterator[Problem]:
    """Outputs and inputs that can't be there together; `data`: the rig file as it was read, for the lines."""
    users: dict[tuple[str, str], tuple[str, ...]] = {}
    for place, section in _parts(rig):
        for key, what in _exclusive(section).items():
            own = (*place, key)
            other = users.setdefault((host_of(section, rig.hosts), what), own)
            if other != own:
                found = f"{what}, which {'.'.join(other)} has already{_line(data, other)}"
                yield Problem(own, found, f"a {key} of its own for each output and input")
    yield from _auto_and_named(rig, data)
    yield from _board_and_whole_port(rig, data)
    yield from _one_at_a_time(rig, data)


def _one_at_a_time(rig: Rig, data: Any) -> Iterator[Problem]:
    """Outputs that get in each other's way only while both are on."""
    users: dict[tuple[str, str], tuple[str, str]] = {}
    for name, section in rig.outputs.items():
        for key, what in _declared(section, "one_at_a_time").items():
            host = host_of(section, rig.hosts) if _LOOPBACK.search(what) else ""
            first, at = users.setdefault((host, what), (name, key))
            if first == name:
                continue
            found = f"{what} at a time, as outputs.{first}.{at} has it{_line(data, ('outputs', first, at))}"
            wanted = f"commands that never overlap: what '{name}' is told while '{first}' plays is refused, and lost"
            hint = f"The same the other way round. An experiment gives '{name}' and '{first}' one after the other."
            yield Problem(("outputs", name, key), found, wanted, hint, severity=Severity.WARNING)


def _board_and_whole_port(rig: Rig, data: Any) -> Iterator[Problem]:
    """A board is shared by its lines, but not with what speaks to it otherwise, such as `type: serial`."""
    first: dict[tuple[str, str], tuple[tuple[str, str], Any]] = {}
    parts = [(place, section) for place, section in _parts(rig) if _port(section) not in ("", _AUTO)]
    for place, section in sorted(parts, key=lambda part: "port" not in _exclusive(part[1])):
        port = _port(section)
        other, whose = first.setdefault((host_of(section, rig.hosts), os.path.realpath(port)), (place, section))
        if other != place and _shared(section) and _shared(section) != _shared(whose):
            found = f"{port}, which {'.'.join(other)}.port has already{_line(data, (*other, 'port'))}"
            yield Problem((*place, "port"), found, "a port of its own: one program can't speak to a board in two ways")


def _auto_and_named(rig: Rig, data: Any) -> Iterator[Problem]:
    """`port: auto` looks for the only board: it may find the one that another part names, and it opens every port."""
    ports = [(place, section, _port(section)) for place, section in _parts(rig)]
    for place, section, port in ports:
        host = host_of(section, rig.hosts)
        named = [one for one in ports if one[2] not in ("", _AUTO) and host_of(one[1], rig.hosts) == host]
        if port == _AUTO and named:
            other, whose, name = min(named, key=lambda one: _is_another(section, one[1]))
            found = f"'auto' beside {'.'.join(other)}.port, {name}{_line(data, other)}"
            wanted = "auto for all, if there is one board; or the port of each"
            if _is_another(section, whose):
                wanted = "the board's port: auto opens and greets every port, so that of this other board as well"
            yield Problem((*place, "port"), found, wanted)


def _port(section: Any) -> str:
    """The serial port of a part; empty: it has none."""
    port = getattr(section, "port", "")
    return port if isinstance(port, str) and not {"line", "pin", "port"}.isdisjoint(_exclusive(section)) else ""


def _shared(section: Any) -> str:
    """The device that a part shares with others; empty: none."""
    try:
        return str(getattr(section, "shared_device", ""))
    except PartFault:  # the section's own check tells of the part's mistakes
        return ""


def _is_another(section: Any, other: Any) -> bool:
    """Whether another part has a port to itself, or a board of another kind."""
    return "port" in _exclusive(other) or _shared(other).partition(" ")[0] != _shared(section).partition(" ")[0]


def _parts(rig: Rig) -> Iterator[tuple[tuple[str, str], Any]]:
    for section in ("outputs", "inputs"):
        for name, item in getattr(rig, section).items():
            yield (section, name), item


def _exclusive(section: Any) -> Mapping[str, str]:
    return _declared(section, "exclusive")


def _declared(section: Any, name: str) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = getattr(section, name, {})
    except PartFault:  # the section's own check tells of the part's mistakes
        return {}
    return found


def _line(data: Any, place: tuple[str, ...]) -> str:
    line = line_of(data, place)
    return f" (line {line})" if line else ""
