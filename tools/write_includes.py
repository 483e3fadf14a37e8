"""Writes files into the pages that show them, so that the pages can be read without a build.

    .venv/bin/dlstream-env python tools/write_includes.py

A comment names the file, and the block below it is its content:

    <!-- include: files/light.yaml before="protocol:" -->
    ```yaml
    ...
    ```

`from="text"` begins with the first line that has the text; `before` ends in front of the next one with its text,
`until` with it.
`test/test_includes.py` says which pages are out of date.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"^<!-- include: (?P<file>\S+)(?P<options>[^\n]*?) -->\n```(?P<language>\w+)\n.*?^```$", re.MULTILINE | re.DOTALL
)
OPTION = re.compile(r'(\w+)="(.*?)"(?= |$)')


def part(text: str, options: dict[str, str]) -> str:
    """The lines of a file that a page shows.

    Raises:
        ValueError: no line has a text that the options name.
    """
    lines = text.splitlines()
    begin, end = 0, len(lines)
    if "from" in options:
        begin = _line(lines, options["from"], 0)
    if "before" in options:
        end = _line(lines, options["before"], begin)
    if "until" in options:
        end = _line(lines, options["until"], begin) + 1
    return dedent("\n".join(lines[begin:end])).strip("\n")


def written(page: Path) -> str:
    """The page with its blocks as they should be."""

    def block(match: re.Match[str]) -> str:
        options = dict(OPTION.findall(match["options"]))
        shown = part((page.parent / match["file"]).read_text(encoding="utf-8"), options)
        return f"<!-- include: {match['file']}{match['options']} -->\n```{match['language']}\n{shown}\n```"

    return BLOCK.sub(block, page.read_text(encoding="utf-8"))


def pages() -> list[Path]:
    """All pages of the documentation."""
    return sorted((ROOT / "docs").rglob("*.md"))


def _line(lines: list[str], wanted: str, begin: int) -> int:
    for number in range(begin, len(lines)):
        if wanted in lines[number]:
            return number
    raise ValueError(f"no line has {wanted!r}")


def main() -> None:
    """Writes all pages again."""
    for page in pages():
        text = written(page)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
