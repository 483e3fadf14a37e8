"""Commands for a running rig, in processes of their own, without ROS tools."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rig_tools import command, is_gone, recorded, wait_until

from dlstream_recorder.report.tables import read_events

TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
"""Nanoseconds to which the kernel says when a process began."""
BY_HAND = ("start_timeout: 300", "start_timeout: 300, autostart_run: false")


@pytest.fixture(autouse=True)
def _rigs_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))


def remote(*words: str) -> tuple[int, str]:
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_run_and_what_the_operator_says_of_it(start, write_rig):
    rig = start("run", str(write_rig(BY_HAND)), "--local", "--subject", "M12")
    recorded(rig, 10)
    entered = time.time_ns()
    code, said = remote("mark", "injection")
    assert (code, said.startswith("mark in ")) == (0, True), said
    assert remote("note", 'animal: [calm], "so far"')[0] == 0
    code, said = remote("output", "test", "screen", "show", "image=left", "--seconds", "0.2")
    assert (code, said) == (0, "screen: on for 0.2 s\n")
    code, said = remote("output", "test", "scren", "show")
    assert (code, "Did you mean 'screen'?" in said) == (1, True), said
    code, said = remote("start")
    assert code == 0, said
    rig.saw("experiment_started")
    code, said = remote("output", "test", "screen", "show", "image=left")
    assert (code, "an experiment is running; stop it first" in said) == (1, True), said
    code, said = remote("output", "disarm", "screen")
    assert (code, said) == (0, "screen: off and disarmed\n")
    code, said = remote("output", "arm", "screen")
    assert (code, said) == (0, "screen: armed\n")
    code, said = remote("start")
    assert (code, "is running already" in said) == (1, True), said
    known = (
        "rig test, M12: for",
        "camera top",
        "frames/s, 320x240",
        "poses/s, inference",
        "'test' is running",
        "output screen",
        "free on",
    )
    # What a busy machine has not heard yet is in a later answer.
    answers: list[str] = []
    wait_until(lambda: answers.append(remote("status")[1]) or all(words in answers[-1] for words in known), rig)
    code, said = remote("stop")
    assert (code, "outputs are being switched off" in said) == (0, True), said
    rig.saw("experiment_ended")
    code, said = remote("stop")
    assert (code, "no experiment is running" in said) == (1, True), said
    code, said = remote("stop", "--all")
    assert code == 0, said
    assert rig.wait() == 0, rig.output

    events = read_events(rig.session)
    [mark] = events[events["kind"] == "mark"].to_dict("records")
    assert (mark["name"], json.loads(mark["values"])) == ("injection", {"text": "injection"})
    created = int(rig.about()["created_ns"])
    assert created < mark["stamp_ns"] < mark["recorded_ns"]
    assert entered - TICK <= mark["stamp_ns"]
    [note] = events[events["kind"] == "note"].to_dict("records")
    assert (note["name"], json.loads(note["values"])) == ("operator", {"text": 'animal: [calm], "so far"'})
    assert rig.session.name.endswith("_test_M12")
    assert rig.about()["metadata"] == {"subject": {"subject_id": "M12"}}
    assert remote("status")[0] == 3


def test_nodes_that_have_ended_are_not_silent_while_the_rig_is_ending(start, write_rig):
    rig = start("run", str(write_rig()), "--local")
    recorded(rig, 10)
    camera, experiment = rig.node("/top/camera"), rig.node("/experiment")
    os.kill(camera, signal.SIGSTOP)  # it does not close, so that the rig is still ending when it is asked
    rig.process.send_signal(signal.SIGINT)
    wait_until(lambda: is_gone(experiment), rig)
    code, said = remote("status")
    os.kill(camera, signal.SIGCONT)
    assert (code, "the rig is ending" in said, "says nothing" in said) == (0, True, False), said
    assert [line.split()[1:] for line in said.splitlines() if line.split()[:1] == ["experiment"]] == [["has", "ended"]]
    assert rig.wait() == 0, rig.output


def test_sessions_on_request(start, write_rig):
    rig = start("run", str(write_rig(BY_HAND, ("recorder: {", "recorder: {start: service, "))))
    rig.saw("camera: ")
    code, said = remote("mark", "too early")
    assert (code, "is not recording: nothing was written" in said) == (1, True), said
    code, said = remote("start", "--subject", "M7", "--session", "day3", "--note", "late")
    assert code == 0, said
    recorded(rig, 5)
    code, said = remote("start", "--subject", "M8")
    assert (code, "a session is being recorded already" in said) == (1, True), said
    code, said = remote("stop")
    assert (code, "day3 is finished" in said) == (0, True), said
    assert rig.stop() == 0, rig.output
    assert rig.about()["metadata"] == {"subject": {"subject_id": "M7"}, "notes": "late"}
    assert rig.session.name == "day3"


def test_none_and_several(start, write_rig):
    for words in (["start"], ["stop"], ["mark", "x"], ["note", "x"], ["status"]):
        code, said = remote(*words)
        assert code == 3
        assert "no rig is running on this machine" in said
    first = start("run", str(write_rig(BY_HAND)), "--local")
    second = start("run", str(write_rig(BY_HAND)), "--local")

    def written() -> list[Path]:
        tables = (first.folder / "sessions").glob("*/top.frames.csv")
        return [table for table in tables if table.read_bytes().count(b"\n") > 1]

    wait_until(lambda: len(written()) == 2, second)  # both record
    code, said = remote("mark", "x")
    assert code == 3
    assert "2 rigs are running; say which with --rig" in said
    code, said = remote("status", "--rig", "tset")
    assert (code, "Did you mean 'test'" in said) == (3, True), said
    assert remote("mark", "x", "--rig", str(first.process.pid))[0] == 0
    os.kill(first.process.pid, signal.SIGKILL)
    first.wait()
    code, said = remote("status")
    assert code in (0, 1), said
    assert f"{second.folder}/rig.yaml" in said
