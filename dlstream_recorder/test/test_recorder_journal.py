"""The experiment's journal in a session: written as it goes, whole after a kill."""

from __future__ import annotations

import json
import shutil

import pytest

from dlstream_common import RecordingError
from dlstream_recorder import DECISIONS, JOURNAL, read_lines, recover

START = '{"n":0,"in":"start","version":1,"stamp":5,"seed":77,"text":"a\\nb"}\n{"n":0,"event":"experiment_started"}'
POSES = '{"n":1,"in":"poses","camera":"top"}'
TICK = '{"n":2,"in":"tick","stamp":9}\n{"n":2,"event":"fault"}\n{"n":2,"command":"off"}'


def test_entries_and_what_follows_from_them_go_into_two_files(open_session):
    session = open_session("whole")
    for entry in (START, POSES, TICK, START.replace("77", "78")):
        session.add_journal(entry)
    session.finish()
    assert [json.loads(line)["n"] for line in read_lines(session.folder, JOURNAL)] == [0, 1, 2, 0]
    assert [json.loads(line)["n"] for line in read_lines(session.folder, DECISIONS)] == [0, 2, 2, 0]
    assert json.loads((session.folder / "session.json").read_text())["seeds"] == {"run_1": 77, "run_2": 78}


def test_a_session_without_an_experiment_has_no_journal(open_session, tmp_path):
    session = open_session("none")
    session.finish()
    assert not list(session.folder.glob("*.jsonl"))
    with pytest.raises(RecordingError, match="no such folder"):
        read_lines(tmp_path / "nowhere", JOURNAL)
    with pytest.raises(RecordingError, match="no experiment ran in this session"):
        read_lines(session.folder, JOURNAL)
    with pytest.raises(RecordingError, match=f"found a file; expected a session folder.*belongs to {tmp_path}"):
        read_lines(session.folder / "events.csv", JOURNAL)


def test_a_line_of_a_journal_ends_where_it_was_written_to_end(tmp_path):
    (tmp_path / JOURNAL).write_bytes('{"a":"one\u2028\u0085two"}\n{"b":1}\r\n{"c"'.encode())
    assert read_lines(tmp_path, JOURNAL) == ['{"a":"one\u2028\u0085two"}', '{"b":1}', '{"c"']
    (tmp_path / JOURNAL).write_bytes(b'{"a":1}\n{"b":"\xff"}\n')
    with pytest.raises(RecordingError, match=r"journal.jsonl:2: found the byte 0xff, which is not text"):
        read_lines(tmp_path, JOURNAL)


def test_a_kill_loses_at_most_half_a_line(open_session, tmp_path, wait_for):
    session = open_session("running")
    for entry in (START, POSES, TICK):
        session.add_journal(entry)
    journal, decisions = session.folder / JOURNAL, session.folder / DECISIONS
    wait_for(lambda: decisions.exists() and decisions.read_text().count("\n") == 3, "written at once")
    killed = tmp_path / "killed"
    shutil.copytree(session.folder, killed)
    (killed / JOURNAL).write_bytes(journal.read_bytes() + b'{"n":3,"in":"po')
    recover(killed)
    assert (killed / JOURNAL).read_bytes() == journal.read_bytes()
    assert (killed / DECISIONS).read_bytes() == decisions.read_bytes()
