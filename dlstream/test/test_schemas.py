"""The published schemas: up to date, named by the included files, and agreeing with the reading of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dlstream.rig.schema import SCHEMAS, published_schema, schema_text, write_schemas

CONFIG = Path(__file__).resolve().parents[2] / "config"
EXPERIMENTS = sorted((CONFIG / "experiments").rglob("*.yaml"))
RIGS = sorted(CONFIG.glob("rig.*.yaml"))


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_the_published_schema_is_up_to_date(kind: str, tmp_path: Path):
    published = (CONFIG / "schema" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert published == published_schema(kind), "run tools/write_schemas.py"
    assert [file.read_text(encoding="utf-8") for file in write_schemas(tmp_path)].count(published) == 1


@pytest.mark.parametrize("file", [*EXPERIMENTS, *RIGS], ids=lambda path: path.name)
def test_the_files_that_come_along_name_their_schema(file: Path):
    first = file.read_text(encoding="utf-8").splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert found, first
    kind = "rig" if file in RIGS else "experiment"
    assert (file.parent / found[1]).resolve() == CONFIG / "schema" / f"{kind}.schema.json"


def problems(kind: str, content: Any) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(schema_text(kind)))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]


@pytest.mark.parametrize("file", [*EXPERIMENTS, *RIGS], ids=lambda path: path.name)
def test_the_files_that_come_along_fulfil_it(file: Path):
    assert problems("rig" if file in RIGS else "experiment", YAML(typ="safe").load(file)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("camera: top", "camra: top"), ("radius: 87.5", "radius: wide"), ("type: region_trials", "type: trails")],
)
def test_a_mistake_does_not(old: str, new: str):
    text = (CONFIG / "experiments" / "example.yaml").read_text(encoding="utf-8")
    assert old in text
    assert problems("experiment", YAML(typ="safe").load(text.replace(old, new, 1)))
