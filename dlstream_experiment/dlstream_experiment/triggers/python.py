"""A trigger of the user's own, written in Python."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from dlstream_experiment.extension import find_class, read_options
from dlstream_experiment.names import Location
from dlstream_experiment.triggers._base import Context, Trigger, TriggerSettings

GROUP = "dlstream.triggers"


class PythonTriggerSettings(TriggerSettings):
    """A subclass of TriggerSettings in a Python file beside the experiment file, or installed as an entry point."""

    type: Literal["python"]
    class_: str = Field(alias="class")
    """file.py:Class beside this file (needs --allow-python), or an entry point of the group dlstream.triggers."""
    options: Any = Field(default_factory=dict, validate_default=True, json_schema_extra={"type": "object"})
    """The fields of that class."""

    @field_validator("class_")
    @classmethod
    def _is_there(cls, text: str, info: ValidationInfo) -> str:
        find_class(text, TriggerSettings, GROUP, info)
        return text

    @field_validator("options")
    @classmethod
    def _fit(cls, options: Any, info: ValidationInfo) -> Any:
        if "class_" not in info.data:
            return options  # reported already
        kind = find_class(info.data["class_"], TriggerSettings, GROUP, info)
        if kind.create_alone is TriggerSettings.create_alone and kind.create is TriggerSettings.create:
            raise ValueError(f"a class that has all it needs ({kind.__name__} has no method create_alone)")
        return read_options(kind, options, info)

    @property
    def own(self) -> TriggerSettings:
        """The user's settings."""
        assert isinstance(self.options, TriggerSettings)
        return self.options

    def create_alone(self, context: Context) -> Trigger:
        """Decided one by one, not in the tables of the built-in triggers."""
        return self.own.create_alone(context) or self.own.create(context)

    def camera_in(self, context: Context) -> str:
        return self.own.camera_in(context) or context.camera

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [(("options", *place), name) for place, name in self.own.keypoints_used()]

    def regions_used(self) -> list[tuple[Location, str]]:
        return [(("options", *place), name) for place, name in self.own.regions_used()]

    def in_words(self) -> str:
        return f"{self.own.in_words()}{self.shape_in_words()}"
