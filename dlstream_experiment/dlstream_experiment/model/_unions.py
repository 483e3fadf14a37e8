"""The annotation of a field that takes one of several settings classes, distinguished by `type`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Union

from pydantic import BaseModel, Field


def any_of(types: Mapping[str, type[BaseModel]]) -> Any:
    """The annotation of a field that takes any of these classes, chosen by `type`."""
    classes = tuple(dict.fromkeys(types.values()))
    return Annotated[Union[classes], Field(discriminator="type")] if len(classes) > 1 else classes[0]  # noqa: UP007
