"""Publishers of a camera's images that are too many, or that the recorder can't hear."""

from __future__ import annotations

import json
import time

import pytest
import rclpy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dlstream_common.ros import LATEST_IMAGE, image_qos, image_to_message
from dlstream_recorder.report.tables import read_events

MODULE = "dlstream_recorder.ros.node"


@pytest.fixture
def other(observer):
    """A second node, such as another driver."""
    node = rclpy.create_node("other_driver", namespace="/lab")
    yield node
    node.destroy_node()


def faults(folder):
    """What the session was told, with the topic."""
    table = read_events(folder)
    rows = zip(table["kind"], table["name"], table["values"], strict=True)
    return [(name, json.loads(values)["text"]) for kind, name, values in rows if kind == "fault"]


def test_two_publishers_of_one_topic_are_told_once_and_nothing_is_lost(
    start_node, observer, other, wait_for, make, tmp_path
):
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, session="s", min_free=0.0, silence=60.0)
    drivers = [one.create_publisher(Image, "/top/image_raw", image_qos(200)) for one in (observer.node, other)]
    wait_for(lambda: all(driver.get_subscription_count() for driver in drivers), "the recorder")
    image = make.images(1)[0]
    sent = 0

    def send(driver):
        nonlocal sent
        driver.publish(image_to_message(make.frame(sent, image, stamp=time.time_ns()), "lens"))
        sent += 1

    table = tmp_path / "s" / "top.frames.csv"
    for _ in range(70):  # one alone, for longer than the other
        send(drivers[0])
    wait_for(lambda: table.exists() and table.read_bytes().count(b"\n") == 71, "70 frames")
    for step in range(100):
        send(drivers[step % 2])
    wait_for(lambda: table.read_bytes().count(b"\n") == 171, "170 frames")
    wait_for(lambda: "several publishers" in node.output, "what is told")
    for step in range(100):
        send(drivers[step % 2])
    wait_for(lambda: table.read_bytes().count(b"\n") == 271, "270 frames")
    assert node.end() == 0, node.output
    summary = json.loads((tmp_path / "s" / "session.json").read_text())["summary"]
    assert (summary["frames_captured"], summary["frames_recorded"], summary["frames_dropped"]) == (270, 270, 0)
    ((name, text),) = faults(tmp_path / "s")
    assert name == "/top/image_raw"
    both = "node /lab/other_driver and node /observer"
    assert text.startswith(f"images of several publishers come by turns: {both}; expected one. End all but one")


@pytest.mark.parametrize(
    ("transport", "kind"), [("raw", Image), ("compressed", CompressedImage), ("camera_info", CameraInfo)]
)
def test_a_best_effort_driver_that_a_reliable_recorder_does_not_hear_is_told_with_the_key(
    start_node, observer, wait_for, tmp_path, transport, kind
):
    ends = {"raw": "image_raw", "compressed": "image_raw/compressed", "camera_info": "camera_info"}
    topic = f"/top/{ends[transport]}"
    driver = observer.node.create_publisher(kind, topic, LATEST_IMAGE)
    taken = "compressed" if transport == "compressed" else "raw"
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, session="s", min_free=0.0, image_transport=taken)
    expected = (
        "node /observer offers best_effort, and this node asks for reliable: nothing of it arrives. "
        "Set `recorder: {image_reliability: best_effort}` in the rig file"
    )
    wait_for(lambda: f"{topic}: {expected}" in node.output, "what is told")
    wait_for(lambda: (topic, expected) in faults(tmp_path / "s"), "the fault")
    assert driver.get_subscription_count() == 0
    assert node.end() == 0, node.output
    assert faults(tmp_path / "s").count((topic, expected)) == 1


def test_another_type_of_message_is_told(start_node, observer, wait_for, tmp_path):
    observer.node.create_publisher(CompressedImage, "/top/image_raw", image_qos(10))
    node = start_node(MODULE, cameras=["top"], directory=tmp_path, session="s", min_free=0.0)
    expected = "node /observer publishes sensor_msgs/msg/CompressedImage there; expected sensor_msgs/msg/Image"
    wait_for(lambda: f"/top/image_raw: {expected}" in node.output, "what is told")
    assert node.end() == 0, node.output
