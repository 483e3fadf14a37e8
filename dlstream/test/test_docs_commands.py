"""The commands that the pages print without a rig or a session do what the pages say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dlstream.cli.main import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [DOCS / "how-to" / "experiment-files.md", DOCS / "reference" / "schemas.md"]
TEXT = "".join(page.read_text(encoding="utf-8").replace("\\\n", " ") for page in PAGES)
WANTED = r"^    dlstream (experiment (?:new .*--template|templates|schema).*?)(?:  #.*)?$"
COMMANDS = re.findall(WANTED, TEXT, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_works_as_printed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(app, shlex.split(command))
    assert outcome.exit_code == 0, (outcome.stdout, outcome.exception)


def test_the_pages_have_such_commands():
    assert len(COMMANDS) == 5
