"""What only one part of a rig can use: a pin, a line of a card, a port."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from dlstream.rig.file import Rig
from dlstream.rig.hosts import host_of
from dlstream_common import Problem, line_of
from dlstream_common.part_faults import PartFault

_AUTO = "auto"


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


def _board_and_whole_port(rig: Rig, data: Any) -> Iterator[Problem]:
    """A board is shared by its pins, but not with an output that has its port to itself (`type: serial`)."""
    whole: dict[tuple[str, str], tuple[str, ...]] = {}
    for place, section in _parts(rig):
        if "port" in _exclusive(section):
            whole[host_of(section, rig.hosts), os.path.realpath(section.port)] = place
    for place, section in _parts(rig):
        port = getattr(section, "port", _AUTO)
        if "pin" not in _exclusive(section) or not isinstance(port, str) or port == _AUTO:
            continue  # such as the network port of a Raspberry Pi
        if other := whole.get((host_of(section, rig.hosts), os.path.realpath(port))):
            found = f"{port}, which {'.'.join(other)}.port has already{_line(data, (*other, 'port'))}"
            yield Problem((*place, "port"), found, "a port of its own: one program can't speak to a board in two ways")


def _auto_and_named(rig: Rig, data: Any) -> Iterator[Problem]:
    """`port: auto` looks for the only board, and may find the one that another part names."""
    boards = [(place, section) for place, section in _parts(rig) if getattr(section, "type", "") == "arduino"]
    for place, section in boards:
        here = [(other, one.port) for other, one in boards if host_of(one, rig.hosts) == host_of(section, rig.hosts)]
        named = [(other, port) for other, port in here if port != _AUTO]
        if section.port == _AUTO and named:
            other, port = named[0]
            found = f"'auto' beside {'.'.join(other)}.port, {port}{_line(data, (*other, 'port'))}"
            yield Problem((*place, "port"), found, "auto for all, if there is one board; or the port of each")


def _parts(rig: Rig) -> Iterator[tuple[tuple[str, str], Any]]:
    for section in ("outputs", "inputs"):
        for name, item in getattr(rig, section).items():
            yield (section, name), item


def _exclusive(section: Any) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = getattr(section, "exclusive", {})
    except PartFault:  # the section's own check tells of the part's mistakes
        return {}
    return found


def _line(data: Any, place: tuple[str, ...]) -> str:
    line = line_of(data, place)
    return f" (line {line})" if line else ""
