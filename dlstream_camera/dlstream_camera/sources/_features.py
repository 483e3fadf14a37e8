"""A camera's features by their GenICam names, whatever library they are asked by."""

from __future__ import annotations

import math
from enum import Enum
from typing import Protocol

from dlstream_common.yaml.wording import shown as in_yaml


class FeatureError(Exception):
    """What a library says of a feature that can't be read or set, in its own words."""


class Kind(Enum):
    """The types of a GenICam feature that can be set."""

    BOOLEAN = "boolean"
    ENUMERATION = "enumeration"
    COMMAND = "command"
    FLOAT = "float"
    INTEGER = "integer"
    STRING = "string"


Value = bool | int | float | str


class Features(Protocol):
    """The features of an open camera."""

    def kind(self, name: str) -> Kind | None:
        """The type of a feature; None if the camera has no feature of that name with a value."""

    def is_available(self, name: str) -> bool:
        """Whether the camera has the feature, and it can be used in its present state."""

    def choices(self, name: str) -> list[str]:
        """The values that an enumeration can take at present.

        Raises:
            FeatureError: it can't be asked.
        """

    def bounds(self, name: str) -> tuple[float, float]:
        """The least and the largest value of a number.

        Raises:
            FeatureError: it has none, or can't be asked.
        """

    def increment(self, name: str) -> int:
        """The step between values of an integer.

        Raises:
            FeatureError: it has none, or can't be asked.
        """

    def get(self, name: str) -> Value:
        """The value that the camera has.

        Raises:
            FeatureError: it has no such feature, or can't be asked.
        """

    def set(self, name: str, value: Value) -> None:
        """Sets a feature; the value has its type. A command is executed, whatever the value.

        Raises:
            FeatureError: there is no such feature, or the camera doesn't take the value.
        """


def parsed(text: str, kind: Kind) -> Value:
    """The value that a text stands for.

    Raises:
        ValueError: the text is no value of this kind.
    """
    match kind:
        case Kind.BOOLEAN:
            if text not in ("true", "false", "1", "0"):
                raise ValueError
            return text in ("true", "1")
        case Kind.INTEGER:
            return int(text, 0)
        case Kind.FLOAT:
            value = float(text)
            if not math.isfinite(value):
                raise ValueError
            return value
    return text


def shown(value: Value) -> str:
    """A value as a rig file has it; a long text is shortened, a strange one in quotes."""
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 80:
        return value
    return f"{value:.10g}" if isinstance(value, float) else in_yaml(value)
