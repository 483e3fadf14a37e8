"""Values that come from other devices of the lab, by ROS topics, and conditions on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isnan
from typing import Any


@dataclass(frozen=True, slots=True)
class ExternalSource:
    """A field of a ROS topic's messages.

    Attributes:
        source: its name in journals, such as /scale/weight:data.
        message: the type, such as std_msgs/msg/Float64.
        field: the path to the value, such as data, pose.position.x or ranges[0].
        reliable: every message is asked for; its publisher must offer that.
        gives_signs_of_life: its publisher repeats the value twice a second, as the rig's inputs do.
    """

    source: str
    topic: str
    message: str
    field: str
    reliable: bool = False
    gives_signs_of_life: bool = False


@dataclass(frozen=True, slots=True)
class ExternalCondition:
    """low <= value <= high, or value == equals.

    Attributes:
        release: takes the place of the one bound while the condition is true.
        timeout: nanoseconds after which a value is too old to be used; None: never.
    """

    source: ExternalSource
    low: float | None = None
    high: float | None = None
    equals: float | bool | str | None = None
    release: float | None = None
    timeout: int | None = None

    def expires(self, since: int) -> int | None:
        """The first stamp at which a value that arrived at `since` is too old; None: never."""
        return None if self.timeout is None else since + self.timeout + 1

    def holds(self, value: float | str, age: int, held: bool) -> bool | None:
        """Whether the condition is true for a value; None: unknown.

        Args:
            age: nanoseconds since the value arrived.
            held: whether the condition was true before.
        """
        if self.timeout is not None and age > self.timeout:
            return None
        if self.equals is not None:
            if isinstance(value, str) or isinstance(self.equals, str):
                return value == self.equals
            return None if isnan(value) else float(value) == float(self.equals)
        if isinstance(value, str) or isnan(value):
            return None
        low, high = self.low, self.high
        if held and self.release is not None:
            low, high = (self.release, None) if low is not None else (None, self.release)
        return (low is None or value >= low) and (high is None or value <= high)


def field_of(message: Any, path: str) -> float | str:
    """The value at a path such as data, pose.position.x or ranges[0]; truth counts as 1 and 0.

    Raises:
        AttributeError, IndexError, TypeError, ValueError: there is none, or it is neither number nor text.
    """
    value = message
    for name, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+)\]", path):
        value = getattr(value, name) if name else value[int(index)]
    return value if isinstance(value, str) else float(value)
