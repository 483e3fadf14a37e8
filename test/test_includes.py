"""Pages show the files that they name, as they are; so they can be read without a build, as on GitHub."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import write_includes  # noqa: E402

PAGES = write_includes.pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_page_shows_its_files_as_they_are(page: Path):
    text = page.read_text(encoding="utf-8")
    assert text == write_includes.written(page), "run tools/write_includes.py"
    blocks = list(write_includes.BLOCK.finditer(text))
    assert text.count("<!-- include:") == len(blocks), "a block in the language of the file follows each comment"
    assert "{literalinclude}" not in text, "it shows nothing where the page is read without a build"


def test_pages_with_files_are_looked_at():
    assert sum(page.read_text(encoding="utf-8").count("<!-- include:") for page in PAGES) > 20


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, "a: 1\n\nb:\n  c: 2\n  d: 3"),
        ({"before": "b:"}, "a: 1"),
        ({"from": "c:"}, "c: 2\nd: 3"),
        ({"from": "b:", "until": "c:"}, "b:\n  c: 2"),
    ],
)
def test_a_part_of_a_file(options: dict[str, str], shown: str):
    assert write_includes.part("a: 1\n\nb:\n  c: 2\n  d: 3\n", options) == shown


def test_a_line_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="no line has 'x:'"):
        write_includes.part("a: 1\n", {"from": "x:"})
