"""The recorder node as users meet it: a process that listens to real topics."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger

from dlstream_common.ros import COMMAND, EVENT, LATCHED, LATEST_IMAGE, image_qos, image_to_message, stamp_to_message
from dlstream_msgs.msg import Acknowledgement, Command, Event, ExperimentStatus, Region, Regions
from dlstream_msgs.srv import StartRecording
from dlstream_recorder import recover, summarise
from dlstream_recorder.report.tables import read_events

MODULE = "dlstream_recorder.ros.node"


def only_session(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def rows(path: Path) -> int:
    """Rows of a table that is being written."""
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def last_sequence(path: Path) -> int:
    """Of the frames recorded so far."""
    return int(path.read_text().splitlines()[-1].split(",")[1]) if rows(path) else -1


@pytest.mark.slow
def test_records_every_frame_at_full_speed(start_node, camera, wait_for, make, tmp_path):
    node = start_node(
        MODULE,
        cameras=["top"],
        directory=tmp_path,
        rig="openfield",
        session="full",
        min_free=0.0,
        image_depth=300,
        silence=60.0,
    )
    camera.wait_for_recorder()
    wait_for(lambda: "recording to" in node.output, "the session")
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


def test_what_has_come_is_recorded_though_the_end_comes_at_once(start_node, camera, wait_for, make, tmp_path):
    node = start_node(
        MODULE, cameras=["top"], directory=tmp_path, session="burst", bag=False, min_free=0.0, image_depth=300
    )
    camera.wait_for_recorder()
    wait_for(lambda: "recording to" in node.output, "the session")
    images = make.images(2, 480, 640)
    camera.send([images[index % 2] for index in range(150)], fps=1e6)
    camera.wait_for_arrival()
    assert node.end() == 0, node.output
    summary = json.loads((tmp_path / "burst" / "session.json").read_text())["summary"]
    assert (summary["frames_captured"], summary["frames_recorded"], summary["poses"]) == (150, 150, 150)


def test_killed_in_the_middle(start_node, camera, wait_for, make, tmp_path):
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, session="killed", min_free=0.0)
    camera.wait_for_recorder()
    images = make.images(10, 480, 640)
    folder = tmp_path / "killed"
    camera.send([images[index % 10] for index in range(90)], fps=60.0)
    growing = folder / "bag" / "bag_0.mcap"
    wait_for(lambda: rows(folder / "top.frames.csv") >= 90, "90 frames")
    wait_for(lambda: rows(folder / "top.latency.csv") >= 90, "90 poses")
    wait_for(lambda: make.bag_messages(growing) > 200, "200 messages in the bag")
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


def test_starts_and_stops_by_service(start_node, observer, camera, wait_for, make, tmp_path):
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, start="service", bag=False, min_free=0.0)
    camera.wait_for_recorder()
    image = make.images(1)[0]
    camera.send_one(image)  # before the session: not in it

    stopped = observer.call(Trigger, "/recorder/stop", Trigger.Request())
    assert (stopped.success, stopped.message) == (False, "no session is running")
    request = StartRecording.Request(name="first", metadata=[KeyValue(key="subject", value="mouse12")])
    started = observer.call(StartRecording, "/recorder/start", request)
    assert started.success, started.message
    assert started.session == str(tmp_path / "first")
    again = observer.call(StartRecording, "/recorder/start", StartRecording.Request(name="second"))
    assert not again.success
    assert "a session is already running" in again.message

    camera.send([image] * 5, 60.0)
    wait_for(lambda: last_sequence(tmp_path / "first" / "top.frames.csv") == 5, "5 frames")
    about = tmp_path / "first" / "session.json"
    wait_for(lambda: "network" in json.loads(about.read_text())["cameras"]["top"], "what the pose node said at first")
    stopped = observer.call(Trigger, "/recorder/stop", Trigger.Request())
    assert stopped.success, stopped.message
    assert "frames recorded, 0 dropped" in stopped.message
    contents = json.loads((tmp_path / "first" / "session.json").read_text())
    assert contents["metadata"] == {"subject": {"subject_id": "mouse12"}}
    assert pd.read_csv(tmp_path / "first" / "top.frames.csv")["sequence"].tolist()[-5:] == [1, 2, 3, 4, 5]
    assert contents["cameras"]["top"]["network"]["file"] == "mouse.onnx", "said before the session began"

    taken = observer.call(StartRecording, "/recorder/start", StartRecording.Request(name="first"))
    assert not taken.success
    assert "already exists" in taken.message
    assert node.end(signal.SIGTERM) == 0, node.output
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_records_while_the_experiment_runs(start_node, observer, camera, wait_for, make, tmp_path):
    start_node(
        MODULE, cameras=["top"], directory=tmp_path, start="experiment", outputs=["screen"], silence=60.0, min_free=0.0
    )
    node = observer.node
    statuses = node.create_publisher(ExperimentStatus, "/experiment/status", EVENT)
    events = node.create_publisher(Event, "/experiment/events", EVENT)
    regions = node.create_publisher(Regions, "/experiment/regions", LATCHED)
    commands = node.create_publisher(Command, "/outputs/screen/command", COMMAND)
    answers = node.create_publisher(Acknowledgement, "/outputs/screen/acknowledgement", COMMAND)
    camera.wait_for_recorder()
    for publisher in (statuses, events, regions, commands, answers):
        wait_for(publisher.get_subscription_count, "the recorder's subscriptions")
    square = Region(name="left", x=[0.0, 9.0, 9.0], y=[0.0, 0.0, 9.0])
    regions.publish(Regions(camera="top", regions=[square]))
    statuses.publish(ExperimentStatus(status=ExperimentStatus.IDLE))
    image = make.images(1)[0]
    camera.send([image] * 3, 60.0)
    assert list(tmp_path.iterdir()) == []

    events.publish(Event(kind=Event.EXPERIMENT_STARTED, name="example", stamp=stamp_to_message(time.time_ns())))
    statuses.publish(ExperimentStatus(status=ExperimentStatus.RUNNING, experiment="example"))
    wait_for(lambda: list(tmp_path.iterdir()), "a session")
    folder = only_session(tmp_path)
    camera.send([image] * 4, 60.0)
    frame = camera.send_one(image)
    decided = time.time_ns()
    about = {"camera": "top", "sequence": frame.sequence, "frame_stamp": stamp_to_message(frame.stamp)}
    events.publish(Event(kind=Event.TRIGGER_ROSE, name="left", stamp=stamp_to_message(decided), **about))
    times = {"decided": stamp_to_message(decided), "sent": stamp_to_message(decided + 1000)}
    left = [KeyValue(key="image", value="left")]
    commands.publish(Command(source="experiment", id=1, action="show", values=left, **about, **times))
    times = {"received": stamp_to_message(decided + 2000), "applied": stamp_to_message(decided + 3000)}
    answers.publish(Acknowledgement(source="experiment", id=1, output="screen", success=True, **times))
    wait_for(lambda: last_sequence(folder / "top.frames.csv") == frame.sequence, "the last frame")
    for status in (ExperimentStatus.FINISHED, ExperimentStatus.RUNNING):  # stopped and started again at once
        statuses.publish(ExperimentStatus(status=status, experiment="example"))
    camera.send([image] * 60, 60.0)
    later = camera.send_one(image)
    wait_for(lambda: last_sequence(folder / "top.frames.csv") == later.sequence, "a frame of the second run")
    assert only_session(tmp_path) == folder
    statuses.publish(ExperimentStatus(status=ExperimentStatus.FINISHED, reason="10 hits"))
    wait_for(lambda: json.loads((folder / "session.json").read_text())["complete"], "the end of the session")

    contents = json.loads((folder / "session.json").read_text())
    assert contents["reason"] == "the experiment has ended"
    assert contents["cameras"]["top"]["regions"][0]["name"] == "left"
    table = read_events(folder)
    assert table["kind"].tolist()[:2] == ["experiment_started", "trigger_rose"]
    assert sorted(table["kind"].tolist()[2:]) == ["acknowledgement", "command"]
    for kind in ("command", "acknowledgement"):
        (row,) = table[table["kind"] == kind].to_dict("records")
        assert (row["name"], row["camera"], row["sequence"]) == ("screen", "top", frame.sequence)
        assert row["frame_stamp_ns"] == frame.stamp
        assert row["pose_received_ns"] == frame.stamp + 1_000_000
        assert (row["sent_ns"], row["applied_ns"]) == (decided + 1000, decided + 3000 if kind != "command" else 0)
    summary = contents["summary"]
    assert summary["latency_ms"]["command_to_acknowledgement"]["p50"] == 0.002
    assert (summary["events"], summary["commands"], summary["acknowledgements"], summary["faults"]) == (2, 1, 1, 0)
    with AnyReader([folder / "bag"]) as bag:
        counts = {connection.topic: connection.msgcount for connection in bag.connections}
    assert counts["/experiment/status"] >= 2
    expected = {"/experiment/regions": 1, "/experiment/events": 2}
    expected |= {"/outputs/screen/command": 1, "/outputs/screen/acknowledgement": 1}
    assert {topic: counts[topic] for topic in expected} == expected


def test_a_camera_and_poses_that_fall_silent(start_node, observer, camera, wait_for, make, tmp_path):
    heard = observer.collect(Event, "/experiment/events", EVENT)
    diagnoses = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node(
        MODULE, cameras=["top"], directory=tmp_path, session="s", silence=0.4, video="none", bag=False, min_free=0.0
    )
    camera.wait_for_recorder()
    image = make.images(1)[0]

    def said():
        return [(event.kind, event.name) for event in heard]

    def send_until(condition, poses):
        def step():
            camera.send([image] * 3, 30.0, poses=poses)
            return condition()

        wait_for(step, "an event")

    camera.send([image] * 3, 30.0)
    wait_for(lambda: ("fault", "/top/image_raw") in said(), "the camera's silence")
    wait_for(
        lambda: any(
            item.status[0].level == b"\x01" and "silent: /top/image_raw" in item.status[0].message for item in diagnoses
        ),
        "a warning",
    )
    send_until(lambda: ("recovered", "/top/image_raw") in said(), poses=True)
    send_until(lambda: ("fault", "/top/pose") in said(), poses=False)
    send_until(lambda: ("recovered", "/top/pose") in said(), poses=True)
    assert {event.camera for event in heard} == {"top"}
    assert node.end() == 0, node.output
    table = read_events(tmp_path / "s")
    recorded = list(zip(table["kind"], table["name"], strict=True))
    assert recorded[: len(heard)] == said(), "each once, though the recorder hears its own"
    for topic in ("/top/image_raw", "/top/pose"):
        told = [kind for kind, name in recorded if name == topic]
        assert told == [("fault", "recovered")[index % 2] for index in range(len(told))]


def test_foreign_best_effort_images_are_recorded(start_node, observer, wait_for, make, tmp_path):
    images = observer.node.create_publisher(Image, "/usb_cam/image_raw", LATEST_IMAGE)
    infos = observer.node.create_publisher(CameraInfo, "/usb_cam/camera_info", LATEST_IMAGE)
    node = start_node(
        MODULE,
        cameras=["usb_cam"],
        directory=tmp_path,
        session="s",
        image_reliability="best_effort",
        min_free=0.0,
    )
    wait_for(lambda: images.get_subscription_count() and infos.get_subscription_count(), "the recorder")
    table, events = tmp_path / "s" / "usb_cam.frames.csv", tmp_path / "s" / "events.csv"

    def publish(image, encoding="mono8"):
        message = image_to_message(make.frame(0, image, "mono8"), "frame")
        message.encoding = encoding
        message.header.stamp = stamp_to_message(time.time_ns())
        images.publish(message)
        infos.publish(CameraInfo(header=message.header))

    pixels = make.images(1, 30, 41, 1)[0]
    # Best effort: what is published before the recorder has found the publisher too is lost, so it goes on.
    wait_for(lambda: publish(pixels) or rows(table) >= 5, "5 frames")
    wait_for(lambda: publish(pixels, "bayer_rggb12") or "bayer_rggb12" in events.read_text(), "a fault")
    assert node.end() == 0, node.output
    decoded, _ = make.decode(tmp_path / "s" / "usb_cam.mkv", "gray")
    assert all(np.array_equal(image, pixels) for image in decoded)


def test_images_go_into_the_bag_where_asked_for(start_node, observer, wait_for, make, tmp_path):
    """The images of a bag are those of the video."""
    images = observer.node.create_publisher(Image, "/top/image_raw", image_qos(10))
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, session="s", bag_images=True, min_free=0.0)
    wait_for(images.get_subscription_count, "the recorder")
    for number, image in enumerate(make.images(5)):
        images.publish(image_to_message(make.frame(number, image), "frame"))
    wait_for(lambda: rows(tmp_path / "s" / "top.frames.csv") == 5, "5 frames")
    assert node.end() == 0, node.output
    decoded, _ = make.decode(tmp_path / "s" / "top.mkv", "bgr24")
    with AnyReader([tmp_path / "s" / "bag"]) as bag:
        kept = [bag.deserialize(raw, item.msgtype) for item, _, raw in bag.messages() if item.topic == "/top/image_raw"]
    assert len(kept) == 5
    for message, image in zip(kept, decoded, strict=True):
        assert np.array_equal(message.data.reshape(48, 64, 3), image)


def test_a_full_disk_ends_the_recording_and_the_node(start_node, observer, camera, wait_for, make, small_disk):
    heard = observer.collect(Event, "/experiment/events", EVENT)
    diagnoses = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node(MODULE, cameras=["top"], directory=small_disk, session="s", min_free=0.0)
    camera.wait_for_recorder()
    wait_for(lambda: "recording to" in node.output, "the session")
    camera.send(make.images(20, 480, 640), 60.0)
    wait_for(lambda: any("recording stopped" in event.values[0].value for event in heard), "a fault")
    assert any("No space left on device" in event.values[0].value for event in heard)
    wait_for(
        lambda: any(
            item.status[0].level == b"\x02" and "No space left on device" in item.status[0].message
            for item in diagnoses
        ),
        "an error in the diagnostics",
    )
    decoded, _ = make.decode(small_disk / "s" / "top.mkv", "bgr24")
    assert decoded
    assert all(np.array_equal(image, frame.image) for image, frame in zip(decoded, camera.sent, strict=False))
    assert node.wait() == 1, "so that a rig stops rather than go on without a record"
    assert "No space left on device" in node.output


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"session": "taken"}, "taken already exists; nothing is overwritten. Choose another name"),
        ({"directory": "FILE"}, "Not a directory"),
        ({"cameras": ["left/top", "left_top"]}, "'left/top' and 'left_top' would both write left_top.frames.csv"),
        ({"video": "mpeg"}, "video of recorder: found 'mpeg'; expected one of lossless, h264, none"),
    ],
)
def test_what_can_not_be_recorded_is_refused_at_the_start(start_node, tmp_path, parameters, expected):
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").touch()
    if parameters.get("directory") == "FILE":
        parameters = {"directory": tmp_path / "file"}
    node = start_node(MODULE, **{"directory": tmp_path, "min_free": 0.0, **parameters})
    assert node.wait() == 1
    assert expected in node.output
    assert "Traceback" not in node.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_what_a_camera_said_of_itself_before_the_session_is_in_it(start_node, observer, wait_for, tmp_path):
    publisher = observer.node.create_publisher(DiagnosticStatus, "/top/device", LATCHED)
    values = {"stamp_source": "exposure", "fps": "30", "asked.exposure": "5000 us", "set.exposure": "4998 us"}
    publisher.publish(
        DiagnosticStatus(
            message="Basler acA640",
            hardware_id="0815",
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
    )
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, start="service", min_free=0.0)
    assert observer.call(StartRecording, "/recorder/start", StartRecording.Request(name="one")).success
    told = tmp_path / "one" / "session.json"
    wait_for(lambda: "device" in json.loads(told.read_text())["cameras"]["top"], "the camera in session.json")
    assert json.loads(told.read_text())["cameras"]["top"]["device"] == {
        "description": "Basler acA640",
        "hardware_id": "0815",
        "stamp_source": "exposure",
        "fps": "30",
        "asked": {"exposure": "5000 us"},
        "set": {"exposure": "4998 us"},
    }
    assert node.end() == 0, node.output
