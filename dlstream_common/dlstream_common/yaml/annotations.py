"""Looks up a place in a settings class: its keys, its unit, and the types to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from dlstream_common.problems import Place
from dlstream_common.settings import Unit, keys_of
from dlstream_common.tagged import Tagged

Location = Place
"""Keys and indices from the top, including pydantic's tags of union members."""


def known_keys(annotation: Any, location: Location) -> list[str]:
    """The keys of the settings class at `location` below `annotation`."""
    annotation, location = _picked(annotation, location)
    annotation = _bare(annotation)
    if _is_union(annotation):
        return sorted({key for member in _members(annotation) for key in known_keys(member, location)})
    if not location:
        is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        return list(keys_of(annotation)) if is_model else []
    return known_keys(_below(annotation, location[0]), location[1:])


def _at(annotation: Any, location: Location) -> tuple[Any, tuple[Any, ...]]:
    """The annotation at a location below another one, with its metadata; None if unknown."""
    annotation, location = _picked(annotation, location)
    bare, said = _bare(annotation), _metadata(annotation)
    if _is_union(bare):
        members = _members(bare)
        if len(members) == 1:
            return _at(_with(members[0], said), location)
        return (None if location else bare), said
    return _at(_below(bare, location[0]), location[1:]) if location else (bare, said)


def _picked(annotation: Any, location: Location) -> tuple[Any, Location]:
    """The union member whose tag the location begins with, and the rest of the location."""
    tagged = next((item for item in _metadata(annotation) if isinstance(item, Tagged)), None)
    if tagged is not None:
        if not location or location[0] not in tagged.names:
            return annotation, location
        return tagged.known(str(location[0])), location[1:]
    if location and _is_union(_bare(annotation)):
        for item in get_args(_bare(annotation)):
            if location[0] in _tags(item):
                return _picked(item, location[1:])
    return annotation, location


def _below(annotation: Any, key: str | int) -> Any:
    """The annotation of a key's value; None if unknown."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (dict, list, tuple):
        return arguments[-1] if origin is dict else arguments[0]
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return None
    fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
    field = fields.get(str(key))
    return None if field is None else _with(field.annotation, field.metadata)


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _metadata(annotation: Any) -> tuple[Any, ...]:
    """The metadata of an annotation, besides the type."""
    return get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _members(union: Any) -> list[Any]:
    return [item for item in get_args(union) if item is not type(None)]


def _with(annotation: Any, said: Sequence[Any]) -> Any:
    words = (annotation, *said)
    return Annotated[words] if said else annotation


def unit_of(model: type[BaseModel], location: Location) -> str:
    """The unit of the number at a place; empty if unknown."""
    return next((item.name for item in _at(model, location)[1] if isinstance(item, Unit)), "")


def kinds_at(model: type[BaseModel], location: Location) -> list[str]:
    """The possible values of the key that selects a type."""
    annotation, said = _at(model, location)
    for item in said:
        if isinstance(item, Tagged):
            return list(item.names)
    return [str(tag) for member in get_args(annotation) for tag in _tags(member)]


def without_tags(annotation: Any, location: Location) -> Location:
    """The location without pydantic's tags of union members, which may have the same name as a key."""
    annotation, location = _picked(annotation, location)
    if not location:
        return ()
    bare = _bare(annotation)
    if _is_union(bare):
        members = _members(bare)
        return without_tags(members[0], location) if len(members) == 1 else location
    return (location[0], *without_tags(_below(bare, location[0]), location[1:]))


def _tags(member: Any) -> list[Any]:
    """Pydantic's possible tags of a union member: its Tag, or the values of its fields with one-valued Literals."""
    if get_origin(member) is Annotated:
        tags = [item.tag for item in get_args(member)[1:] if isinstance(item, Tag)]
        if tags:
            return tags
        member = get_args(member)[0]
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return []
    literals = [get_args(field.annotation) for field in member.model_fields.values() if _is_literal(field.annotation)]
    return [values[0] for values in literals if len(values) == 1]


def _is_literal(annotation: Any) -> bool:
    return get_origin(annotation) is Literal
