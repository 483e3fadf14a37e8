"""Settings: validated values that a rig file, an experiment file or ROS parameters fill in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo


class Settings(BaseModel):
    """Base of every settings class. Unknown keys and infinite numbers are refused.

    A field of a node's settings becomes a ROS parameter (see `dlstream_common.ros.parameters`), so it has a
    description, its limits, and one of the types str, int, float, bool, Path, Literal or a list of these.
    `json_schema_extra={"live": True}` marks a field that may change while the node is active.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True, validate_default=False
    )


@dataclass(frozen=True)
class Unit:
    """Stands in the annotation of a number, so that a mistake in it can name what is counted."""

    name: str


def resolve_path(path: Path, info: ValidationInfo) -> Path:
    """`~` expanded; a relative path is taken from the folder of the file that names it."""
    path = path.expanduser()
    directory = (info.context or {}).get("directory")
    return Path(directory) / path if directory and not path.is_absolute() else path


def existing_file(path: Path, info: ValidationInfo) -> Path:
    """As `resolve_path`; a ValueError where there is no such file."""
    path = resolve_path(path, info)
    if not path.is_file():
        what = "that is a folder" if path.is_dir() else f"there is no file {path}"
        raise ValueError(f"a path to an existing file, but {what}")
    return path


AnyPath = Annotated[Path, AfterValidator(resolve_path)]
ExistingFile = Annotated[Path, AfterValidator(existing_file)]
