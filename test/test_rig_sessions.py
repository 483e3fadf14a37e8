"""Whole rigs from start to end, and their sessions opened with other people's tools."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pandas as pd
from rig_tools import CONFIG, is_of_a_slow_machine, recorded, told
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from dlstream_recorder.report.tables import read_events

STAMPS = ["sent_ns", "received_ns", "applied_ns"]


def test_demo_closes_the_loop(start, wait_for):
    rig = start("demo", "--seconds", "3600")
    told(rig, "acknowledgement", "train")  # on a quick machine within a few seconds
    wait_for(lambda: ",pause," in (rig.session / "events.csv").read_text(), "the end of a train")
    assert rig.stop() == 0, rig.output
    assert "The loop closed" in rig.output
    [laser] = [line for line in rig.output.splitlines() if "pulses in" in line]
    assert "at pin 9 of the simulated board: 20.000 Hz, 5.000 ms" in laser
    summary = rig.about()["summary"]
    assert summary["frames_recorded"] > 0
    events = read_events(rig.session)
    caused = events[(events["sequence"] >= 0) & (events["kind"] == "command")]["id"]
    answered = events[events["kind"] == "acknowledgement"]["id"]
    assert len(caused) > 0
    assert set(caused) <= set(answered)
    faults = [json.loads(values) for values in events[events["kind"] == "fault"]["values"]]
    assert [fault for fault in faults if not is_of_a_slow_machine(fault)] == []
    assert summary["cameras"]["top"]["tracking_error"]["median"] < 4.0, "pixels of 640x480"
    for name in ("latency.png", "overlay.png"):
        assert (rig.session / name).read_bytes().startswith(b"\x89PNG")
        assert name in rig.output


def test_session_opens_with_other_tools(start, write_rig):
    rig = start("run", str(write_rig()))
    recorded(rig, 150)
    told(rig, "acknowledgement", "show")
    assert rig.stop() == 0, rig.output
    session = rig.session
    count = rig.about()["summary"]["frames_captured"]
    assert "capture → pose" in rig.output
    assert not list(session.glob("*.png")), "`pictures: false`"
    frames = pd.read_csv(session / "top.frames.csv")
    assert frames["sequence"].tolist() == list(range(count))

    with av.open(str(session / "top.mkv")) as container:
        stream = container.streams.video[0]
        times = [frame.pts * stream.time_base for frame in container.decode(stream)]
    assert len(times) == count
    stamps = frames["stamp_ns"].to_numpy()
    seconds = np.array([float(time) for time in times])
    assert np.allclose(seconds - seconds[0], (stamps - stamps[0]) / 1e9, atol=1e-3), "a player's clock has milliseconds"

    poses = pd.read_csv(session / "top.poses.csv", header=[0, 1, 2], index_col=0)
    assert len(poses) == count
    assert poses.columns.names == ["scorer", "bodyparts", "coords"]
    same = pd.read_hdf(session / "top.poses.h5", key="df_with_missing")
    assert np.allclose(same.to_numpy(float), poses.to_numpy(float), equal_nan=True, atol=1e-3)

    with AnyReader([session / "bag"], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        counts = {topic: info.msgcount for topic, info in reader.topics.items()}
        [first, *_] = [
            reader.deserialize(data, connection.msgtype)
            for connection, _, data in reader.messages()
            if connection.topic == "/top/pose"
        ]
    assert counts["/top/pose"] == poses.notna().any(axis=1).sum()
    assert counts["/top/camera_info"] == counts["/top/frame_info"] == count
    assert list(first.keypoints) == ["snout", "leftear", "rightear", "neck", "tailbase"]

    events = read_events(session)
    shown = events[(events["kind"] == "acknowledgement") & (events["action"] == "show")]
    assert len(shown) > 0
    chain = ["frame_stamp_ns", "pose_received_ns", "inference_start_ns", "inference_end_ns"]
    commands = events[(events["kind"] == "command") & (events["action"] == "show")].set_index("id")
    for number, row in shown.set_index("id").iterrows():
        command = commands.loc[number]
        hops = [*command[chain], command["decided_ns"], *row[STAMPS]]
        assert hops == sorted(hops), "each hop comes after the one before it"
        assert command["frame_stamp_ns"] in set(stamps)
    assert set(events["kind"]) >= {"experiment_started", "experiment_ended", "trial_started", "trigger_rose"}


def test_nothing_is_lost_over_1000_colour_frames_at_60_a_second(start, tmp_path: Path):
    path = tmp_path / "rig.yaml"
    path.write_text(
        "rig: fast\npictures: false\n"
        "cameras: {top: {source: synthetic, width: 640, height: 480, fps: 60, frames: 1000, queue: 1000}}\n"
        f"pose: {{network: {CONFIG}/networks/demo_mouse.onnx, scale: 0.5}}\n"
        "recorder: {directory: sessions, image_depth: 1000, queue: 1000, min_free: 0.1}\n"
    )
    rig = start("run", str(path))
    assert rig.wait() == 0, rig.output
    summary = rig.about()["summary"]
    assert summary["frames_recorded"] == 1000
    assert summary["frames_dropped"] == 0
    posed = pd.read_csv(rig.session / "top.latency.csv")["sequence"]
    assert summary["poses"] + summary["poses_dropped"] == posed.max() + 1, (
        "each frame up to the last pose is accounted for"
    )
    frames = pd.read_csv(rig.session / "top.frames.csv")
    assert frames["sequence"].tolist() == list(range(1000))
    with av.open(str(rig.session / "top.mkv")) as container:
        assert sum(1 for _ in container.demux(video=0)) >= 1000


def test_rig_of_several_cameras_and_no_experiment(start, tmp_path: Path):
    path = tmp_path / "rig.yaml"
    cameras = "\n".join(
        f"  {name}: {{source: synthetic, width: 320, height: 240, seed: {seed}, frames: 60, queue: 60}}"
        for seed, name in enumerate(("left", "right"))
    )
    path.write_text(
        f"rig: two\npictures: false\ncameras:\n{cameras}\n"
        f"pose: {{network: {CONFIG}/networks/demo_mouse.onnx, scale: 1}}\n"
        f"recorder: {{directory: sessions, video: h264, min_free: 0.1}}\n"
    )
    rig = start("run", str(path))
    assert rig.wait() == 0, rig.output
    cameras_found = rig.about()["summary"]["cameras"]
    assert set(cameras_found) == {"left", "right"}
    for name in cameras_found:
        assert cameras_found[name]["frames_recorded"] == 60
        with av.open(str(rig.session / f"{name}.mkv")) as container:
            assert sum(1 for _ in container.decode(video=0)) == 60


def test_experiment_that_ends_ends_the_rig_if_asked(start, write_rig):
    path = write_rig(("rig: test\n", "rig: test\nstop: {with_experiment: true}\n"))
    experiment = path.parent / "experiment.yaml"
    text = experiment.read_text()
    experiment.write_text(text.replace("  max_hits", "  max_time: 2\n  max_hits"))
    rig = start("run", str(path))
    assert rig.wait() == 0, rig.output
    assert "stopping: the experiment has ended" in rig.output
    events = read_events(rig.session)
    [ended] = events[events["kind"] == "experiment_ended"]["values"]
    assert json.loads(ended)["reason"] == "2 s are over"
    last = events[events["kind"] == "command"].iloc[-1]
    assert (last["name"], last["action"]) == ("screen", "off")
