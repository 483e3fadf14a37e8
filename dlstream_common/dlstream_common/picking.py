"""Finds a part in what was imported: one of dlstream's modules, or the object that an entry point names."""

from __future__ import annotations

from inspect import isabstract
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from dlstream_common.node_options import RESERVED_KEYS
from dlstream_common.plugins import Origin, Pick, WrongPart
from dlstream_common.settings import is_filled_in


def a_module(found: Any, origin: Origin) -> ModuleType:
    """The module itself is the part."""
    if not isinstance(found, ModuleType):
        raise WrongPart(_in_words(found), "a module")
    return found


def a_class(base: Any, tag: str = "", named_by: str = "") -> Pick[Any]:
    """The subclass of `base` that a module defines, or that an entry point names.

    Args:
        named_by: of parts whose settings are a section of the rig file and a node's parameters: the key there that
            names the part. No part can have this key, or a reserved one, for a use of its own.
        tag: if one module may define several: the field that distinguishes them, `type: Literal["name"]`; a class
            alone in its module needs none.
    """

    def pick(found: Any, origin: Origin) -> Any:
        if not isinstance(found, ModuleType):
            if not (isinstance(found, type) and issubclass(found, base)):
                raise WrongPart(f"{_in_words(found)} that is no {base.__name__}", f"a subclass of {base.__name__}")
            if isabstract(found):
                lacking = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
                raise WrongPart(
                    f"a subclass of {base.__name__} without the methods {lacking}", f"all methods of {base.__name__}"
                )
            _check_settings(found, base)
            _check_keys(found, base, origin.name, named_by)
            _check_name(found, tag, origin.name)
            return found
        own = [item for item in vars(found).values() if isinstance(item, type) and item.__module__ == found.__name__]
        fitting = [item for item in own if issubclass(item, base) and (tag or not isabstract(item))]
        if tag:
            tagged = [item for item in fitting if origin.name in tags_of(item, tag)]
            fitting = tagged or [item for item in fitting if not tags_of(item, tag)]
        if len(fitting) != 1:
            names = ", ".join(item.__name__ for item in fitting) or "none"
            raise WrongPart(f"with these for '{origin.name}': {names}", f"one subclass of {base.__name__}")
        _check_keys(fitting[0], base, origin.name, named_by)
        return fitting[0]

    return pick


def tags_of(item: type[Any], tag: str) -> tuple[str, ...]:
    """The names that a settings class gives itself by a field `tag: Literal[...]`; empty if it has no such field."""
    field = item.model_fields.get(tag) if issubclass(item, BaseModel) else None
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()


def _check_settings(item: type[Any], base: type[Any]) -> None:
    """Checks the settings of a part that has some, `class Valve(Output[ValveSettings])`."""
    own, expected = getattr(item, "settings_type", None), getattr(base, "settings_type", None)
    if own is not None and expected is not None and not issubclass(own, expected):
        raise WrongPart(f"whose settings are {own.__name__}", f"settings that are a subclass of {expected.__name__}")


def _check_keys(item: type[Any], base: type[Any], name: str, named_by: str) -> None:
    """Checks that no key of a part's settings has a name that a file, a rig or a node uses for something else.

    A file that sets such a key would set the other thing, and the part would take its default.
    """
    own, shared = getattr(item, "settings_type", None), getattr(base, "settings_type", None)
    if not named_by or own is None or shared is None:
        return
    keys, common = own.model_fields, shared.model_fields
    taken = [key for key in RESERVED_KEYS if key in keys and key not in common]
    taken += [key for key, field in common.items() if is_filled_in(field) and not is_filled_in(keys[key])]
    if named_by in keys and named_by not in common and name not in tags_of(own, named_by):
        taken.append(named_by)
    if taken:
        known = ", ".join(f"'{key}'" for key in taken)
        raise WrongPart(
            f"whose settings {own.__name__} have the key{'s' if taken[1:] else ''} {known}",
            f"{'other names' if taken[1:] else 'another name'}: dlstream uses {known} for something else",
        )


def _check_name(item: type[Any], tag: str, name: str) -> None:
    """Checks the name that a class may give itself, in a field of its settings or by the attribute `name`."""
    own = tags_of(item, tag) if tag else tuple(filter(None, [getattr(item, "name", None)]))
    if own and name not in own:
        raise WrongPart(f"which calls itself '{own[0]}'", f"the name of its entry point, '{name}'")


def _in_words(found: Any) -> str:
    return "a class" if isinstance(found, type) else f"the {type(found).__name__} {found!r}"
