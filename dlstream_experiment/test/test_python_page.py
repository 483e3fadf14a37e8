"""The page about running an experiment from Python: its example runs, and prints what the page says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "how-to"


def block(language: str) -> str:
    return (DOCS / "python.md").read_text(encoding="utf-8").partition(f"```{language}\n")[2].partition("```")[0]


def test_the_example_of_the_page_prints_what_the_page_says(tmp_path: Path):
    made = subprocess.run(
        [sys.executable, "-c", block("python")], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert made.stderr == ""
    assert made.stdout == block("text")


def test_every_page_that_it_names_is_there():
    for name in ("replay.md", "experiment-files.md"):
        assert f"({name}" in (DOCS / "python.md").read_text(encoding="utf-8")
        assert (DOCS / name).is_file()
    title = "## Where YAML is not enough: a class in Python"
    assert title in (DOCS / "experiment-files.md").read_text(encoding="utf-8").splitlines()
