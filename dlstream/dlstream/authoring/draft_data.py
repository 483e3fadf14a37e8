"""The content of an unfinished experiment file as YAML has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from dlstream_common import Place


def rename_output(data: Any, old: str, new: str) -> None:
    """Another name for an output, wherever a protocol names it."""
    if isinstance(data, list):
        for number, item in enumerate(data):
            if isinstance(item, (dict, list)):
                rename_output(item, old, new)
            elif item == old:
                data[number] = new
        return
    for key in list(data) if isinstance(data, dict) else ():
        value = data[key]
        if key in ("output", "stimulated") and value == old:
            data[key] = new
        elif key == "outputs":
            rename_output(value, old, new)
        elif key == "limits" and isinstance(value, dict) and old in value:
            value[new] = value.pop(old)
        elif isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
            rename_output(value, old, new)


def leaves_of(data: Any, place: Place) -> Iterator[Place]:
    """The places of all plain values, and of lists of them, below a place."""
    plain = isinstance(data, list) and not any(isinstance(item, (list, dict)) for item in data)
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from leaves_of(value, (*place, key))
    elif isinstance(data, list) and not plain:
        for index, value in enumerate(data):
            yield from leaves_of(value, (*place, index))
    elif data is not None:
        yield place


def plain(value: Any) -> Any:
    """A value without what ruamel.yaml knows of its style."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return float(value) if isinstance(value, float) else int(value) if isinstance(value, int) else str(value)


def as_yaml(value: Any) -> Any:
    """On one line, as in the included files."""
    if isinstance(value, Mapping):
        mapping = CommentedMap({key: as_yaml(item) for key, item in value.items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list) and not isinstance(value, CommentedSeq):
        items = CommentedSeq([as_yaml(item) for item in value])
        items.fa.set_flow_style()
        return items
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
