"""A live rig, replayed from its journal and analysed from its video: it decides the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from rig_tools import CONFIG, command, written

from dlstream_recorder import DECISIONS, JOURNAL, read_lines, recover

ENDS = {"experiment_ended"}
"""What differs by nature: when and why a run ended, which a video does not show."""


def said(folder: Path) -> list[tuple[object, ...]]:
    """Events and commands without their stamps."""
    found = []
    for line in read_lines(folder, DECISIONS):
        about = json.loads(line)
        if about.get("event") in ENDS:
            break
        what = about.get("event") or about["command"], about.get("name") or about["output"]
        found.append((*what, json.dumps(about.get("values")), about.get("sequence"), about.get("frame")))
    return found


def decided(folder: Path) -> list[tuple[object, ...]]:
    """What frames caused, but for the last one's: a run that is ended ends its trial."""
    return [item for item in said(folder) if item[3] is not None]


def outcome(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, check=False, timeout=180)


def test_a_live_session_replays_and_its_video_decides_the_same(start, write_rig, tmp_path):
    rig = start("run", str(write_rig(("fps: 30, seed: 1}", "fps: 12, seed: 8, frames: 90}"))))
    assert rig.wait() == 0, rig.output
    session = rig.session
    replay = outcome("replay", str(session), folder=tmp_path)
    assert replay.returncode == 0, replay.stdout
    assert "identical" in replay.stdout
    changed = outcome("replay", str(session), "--set", "triggers.in_left.min_confidence=1", folder=tmp_path)
    assert changed.returncode == 0, changed.stdout
    assert "Delay against an ideal observer" in changed.stdout

    network = f"{CONFIG}/networks/demo_mouse.onnx"
    words = [
        "analyze",
        str(session / "top.mkv"),
        "--network",
        network,
        "--experiment",
        str(session / "experiment.yaml"),
    ]
    analysis = outcome(*words, "--live-frames", "--out", "offline", folder=tmp_path)
    assert analysis.returncode == 0, analysis.stdout
    live, offline = decided(session), decided(tmp_path / "offline")
    assert len(live) > 3
    assert offline == live


def test_a_run_whose_nodes_were_killed_replays_as_far_as_it_was_recorded(start, write_rig, tmp_path):
    rig = start("run", str(write_rig()))
    written(rig, JOURNAL, 21)
    os.kill(rig.node("/recorder"), signal.SIGKILL)
    assert rig.wait() == 1
    recover(rig.session)
    assert len(read_lines(rig.session, JOURNAL)) > 20
    replay = outcome("replay", str(rig.session), folder=tmp_path)
    assert replay.returncode == 0, replay.stdout
