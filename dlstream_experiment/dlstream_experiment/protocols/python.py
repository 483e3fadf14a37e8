"""A protocol of the user's own, written in Python."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from dlstream_experiment.extension import find_class, read_options
from dlstream_experiment.names import Location
from dlstream_experiment.protocols._base import Finding, Protocol, ProtocolSettings, Stimulus
from dlstream_experiment.protocols._diagram import Diagram

GROUP = "dlstream.protocols"


class PythonProtocolSettings(ProtocolSettings):
    """A subclass of ProtocolSettings in a Python file beside the experiment file, or installed as an entry point."""

    type: Literal["python"]
    class_: str = Field(alias="class")
    """file.py:Class beside this file (needs --allow-python), or an entry point of the group dlstream.protocols."""
    options: Any = Field(default_factory=dict, validate_default=True, json_schema_extra={"type": "object"})
    """The fields of that class."""

    @field_validator("class_")
    @classmethod
    def _is_there(cls, text: str, info: ValidationInfo) -> str:
        find_class(text, ProtocolSettings, GROUP, info)
        return text

    @field_validator("options")
    @classmethod
    def _fit(cls, options: Any, info: ValidationInfo) -> Any:
        if "class_" not in info.data:
            return options  # reported already
        return read_options(find_class(info.data["class_"], ProtocolSettings, GROUP, info), options, info)

    @property
    def own(self) -> ProtocolSettings:
        """The user's settings."""
        assert isinstance(self.options, ProtocolSettings)
        return self.options

    def create(self, seed: int = 0) -> Protocol:
        return self.own.create(seed)

    def triggers_used(self) -> list[tuple[Location, str]]:
        return [(("options", *place), name) for place, name in self.own.triggers_used()]

    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        return [(("options", *place), stimulus) for place, stimulus in self.own.stimuli_used()]

    def in_words(self) -> list[str]:
        return self.own.in_words()

    def diagram(self) -> Diagram:
        return self.own.diagram()

    def findings(self) -> list[Finding]:
        own = self.own.findings()
        return [Finding(("options", *item.place), item.found, item.expected, item.hint, item.error) for item in own]
