"""The recorder node as users meet it: a process that listens to real topics."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pandas as pd
from rosbags.highlevel import AnyReader

from dlstream_recorder import recover, summarise

MODULE = "dlstream_recorder.node"


def only_session(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def rows(path: Path) -> int:
    """Rows of a table that is being written."""
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def test_records_every_frame_at_full_speed(start_node, camera, wait_for, make, tmp_path):
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, rig="openfield", session="full", min_free=0.0)
    camera.wait_for_recorder()
    images = make.images(10, 480, 640)
    camera.send([images[index % 10] for index in range(300)], fps=60.0)
    wait_for(lambda: rows(tmp_path / "full" / "top.frames.csv") == 300, "300 recorded frames")
    wait_for(lambda: rows(tmp_path / "full" / "top.latency.csv") == 300, "300 poses")
    assert node.end() == 0, node.output

    folder = only_session(tmp_path)
    contents = json.loads((folder / "session.json").read_text())
    assert contents["complete"]
    summary = contents["summary"]
    assert (summary["frames_captured"], summary["frames_recorded"], summary["frames_dropped"]) == (300, 300, 0)
    assert summary["poses"] == 300
    assert summary["faults"] == 0
    assert summary["cameras"]["top"]["tracking_error"]["median"] == 5.0  # 3 px right and 4 px down
    assert contents["cameras"]["top"]["network"] == {"file": "mouse.onnx", "sha256": "ab" * 32}

    decoded, times = make.decode(folder / "top.mkv", "bgr24")
    assert times == [frame.stamp - camera.sent[0].stamp for frame in camera.sent]
    assert all(np.array_equal(image, frame.image) for image, frame in zip(decoded, camera.sent, strict=True))
    poses = pd.read_hdf(folder / "top.poses.h5", "df_with_missing")
    assert np.allclose(poses["mouse", "nose", "x"], range(300))
    with AnyReader([folder / "bag"]) as bag:
        counts = {connection.topic: connection.msgcount for connection in bag.connections}
    assert [counts[f"/top/{name}"] for name in ("pose", "frame_info", "camera_info", "ground_truth")] == [300] * 4
    assert counts["/top/skeleton"] == 1
    assert "/top/image_raw" not in counts


def test_killed_in_the_middle(start_node, camera, wait_for, make, tmp_path):
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, session="killed", min_free=0.0)
    camera.wait_for_recorder()
    images = make.images(10, 480, 640)
    folder = tmp_path / "killed"
    camera.send([images[index % 10] for index in range(90)], fps=60.0)
    wait_for(lambda: rows(folder / "top.frames.csv") > 60, "some frames")
    camera.send([images[index % 10] for index in range(30)], fps=60.0)
    node.end(signal.SIGKILL)

    assert json.loads((folder / "session.json").read_text())["complete"] is False
    decoded, times = make.decode(folder / "top.mkv", "bgr24")
    recorded = len(decoded)
    assert recorded >= 90
    assert times == [frame.stamp - camera.sent[0].stamp for frame in camera.sent[:recorded]]
    assert np.array_equal(decoded[-1], camera.sent[recorded - 1].image)
    assert abs(len(pd.read_csv(folder / "top.frames.csv")) - recorded) <= 1
    assert len(pd.read_csv(folder / "top.poses.csv", header=[0, 1, 2], index_col=0)) >= 60

    summary = recover(folder)
    assert summary.frames_recorded == recorded
    contents = json.loads((folder / "session.json").read_text())
    assert contents["complete"] is True
    assert contents["recovered"] is True
    assert len(pd.read_hdf(folder / "top.poses.h5", "df_with_missing")) == recorded
    with AnyReader([folder / "bag"]) as bag:
        assert sum(1 for _ in bag.messages(bag.connections)) == bag.message_count > 200
    assert summarise(folder) == summary
