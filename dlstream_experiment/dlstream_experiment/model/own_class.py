"""What triggers and protocols in Python share: settings that name a class of the user's own, with its options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from dlstream_common import Settings
from dlstream_experiment.model.extension import Owner, find_class, read_options
from dlstream_experiment.model.names import Location

T = TypeVar("T")


class OwnClassSettings(Settings):
    """A class in a Python file beside the experiment file, or of an installed package."""

    class_: str = Field(alias="class")
    options: Any = Field(default_factory=dict, validate_default=True, json_schema_extra={"type": "object"})
    """The fields of that class, as keys and values."""
    base: ClassVar[Any]
    """What the class must be a subclass of."""
    group: ClassVar[str]
    """Of the entry points by which installed packages name theirs."""
    fields_below: ClassVar[Location] = ("options",)
    """Where the fields of that class stand, below the trigger or protocol."""
    class_key: ClassVar[str] = "class"
    """The key that names it."""

    @classmethod
    def lacking(cls, kind: Any) -> str:
        """The method that a class would need; empty: it has all."""
        raise NotImplementedError

    @field_validator("class_", check_fields=False)
    @classmethod
    def _is_there(cls, text: str, info: ValidationInfo) -> str:
        find_class(text, cls.base, cls.group, info)
        return text

    @field_validator("options", check_fields=False)
    @classmethod
    def _fit(cls, options: Any, info: ValidationInfo) -> Any:
        if "class_" not in info.data:
            return options  # reported already
        kind = find_class(info.data["class_"], cls.base, cls.group, info)
        if method := cls.lacking(kind):
            raise ValueError(f"a class that has all it needs ({kind.__name__} has no method {method})")
        return read_options(kind, options, info)

    @property
    def owner(self) -> Owner:
        """Whose the user's objects are."""
        raise NotImplementedError

    def placed(self, pairs: Iterable[tuple[Location, T]]) -> list[tuple[Location, T]]:
        """What the class gives with places, each below the trigger or protocol."""
        return [((*self.fields_below, *place), item) for place, item in pairs]


def as_written(settings: Any) -> dict[str, Any]:
    """The settings of an installed package's class as a file has them: `type: NAME`, and its fields beside it."""
    return {"type": settings.type, **settings.own.model_dump(exclude_unset=True, by_alias=True, mode="json")}
