"""A value on any ROS topic: another device of the lab as a trigger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from dlstream_common import misfit
from dlstream_experiment.model.external import ExternalCondition, ExternalSource
from dlstream_experiment.model.names import nanoseconds
from dlstream_experiment.model.triggers._base import Context, MeasuredSettings
from dlstream_experiment.model.triggers._bounds import Number, Threshold, bounds_in_words, check_bounds


def _topic(text: str) -> str:
    if text == "/" or text.endswith("/") or "//" in text:
        raise ValueError("the name of a topic, such as /scale/weight")
    return text


def _message(text: str) -> str:
    package, *middle, name = text.split("/")
    if middle != ["msg"]:
        raise ValueError(f"package/msg/Type: '{package}/msg/{name}'")
    return text


class TopicSettings(MeasuredSettings):
    """value >= at_least, value <= at_most (both where both are given), or value == equals; the value's own unit.

    Decided as a message arrives, at its arrival. true and false count as 1 and 0. Not measurable: no message yet,
    none for longer than `timeout`, or NaN. DeepLabStream has no such trigger.
    """

    type: Literal["topic"]
    topic: Annotated[str, StringConstraints(pattern=r"^[/A-Za-z_][/A-Za-z0-9_]*$"), AfterValidator(_topic)]
    """The topic's name, such as /scale/weight."""
    message: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z]\w*(/msg)?/[A-Za-z]\w*$"),
        AfterValidator(_message),
        Field(json_schema_extra={"pattern": r"^[A-Za-z]\w*/msg/[A-Za-z]\w*$"}),
    ]
    """The type of its messages, such as std_msgs/msg/Float64."""
    field: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\[\d+\])*(\.[A-Za-z_]\w*(\[\d+\])*)*$")] = "data"
    """The path to the value in a message, such as data, pose.position.x or ranges[0]."""
    at_least: Number | None = None
    """True at this value and above (>=)."""
    at_most: Number | None = None
    """True at this value and below (<=)."""
    equals: Number | bool | Annotated[str, Field(max_length=200)] | None = None
    """True at exactly this number, text, or true or false."""
    release: Number | None = None
    """Hysteresis: while the condition is true, this bound is used instead."""
    timeout: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Seconds (>) without a message after which it can't be measured; if omitted: the last value stays valid."""

    @model_validator(mode="after")
    def _one_comparison(self) -> TopicSettings:
        if self.equals is not None:
            if self.at_least is not None or self.at_most is not None or self.release is not None:
                raise misfit("equals", "either equals, or at_least and at_most with their release")
        else:
            check_bounds(self.at_least, self.at_most, self.release, "at_least, at_most or equals")
        return self

    def build(self, context: Context) -> ExternalCondition:
        source = ExternalSource(f"{self.topic}:{self.field}", self.topic, self.message, self.field)
        timeout = None if self.timeout is None else nanoseconds(self.timeout)
        return ExternalCondition(source, self.at_least, self.at_most, self.equals, self.release, timeout)

    def shown_bounds(self) -> Threshold | None:
        if self.equals is None:
            return Threshold(self.at_least, self.at_most, self.release)
        return None if isinstance(self.equals, str) else Threshold(float(self.equals), float(self.equals))

    def in_words(self) -> str:
        if self.equals is not None:
            value = self.equals
            words = f"'{value}'" if isinstance(value, str) else f"{value:.9g}"
            words = str(value).lower() if isinstance(value, bool) else words
        else:
            words = bounds_in_words(self.at_least, self.at_most, "", self.release)
        age = "" if self.timeout is None else f", in a message of the last {self.timeout:.9g} s"
        return f"{self.field} on the topic {self.topic} ({self.message}) is {words}{age}{self.shape_in_words()}"
