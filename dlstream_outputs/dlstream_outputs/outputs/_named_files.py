"""Files that an output can show or play, by name: `{left: stripes.png}` in a rig file, `left=stripes.png` in ROS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator, ValidationInfo

from dlstream_common.settings import existing_file


def _pairs(value: Any) -> Any:
    return [f"{name}={path}" for name, path in value.items()] if isinstance(value, Mapping) else value


AsPairs = BeforeValidator(_pairs, json_schema_input_type=dict[str, str] | list[str])
"""Turns a rig file's mapping, name: path, into a list of name=path, which a ROS parameter can hold."""


def by_name(pairs: Sequence[str]) -> dict[str, Path]:
    """The files of a validated setting, by name."""
    return {name: Path(path) for name, _, path in (pair.partition("=") for pair in pairs)}


def existing_files(kind: str, pairs: Sequence[str], info: ValidationInfo) -> tuple[dict[str, Path], list[str]]:
    """The files by name, with their whole paths, and what is wrong with those that don't exist.

    Args:
        kind: of the things that they hold, in the singular: "image".

    Raises:
        ValueError: one is no name=path, or a name stands twice; completes "expected ...".
    """
    found: dict[str, Path] = {}
    wrong: list[str] = []
    for pair in pairs:
        name, _, path = pair.partition("=")
        if not (name and path):
            raise ValueError(f"{kind}s as name=path, but one of them is '{pair}'")
        if name in found:
            raise ValueError(f"different names, but two {kind}s are named '{name}'")
        try:
            found[name] = existing_file(Path(path), info)
        except ValueError as error:
            wrong.append(f"for the {kind} '{name}' {error}")
            found[name] = Path(path)
    return found, wrong
