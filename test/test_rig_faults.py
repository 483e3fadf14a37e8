"""Nodes that die while the animal is in the arena: what is left, and what is said."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import av
import pandas as pd
import pytest
from rig_tools import PATIENCE, recorded, told

from dlstream_recorder import recover
from dlstream_recorder.report.tables import read_events


def faults(rig) -> dict[str, str]:
    events = read_events(rig.session)
    found = events[events["kind"] == "fault"]
    return {
        name: json.loads(values).get("text", "") for name, values in zip(found["name"], found["values"], strict=True)
    }


def video_frames(rig) -> int:
    with av.open(str(rig.session / "top.mkv")) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("node", ["/top/camera", "/pose"])
def test_killed_camera_or_pose_node_leaves_the_session_whole_and_a_fault(start, write_rig, node):
    rig = start("run", str(write_rig()))
    recorded(rig, 30)
    os.kill(rig.node(node), signal.SIGKILL)
    assert rig.wait() == 1, "a rig without a node that it needs has failed"
    assert f"{node} was killed by SIGKILL" in rig.output
    assert faults(rig)[node] == "was killed by SIGKILL"
    about = rig.about()
    assert about["complete"]
    assert about["summary"]["frames_recorded"] == video_frames(rig) >= 30
    assert about["summary"]["frames_dropped"] == 0


def test_killed_experiment_leaves_the_screen_off(start, write_rig):
    rig = start("run", str(write_rig(("experiment: {", "experiment: {on_failure: continue, "))))
    told(rig, "acknowledgement", "show")
    os.kill(rig.node("/experiment"), signal.SIGKILL)
    rig.saw("the rig continues without it")
    assert rig.stop() == 0
    assert rig.about()["summary"]["frames_recorded"] == video_frames(rig)
    events = pd.read_csv(rig.session / "events.csv", keep_default_na=False)
    [told_by_rig] = events[(events["kind"] == "command") & (events["source"] == "rig")].itertuples()
    assert (told_by_rig.name, told_by_rig.action) == ("screen", "off")
    assert json.loads(told_by_rig.values) == {"reason": "/experiment was killed by SIGKILL"}


def test_killed_recorder_leaves_a_playable_video_and_readable_tables(start, write_rig):
    rig = start("run", str(write_rig()))
    recorded(rig, 60)
    os.kill(rig.node("/recorder"), signal.SIGKILL)
    assert rig.wait() == 1
    assert not rig.about()["complete"]
    assert "'dlstream recover" in rig.output
    frames = pd.read_csv(rig.session / "top.frames.csv")
    poses = pd.read_csv(rig.session / "top.poses.csv", header=[0, 1, 2], index_col=0)
    assert len(frames) >= 60
    assert len(poses) >= 60
    assert video_frames(rig) >= 60
    summary = recover(rig.session)
    assert rig.about()["complete"]
    assert summary.frames_recorded == video_frames(rig)
    assert (rig.session / "bag" / "metadata.yaml").exists()


def test_restarted_pose_node_goes_on(start, write_rig):
    rig = start("run", str(write_rig(("pose:\n", "pose:\n  on_failure: restart\n"))))
    recorded(rig, 20)
    first = rig.node("/pose")
    os.kill(first, signal.SIGKILL)
    rig.saw("started again")
    before = len((rig.session / "top.poses.csv").read_text().splitlines())
    recorded(rig, before + 60)
    assert rig.node("/pose") != first
    assert rig.stop() == 0
    assert faults(rig)["/pose"] == "was killed by SIGKILL"
    assert rig.about()["summary"]["frames_recorded"] == video_frames(rig)


def test_camera_that_is_absent_ends_the_rig_with_its_reason(start, write_rig):
    path = write_rig(
        (
            "source: synthetic, width: 320, height: 240, queue: 200, fps: 30, seed: 1}",
            "source: opencv, device: /dev/no-such-camera}",
        )
    )
    rig = start("run", str(path))
    assert rig.wait() == 1
    assert "Is it plugged in" in rig.output
    assert "/top/camera has failed with exit code 1" in rig.output


def test_session_folder_that_exists_is_never_overwritten(start, write_rig, tmp_path):
    path = write_rig(("min_free: 0.1}", "min_free: 0.1, session: mouse7}"))
    old = tmp_path / "sessions" / "mouse7" / "notes.txt"
    old.parent.mkdir(parents=True)
    old.write_text("keep me")
    rig = start("run", str(path))
    assert rig.wait() == 1
    assert "recorder.session: found the session folder" in rig.output
    assert [item.name for item in old.parent.iterdir()] == ["notes.txt"]


def test_runner_that_is_killed_leaves_no_node_behind(start, write_rig):
    rig = start("run", str(write_rig()))
    recorded(rig, 10)
    pids = [rig.node(name) for name in ("/top/camera", "/pose", "/experiment", "/recorder", "/outputs/screen")]
    rig.process.kill()
    rig.wait()
    for pid in pids:
        wait_until_gone(pid)
    assert rig.about()["complete"], "the recorder was told to end, and finished its session"


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


def test_bad_rig_starts_nothing(start, write_rig, tmp_path):
    rig = start("run", str(write_rig(("fps: 30", "fsp: 30"))))
    assert rig.wait() == 1
    assert f"{tmp_path}/rig.yaml:4: cameras.top.fsp: found the unknown key 'fsp'" in rig.output
    assert "Did you mean 'fps'?" in rig.output
    assert "Traceback" not in rig.output
    assert not (tmp_path / "sessions").exists()
