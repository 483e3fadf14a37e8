"""Settings: validated values from a rig file, an experiment file or ROS parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from dlstream_common._field_docs import field_docs


class Settings(BaseModel):
    """Base of all settings classes. Refuses unknown keys and infinite numbers.

    A field of a node's settings becomes a ROS parameter (see `dlstream_common.ros.parameters`), so it has a
    description, limits, and one of the types str, int, float, bool, Path, Literal or a list of these.
    `json_schema_extra={"live": True}` marks a field that may change while the node is active.
    """

    # A class is built at its first use: most programs use only a few, and descriptions are set after the definition.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True, validate_default=False
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Makes each field's docstring its description."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, text in field_docs(cls).items():
            field = cls.model_fields.get(name)
            if field is not None and field.description is None:
                field.description = text


@dataclass
class NamedFiles:
    """The files that a settings file names; validators find it in their context as `files`.

    Attributes:
        copies: files to read instead, by the name as written in the settings file.
        found: the files that were read, by the name as written.
    """

    copies: Mapping[str, Path] = field(default_factory=dict)
    found: dict[str, Path] = field(default_factory=dict)

    def path_to_read(self, written: str, path: Path) -> Path:
        """The path to read: that of the copy, if there is one."""
        path = self.copies.get(written, path)
        if path.is_file():
            self.found[written] = path
        return path


@dataclass(frozen=True)
class UsedFile:
    """A file that an experiment file names and that affects its decisions, such as a classifier or a Python file.

    Attributes:
        written: its name as written there.
        sha256: SHA-256 of the content that was read, in hexadecimal digits.
    """

    written: str
    path: Path
    sha256: str

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> UsedFile:
        """Creates it from a journal's entry."""
        return cls(about["written"], Path(about["path"]), about["sha256"])


def named_file(written: str, path: Path, info: ValidationInfo) -> Path:
    """Notes that a settings file names this file, if the context collects them; see `NamedFiles.path_to_read`."""
    files = (info.context or {}).get("files")
    return path if files is None else files.path_to_read(written, path)


@dataclass(frozen=True)
class FilledIn:
    """Marks, in an annotation, a node's parameter that the rig fills in: it is not a key for users."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "filled_in": True}


FILLED_IN = FilledIn()


def is_filled_in(field: FieldInfo) -> bool:
    """Whether the rig fills in this parameter."""
    return any(isinstance(item, FilledIn) for item in field.metadata)


@dataclass(frozen=True)
class FormerKey:
    """Marks, in an annotation, a key of former files that is still accepted, and is not listed any more.

    Its field is None where the file does not have it; its value goes to the newer keys.

    Attributes:
        now: the keys that it stands for; one below a part that does not have it, such as a filter, is left out.
    """

    now: tuple[str, ...]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "deprecated": True}


def former(*now: str) -> Any:
    """The mark of a former key; `now` are the keys that it stands for, such as engine.threads."""
    return FormerKey(now)


def former_key(field: FieldInfo) -> FormerKey | None:
    """The mark of a former key; None: it is none."""
    return next((item for item in field.metadata if isinstance(item, FormerKey)), None)


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys that a user sets, by name: without what the rig fills in, and without those of former files."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return {key: field for key, field in fields.items() if not is_filled_in(field) and former_key(field) is None}


def misfit(key: str, expected: str) -> PydanticCustomError:
    """The error that a validator raises if one key of a mapping contradicts the others: it is reported at `key`.

    Args:
        expected: completes "expected ...".
    """
    return PydanticCustomError("misfit", "{expected}", {"key": key, "expected": expected})


class SettingsWithFormerKeys(Settings):
    """Settings some keys of which had other names: the values of former keys go to the newer ones."""

    @model_validator(mode="after")
    def _former_keys_moved(self) -> SettingsWithFormerKeys:
        """Gives the values of former keys to those that they stand for."""
        for name, about in type(self).model_fields.items():
            mark = former_key(about)
            value = getattr(self, name) if mark is not None else None
            if mark is None or value is None:
                continue
            for key in mark.now:
                self._set_formerly(name, *key.partition(".")[::2], value)
            self.__dict__[name] = None  # frozen for others
            self.__pydantic_fields_set__.discard(name)
        return self

    def _set_formerly(self, former: str, key: str, below: str, value: Any) -> None:
        part = getattr(self, key)
        owner, last = (part, below) if below else (self, key)
        if last not in type(owner).model_fields:
            return  # a part, such as a filter, to which the key does not apply
        if last in owner.model_fields_set and getattr(owner, last) != value:
            raise misfit(former, f"only the newer key {key}{f'.{below}' if below else ''}, which is there as well")
        if below:
            last, value = key, part.model_copy(update={below: value})
        self.__dict__[last] = value
        self.__pydantic_fields_set__.add(last)


@dataclass(frozen=True)
class Unit:
    """Marks, in an annotation, the unit of a number, for error messages."""

    name: str


def resolve_path(path: Path, info: ValidationInfo) -> Path:
    """Expands `~`, and resolves a relative path from the folder of the file that names it."""
    written, path = str(path), path.expanduser()
    directory = (info.context or {}).get("directory")
    return named_file(written, Path(directory) / path if directory and not path.is_absolute() else path, info)


def existing_file(path: Path, info: ValidationInfo) -> Path:
    """As `resolve_path`; raises ValueError if there is no such file."""
    path = resolve_path(path, info)
    if not path.is_file():
        what = "that is a folder" if path.is_dir() else f"there is no file {path}"
        raise ValueError(f"a path to an existing file, but {what}")
    return path


AnyPath = Annotated[Path, AfterValidator(resolve_path)]
ExistingFile = Annotated[Path, AfterValidator(existing_file)]
