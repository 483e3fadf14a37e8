"""Finds all mistakes in a file, not only those at which a first reading stops.

A mapping with one wrong key is not checked any further: its other mistakes, and those in what it refers to, would stay
unreported until the first one is fixed. So the file is read repeatedly, each time without what was wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dlstream_common.problems import nearest
from dlstream_common.yaml.annotations import Location, known_keys, without_tags

_ROUNDS = 20


@dataclass
class Salvage:
    """The valid rest of a file.

    Attributes:
        data: its content without what is wrong; misspelt keys have their intended names.
        further: mistakes that the first reading did not reach.
        removed: the places of known keys and items that were removed.
        guessed: the places that misspelt keys were given. A value that does not fit there was not meant for that key.
    """

    data: Any
    further: list[ErrorDetails] = field(default_factory=list)
    removed: set[Location] = field(default_factory=set)
    guessed: set[Location] = field(default_factory=set)

    def is_whole(self, key: str) -> bool:
        """Whether nothing was removed from a section of the file."""
        return not any(place[:1] in ((), (key,)) for place in self.removed)


def salvage(data: Any, model: type[BaseModel], context: dict[str, Any] | None = None) -> Salvage:
    """Reads the content of a file repeatedly, without what is wrong, until nothing is.

    Args:
        data: mappings and lists, as read from YAML.
    """
    try:
        left = json.loads(json.dumps(data, default=str))
    except (ValueError, TypeError, RecursionError):
        return Salvage({})
    found, seen = Salvage(left), set[tuple[Any, ...]]()
    for number in range(_ROUNDS):
        try:
            model.model_validate_json(json.dumps(left), strict=True, context=context)
            return found
        except ValidationError as error:
            items = error.errors()
        except (ValueError, TypeError, RecursionError):
            return found
        for item in items:
            place = without_tags(model, tuple(item["loc"]))
            follows = any(mended[: len(place)] == place or place[: len(mended)] == mended for mended in found.removed)
            astray = place in found.guessed and item["type"] != "misfit"
            if number and not follows and not astray and (place, item["type"]) not in seen:
                found.further.append(item)
            seen.add((place, item["type"]))
        before = json.dumps(left)
        for item in sorted(items, key=_mildness):
            _mend(left, model, item, found)
        if json.dumps(left) == before:
            return found  # a section that is missing stays so
    return found


def _mildness(item: ErrorDetails) -> int:
    """Sorts misspelt keys first: they may be the missing ones."""
    return 0 if item["type"] == "extra_forbidden" else 1


def _mend(data: Any, model: type[BaseModel], item: ErrorDetails, found: Salvage) -> None:
    """Removes what an error is about from the data, and notes its place."""
    removed = found.removed
    place = without_tags(model, tuple(item["loc"]))
    if item["type"] == "misfit":
        place = (*place, item["ctx"]["key"])
    if place[-1:] == ("[key]",):
        place = place[:-1]
    if item["type"] == "extra_forbidden":
        _rename_or_remove(data, model, item, place, found.guessed)
        return
    if item["type"] == "missing":
        if _get(data, place) is not None:
            return  # a misspelt key has become this one
        if len(place) == 1:
            removed.add(place)  # a section: the others are whole
            return
        place = place[:-1]
    _remove(data, place, removed)


def _rename_or_remove(
    data: Any, model: type[BaseModel], item: ErrorDetails, place: Location, guessed: set[Location]
) -> None:
    owner = _get(data, place[:-1])
    if not isinstance(owner, dict):
        return
    value = owner.pop(str(place[-1]), None)
    known = item.get("ctx", {}).get("known") or known_keys(model, tuple(item["loc"])[:-1])
    meant = nearest(str(place[-1]), known)
    if meant is not None and meant not in owner:
        owner[meant] = value
        guessed.add((*place[:-1], meant))


def _remove(data: Any, place: Location, removed: set[Location]) -> None:
    """Removes a key with its value, or a list's items from that one on, so that the other places stay correct."""
    removed.add(place)
    if not place:
        return
    owner, last = _get(data, place[:-1]), place[-1]
    if isinstance(owner, dict):
        owner.pop(str(last), None)
    elif isinstance(owner, list) and isinstance(last, int):
        removed.add(place[:-1])
        del owner[last:]
    else:
        _remove(data, place[:-1], removed)


def _get(data: Any, place: Location) -> Any:
    for part in place:
        if isinstance(data, dict):
            data = data.get(str(part))
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data
