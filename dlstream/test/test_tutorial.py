"""The tutorial shows what its commands print: those that print the same each time are run again."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "tutorial"

pytestmark = pytest.mark.slow


def tool() -> Any:
    sys.path.insert(0, str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("write_tutorial", ROOT / "tools" / "write_tutorial.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


TOOL = tool()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("my_rig")
    TOOL.prepare(made)
    TOOL.printed(TOOL.STEPS[0], made)  # writes the experiment file that the others read
    return made


@pytest.mark.parametrize("step", [step for step in TOOL.STEPS if step.same], ids=lambda step: step.name)
def test_the_page_shows_what_the_command_prints(step: Any, folder: Path):
    if step.name == "new":
        (folder / "experiment.yaml").unlink()
    shown = (PAGES / "output" / f"{step.name}.txt").read_text(encoding="utf-8")
    assert TOOL.printed(step, folder) == shown, "run tools/write_tutorial.py --quick, and look at what has changed"


def test_every_output_and_picture_is_shown_and_written():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES.glob("*.md"))
    for shown, written in (
        (set(re.findall(r"output/(\w+)\.txt", text)), {step.name for step in TOOL.STEPS}),
        (set(re.findall(r"\(images/([\w.]+)\)", text)), set(TOOL.PICTURES)),
    ):
        assert shown == written
