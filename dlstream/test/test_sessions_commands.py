"""`dlstream sessions` and `dlstream export` on the command line, with a session that an analysis wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from track_tools import NETWORK, console, write_video

from dlstream.cli.summary import show_session
from dlstream.offline.analyze import Options, analyze

EXPERIMENT = """\
experiment: quarters
camera: top
regions: {left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}}
triggers: {in_left: {type: region, region: left, keypoints: [neck], min_confidence: 0.1}}
protocol:
  type: region_trials
  trials: {left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}}
  lockout: 0
  control: {type: sham, outputs: [screen], probability: 0.5}
"""


@pytest.fixture(scope="module")
def sessions(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sessions")
    (folder / "quarters.yaml").write_text(EXPERIMENT)
    video = write_video(folder / "walk.mp4", 200)
    analyze(video, folder / "one", Options(NETWORK, folder / "quarters.yaml", 1.0, video=False), console())
    return folder


def dlstream(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "dlstream", *words], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_sessions_lists_and_searches(sessions):
    done = dlstream("sessions", str(sessions))
    assert done.returncode == 0, done.stdout
    header, line, total = done.stdout.splitlines()
    assert header.split()[:4] == ["started", "subject", "experiment", "network"]
    assert line.split()[:4] == ["-", "-", "quarters", "demo_mouse"], "the video has no date"
    assert line.split()[-2:] == ["one", "(analysis)"], "nothing is cut off where there is no terminal"
    assert total == "0 sessions, 0:00, 0 frames, 0 lost; 1 analysis"
    about = json.loads(dlstream("sessions", str(sessions), "--experiment", "quart*", "--json").stdout)
    assert [item["name"] for item in about["sessions"]] == ["walk"]
    assert [item["frames"] for item in about["sessions"]] == [200]
    assert (about["totals"]["frames"], about["totals"]["analyses"]) == (0, 1)
    assert dlstream("sessions", str(sessions), "--subject", "M1").stdout == "0 sessions, 0:00, 0 frames, 0 lost\n"
    assert "--date: found 'soon'; expected a year" in dlstream("sessions", str(sessions), "--date", "soon").stdout
    (sessions / "bad").mkdir()
    (sessions / "bad" / "session.json").write_text("[]")
    done = dlstream("sessions", str(sessions))
    assert done.returncode == 1
    assert "session.json: found no cameras" in done.stdout


@pytest.mark.slow
def test_export_writes_what_is_asked_for(sessions, tmp_path):
    done = dlstream("export", str(sessions / "one"), "--csv", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0] == str(tmp_path / "csv" / "top.poses.csv")
    stimuli = pd.read_csv(tmp_path / "csv" / "stimuli.csv")
    assert set(stimuli["sham"]) == {True, False}
    assert not stimuli["applied"].any(), "there was no output in an analysis"
    assert "no format: give at least one of" in dlstream("export", str(sessions / "one")).stdout
    assert "nothing is overwritten" in dlstream("export", str(sessions / "one"), "--csv", "--out", str(tmp_path)).stdout


def test_the_report_counts_real_and_sham_stimuli(sessions):
    screen = console()
    show_session(sessions / "one", screen)
    said = screen.export_text()
    [line] = [line.split() for line in said.splitlines() if line.startswith("in_left ")]
    assert line[1] == "screen"
    assert int(line[2]) > 0
    assert int(line[4]) > 0
    for name in ("trajectory", "occupancy", "stimuli"):
        assert f"{name}.png" in said
        assert (sessions / "one" / f"{name}.png").exists()
