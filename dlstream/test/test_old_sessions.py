"""Sessions that an earlier dlstream recorded replay byte for byte. `data/` keeps some, which never change."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from dlstream.offline.replay import replay_session

SESSIONS = sorted((Path(__file__).parent / "data").glob("session_of_*"))


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, file=io.StringIO())


def test_there_are_old_sessions():
    assert [path.name for path in SESSIONS] == ["session_of_0.1_every", "session_of_0.1_python"]


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.name)
def test_an_old_session_replays_byte_for_byte(session, tmp_path, console):
    out = tmp_path / "decisions.jsonl"
    assert replay_session(session, None, out, console, allow_python=True) == 0, console.export_text()
    assert "identical" in console.export_text()
    assert out.read_bytes() == (session / "decisions.jsonl").read_bytes()


def test_a_changed_decision_is_found(tmp_path, console):
    """So that the test above can fail."""
    session = tmp_path / "session"
    shutil.copytree(SESSIONS[0], session)
    lines = (session / "decisions.jsonl").read_text().splitlines()
    rose = next(number for number, line in enumerate(lines) if json.loads(line).get("event") == "trigger_rose")
    lines[rose] = lines[rose].replace("trigger_rose", "trigger_fell")
    (session / "decisions.jsonl").write_text("".join(f"{line}\n" for line in lines))
    assert replay_session(session, None, None, console, allow_python=True) == 1
