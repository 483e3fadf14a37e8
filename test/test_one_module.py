"""One module in the folder of its kind, nothing else changes: a part of each kind, in a copy of dlstream."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lab_tools import EXAMPLE, ROOT, command_in, make_lab

FOLDERS = {
    "image_folder": "dlstream_camera/sources",
    "valve": "dlstream_outputs/outputs",
    "near_point": "dlstream_experiment/model/triggers",
    "reward": "dlstream_experiment/model/protocols",
    "brightest": "dlstream_pose/runtime/engines",
    "mean": "dlstream_pose/runtime/filters",
}
DECODER = """
OUTPUTS = ("halves",)

def make(info):
    return lambda outputs: outputs["halves"] * 2
"""
CONVERTER = """
EXPECTED = "a file of halves (.half)"
requires = {}

def accepts(path):
    return path.suffix == ".half"

def open_source(path):
    raise NotImplementedError
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dlstream with one more module of each kind: the example's, and nothing else of it."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ROOT.glob("dlstream*/dlstream*/__init__.py"):
        shutil.copytree(package.parent, folder / package.parent.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, place in FOLDERS.items():
        shutil.copy(EXAMPLE / "lab_parts" / f"{name}.py", folder / place)
    (folder / "dlstream_pose" / "runtime" / "decoders" / "halves.py").write_text(DECODER)
    (folder / "dlstream_pose" / "convert" / "sources" / "half.py").write_text(CONVERTER)
    return folder


def test_it_is_listed_with_its_keys(tmp_path: Path, copy: Path):
    command = command_in(tmp_path, copy)
    lines = [line.split() for line in command("parts").splitlines()]
    for name in (*FOLDERS, "halves", "half"):
        assert [name, "ready"] in lines, name
    for kind, name, key in (("source", "image_folder", "folder"), ("trigger", "near_point", "distance")):
        assert key in command("parts", kind, name)
    for kind, name, key in (("filter", "mean", "weight"), ("protocol", "reward", "rewards")):
        assert key in command("parts", kind, name)
    for name in ("near_point", "reward"):
        assert f'"{name}"' in command("experiment", "schema")


def test_it_is_checked_and_runs(tmp_path: Path, copy: Path):
    lab = make_lab(tmp_path)
    command = command_in(lab, copy)
    command("check", "rig.yaml")
    command("run", "rig.yaml", "--seconds", "120")
    (session,) = (lab / "sessions").iterdir()
    assert (lab / "port").read_text().split().count("open") == 2
    command("replay", str(session))


def test_what_can_be_named_beside_the_parts_is_listed(tmp_path: Path):
    command = command_in(tmp_path)
    listed = command("parts")
    assert listed.count("a node of somebody else's: docs/how-to/add-a-node.md") == 2, "of cameras and of outputs"
    assert "its image topic" in command("parts", "source", "topic").lower()
    assert "one thread per core" in command("parts", "engine", "auto")
