"""Paths into an experiment file, as people write them: regions.left.center[0] or, the same, regions.left.center.0."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from dlstream_common import DlstreamError, Place, key_of, suggest

_PART = re.compile(r"\[(\d+)\]|(?:^|\.)([^.\[\]]+)")


def find_place(data: Any, key: str) -> Place:
    """The place of a key in a file's content, whether it is there yet or not; list items count from 0.

    Raises:
        DlstreamError: the key is not a path, or its parent is missing.
    """
    key = key.strip()
    found = list(_PART.finditer(key))
    if not key or "".join(match[0] for match in found) != key:
        raise DlstreamError(f"'{key}': expected a path such as regions.left.radius or protocol.stop[0].longer_than")
    place: Place = ()
    for depth, match in enumerate(found):
        part = match[1] or match[2]
        where = key_of(place) or "the experiment"
        if isinstance(data, list):
            if not part.isdigit() or int(part) >= len(data):
                raise DlstreamError(f"{key}: found '{part}' in the list {where}; expected {_numbers(data)}")
            place, data = (*place, int(part)), data[int(part)]
        elif isinstance(data, Mapping):
            name = next((each for each in data if str(each) == part), part)
            if name not in data and depth < len(found) - 1:
                known = [str(each) for each in data]
                raise DlstreamError(f"{key}: found no '{part}' in {where}. {suggest(part, known)}".rstrip())
            place, data = (*place, name), data.get(name)
        else:
            raise DlstreamError(f"{key}: {where} is a single value; it has no '{part}'")
    return place


def of_its_own(owner: Any, part: Any) -> Any:
    """What `owner` has there, as a copy: in YAML, `&name` and `*name` are the same thing at two places.

    Args:
        owner: a mapping or list as ruamel reads it, which gets the copy.
    """
    inner = owner[part] = deepcopy(owner[part])
    anchor = getattr(inner, "anchor", None)
    if anchor is not None:
        anchor.value, anchor.always_dump = None, False
    return inner


def parts_of(key: str) -> Place:
    """The keys and list indices of a path such as `cameras.top.crop[2]`.

    Raises:
        DlstreamError: it is no path.
    """
    key = key.strip()
    found = list(_PART.finditer(key))
    if not key or "".join(match[0] for match in found) != key:
        raise DlstreamError(f"'{key}': expected a path such as cameras.top.fps or cameras.top.crop[2]")
    return tuple(match[2] or int(match[1]) for match in found)


def _numbers(items: Sequence[Any]) -> str:
    return "a number from 0 to " + str(len(items) - 1) if items else "nothing: the list is empty"
