"""The published schemas of the rig file and of the experiment file."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from dlstream.rig.file import Rig
from dlstream_common.plugins import own_parts_only
from dlstream_common.yaml.schema import file_schema
from dlstream_experiment import Experiment

SCHEMAS: dict[str, tuple[type[BaseModel], str]] = {
    "rig": (Rig, "dlstream rig file"),
    "experiment": (Experiment, "dlstream experiment file"),
}


def schema_text(kind: str) -> str:
    """The schema of the `rig` or the `experiment` file as the text of a JSON file."""
    schema = file_schema(*SCHEMAS[kind])
    for model in schema["$defs"].values():
        model["properties"].pop("allow_python", None)  # refused in a file: only whoever starts it can allow code
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def published_schema(kind: str) -> str:
    """As `schema_text`, without the parts of packages that happen to be installed."""
    with own_parts_only():
        return schema_text(kind)


def write_schemas(folder: Path) -> list[Path]:
    """Writes both published schemas into a folder; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for kind in SCHEMAS:
        files.append(folder / f"{kind}.schema.json")
        files[-1].write_text(published_schema(kind), encoding="utf-8")
    return files
