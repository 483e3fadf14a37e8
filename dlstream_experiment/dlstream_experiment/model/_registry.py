"""What a folder of this package offers: every settings class in its files, by its `type`.

A new trigger, protocol or output is a new file in the folder; nothing else names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field


def find_types(package: str, path: Iterable[str], base: type[Any]) -> dict[str, Any]:
    """The subclasses of `base` in the package's public files, by the value of their field `type: Literal[...]`.

    Raises:
        TypeError: two classes have the same type.
    """
    found: dict[str, Any] = {}
    for name in sorted(module.name for module in iter_modules(path) if not module.name.startswith("_")):
        for item in vars(import_module(f"{package}.{name}")).values():
            if isinstance(item, type) and issubclass(item, base) and item.__module__ == f"{package}.{name}":
                for tag in _tags(item):
                    if tag in found:
                        raise TypeError(f"{found[tag].__name__} and {item.__name__} both have the type '{tag}'")
                    found[tag] = item
    return dict(sorted(found.items()))


def _tags(item: type[BaseModel]) -> tuple[str, ...]:
    field = item.model_fields.get("type")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()


def any_of(types: Mapping[str, type[BaseModel]]) -> Any:
    """The annotation of a field that takes any of these classes, chosen by `type`."""
    classes = tuple(dict.fromkeys(types.values()))
    return Annotated[Union[classes], Field(discriminator="type")] if len(classes) > 1 else classes[0]  # noqa: UP007
