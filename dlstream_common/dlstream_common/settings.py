"""Settings: validated values that a rig file, an experiment file or ROS parameters fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from dlstream_common._field_docs import field_docs


class Settings(BaseModel):
    """Base of every settings class. Unknown keys and infinite numbers are refused.

    A field of a node's settings becomes a ROS parameter (see `dlstream_common.ros.parameters`), so it has a
    description, its limits, and one of the types str, int, float, bool, Path, Literal or a list of these.
    `json_schema_extra={"live": True}` marks a field that may change while the node is active.
    """

    # A class is built when it is first used: most programs use few of them, and a field's description comes after it.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True, validate_default=False
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """A field's docstring is its description."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, text in field_docs(cls).items():
            field = cls.model_fields.get(name)
            if field is not None and field.description is None:
                field.description = text


@dataclass
class NamedFiles:
    """The files that a settings file names, as validators meet them: the context's `files`.

    Attributes:
        copies: what to read in place of a file, by its name as it is written.
        found: the files that are read, by their names as they are written.
    """

    copies: Mapping[str, Path] = field(default_factory=dict)
    found: dict[str, Path] = field(default_factory=dict)

    def take(self, written: str, path: Path) -> Path:
        """The path to read: that of the copy where there is one."""
        path = self.copies.get(written, path)
        if path.is_file():
            self.found[written] = path
        return path


@dataclass(frozen=True)
class UsedFile:
    """A file that an experiment file names and that decides with it, such as a classifier or a Python class's.

    Attributes:
        written: its name as it stands there.
        sha256: of what was read, in hexadecimal digits.
    """

    written: str
    path: Path
    sha256: str

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> UsedFile:
        """From the words of a journal."""
        return cls(about["written"], Path(about["path"]), about["sha256"])


def named_file(written: str, path: Path, info: ValidationInfo) -> Path:
    """Writes down that a settings file names this file, where somebody asks for it; see `NamedFiles.take`."""
    files = (info.context or {}).get("files")
    return path if files is None else files.take(written, path)


@dataclass(frozen=True)
class FilledIn:
    """Stands in the annotation of a node's parameter that the rig fills in from what it knows: no key for a user."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "filled_in": True}


FILLED_IN = FilledIn()


def is_filled_in(field: FieldInfo) -> bool:
    """Whether the rig fills this parameter in."""
    return any(isinstance(item, FilledIn) for item in field.metadata)


def misfit(key: str, expected: str) -> PydanticCustomError:
    """The error for a validator to raise where one key of a mapping does not fit the others: it is reported at `key`.

    Args:
        expected: completes "expected ...".
    """
    return PydanticCustomError("misfit", "{expected}", {"key": key, "expected": expected})


@dataclass(frozen=True)
class Unit:
    """Stands in the annotation of a number, so that a mistake in it can name what is counted."""

    name: str


def resolve_path(path: Path, info: ValidationInfo) -> Path:
    """`~` expanded; a relative path is taken from the folder of the file that names it."""
    written, path = str(path), path.expanduser()
    directory = (info.context or {}).get("directory")
    return named_file(written, Path(directory) / path if directory and not path.is_absolute() else path, info)


def existing_file(path: Path, info: ValidationInfo) -> Path:
    """As `resolve_path`; a ValueError where there is no such file."""
    path = resolve_path(path, info)
    if not path.is_file():
        what = "that is a folder" if path.is_dir() else f"there is no file {path}"
        raise ValueError(f"a path to an existing file, but {what}")
    return path


AnyPath = Annotated[Path, AfterValidator(resolve_path)]
ExistingFile = Annotated[Path, AfterValidator(existing_file)]
