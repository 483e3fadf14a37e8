"""Every link of the pages in this repository leads to a file and a heading; every page that code names exists.

Links to the web are not followed. Inside `docs` Sphinx looks as well (`make docs`); this also covers the README and the
pages as they are read without a site.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GENERATED = "reference/generated/"  # written by `make docs`, which looks at links to it


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in sorted(listed.stdout.split("\0")) if name and (ROOT / name).is_file()]


PAGES = tracked("*.md")


def prose(page: Path) -> str:
    """The text without its fenced blocks of code."""
    return re.sub(r"^( *)```.*?^\1```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The names of its headings in a link, as GitHub and MyST make them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(page: Path) -> list[str]:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target) or GENERATED in os.path.normpath(page.parent / target):
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (heading and heading not in anchors(file)):
            dead.append(target)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_dead(page: Path):
    assert dead_links(page) == []


def test_a_dead_link_is_found(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](page.md#one-thing) [b](#one-thing) [c](#two) [d](none.md) [e](https://f.org)\n")
    assert dead_links(page) == ["#two", "none.md"]


def test_every_page_that_is_named_is_there():
    """Messages, comments and pages name pages by their path: docs/how-to/ros2.md."""
    named = {
        (file.relative_to(ROOT).as_posix(), name)
        for file in tracked("*.py", "*.md", "*.yaml", "*.txt", "*.toml", "Makefile", ":!CHANGELOG.md")
        for name in re.findall(r"(?<![\w./])docs/[\w/.-]+\.md", file.read_text(encoding="utf-8"))
    }
    assert [(file, name) for file, name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_test_that_a_page_names_is_there():
    tests = {
        (file.name, name)
        for file in tracked("*test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = {pair for page in PAGES for pair in re.findall(r"`(test_\w+\.py)::(test_\w+)`", page.read_text("utf-8"))}
    assert len(named) > 40
    assert named - tests == set()


def lacking_names(page: Path) -> list[str]:
    """The modules and names of modules, written `dlstream_common.now`, that are not there."""
    groups = (ROOT / "docs" / "examples" / "lab_parts" / "pyproject.toml").read_text(encoding="utf-8")
    lacking = []
    for dotted in sorted(set(re.findall(r"`(dlstream(?:_[a-z]+)?(?:\.\w+)+)[`(]", prose(page)))):
        if f'"{dotted}"' in groups or (ROOT / "config" / dotted).exists():
            continue  # a group of entry points, a file
        path, *names = dotted.split(".")
        place = ROOT / path / path
        while names and ((place / names[0]).is_dir() or (place / f"{names[0]}.py").exists()):
            place /= names.pop(0)
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if names and not re.search(rf"\b{names[0]}\b", file.read_text(encoding="utf-8")):
            lacking.append(dotted)
    return lacking


CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.mark.parametrize("page", CURRENT, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_module_that_a_page_names_exists(page: Path):
    assert lacking_names(page) == []


def test_a_module_that_is_gone_is_found(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("`dlstream.rig.gone`, `dlstream_common.gone()`, `dlstream.rig.checks`, `dlstream_common.now()`")
    assert lacking_names(page) == ["dlstream.rig.gone", "dlstream_common.gone"]
