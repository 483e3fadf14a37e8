"""The rig files that the pages show are read as they stand; parts of one are completed first."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dlstream.rig.file import load_rig

ROOT = Path(__file__).resolve().parents[2]
OWN_PARTS = "add-a-part.md"  # which have to be installed first
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
PAGES = [page for page in PAGES if page.name != OWN_PARTS]
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SECTIONS = {"rig", "cameras", "outputs", "inputs", "pose", "session", "panel", "recorder"}
REST = {"rig": "rig: page\n", "cameras": "cameras: {top: {source: synthetic}}\n"}


def rigs() -> list[tuple[str, str]]:
    """Where a rig file stands, and its text."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            content = re.sub(f"^{block[1]}", "", block[2], flags=re.MULTILINE)
            if SECTIONS & set(YAML(typ="safe").load(content) or {}):
                found.append((f"{page.name}:{text[: block.start()].count(chr(10)) + 1}", content))
    return found


RIGS = rigs()


@pytest.mark.parametrize(("place", "content"), RIGS, ids=[place for place, _ in RIGS])
def test_the_rig_of_the_page_can_be_read(place: str, content: str, tmp_path: Path):
    sections = set(YAML(typ="safe").load(content))
    if not ("cameras" in sections and {"outputs", "recorder"} & sections):  # else it is shown as a whole file
        content += "".join(line for key, line in REST.items() if key not in sections)
    (tmp_path / "rig.yaml").write_text(content, encoding="utf-8")
    shutil.copy(ROOT / "config" / "networks" / "demo_mouse.onnx", tmp_path / "mouse.onnx")
    for picture in ("stripes.png", "checkers.png"):
        shutil.copy(ROOT / "config" / "images" / picture, tmp_path)
    for name in ("looming.mp4", "mouse.db3"):
        (tmp_path / name).touch()
    shutil.copy(ROOT / "config" / "experiments" / "example.yaml", tmp_path / "experiment.yaml")
    assert load_rig(tmp_path / "rig.yaml", without_experiment=True).cameras


def test_the_pages_show_rigs():
    assert len(RIGS) > 15
