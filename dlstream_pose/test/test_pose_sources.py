"""Publishers of a camera's images that are too many, or that the pose node can't hear."""

from __future__ import annotations

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from pose_node_tools import MODULE, Camera, of_the_pose_node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from dlstream_common.ros import EVENT, LATEST_IMAGE, POSE
from dlstream_msgs.msg import FramePoses


class Other:
    """A node beside the observer, with the same ways."""

    def __init__(self):
        self.node = rclpy.create_node("other_driver", namespace="/lab")


@pytest.fixture
def other(observer):
    found = Other()
    yield found
    found.node.destroy_node()


def test_two_publishers_are_told_once_with_their_nodes_and_no_frame_counts_as_left_out(
    start_node, observer, other, wait_for, spot_network
):
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", EVENT)
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    node = start_node(MODULE, network=spot_network, cameras=["top"], image_reliability="reliable")
    cameras = [Camera(one, wait_for) for one in (observer, other)]
    cameras[0].connect(poses, wait_for)
    for _ in range(50):  # this one counts far ahead
        cameras[0].send(5, 5)
        wait_for(lambda: poses, "its pose")
        poses.clear()
    last = None
    for step in range(120):
        cameras[step % 2].send(5, 5)
        wait_for(lambda: poses, "its pose")
        (last,) = poses
        poses.clear()
    both = "node /lab/other_driver and node /observer"
    wait_for(lambda: f"/top/image_raw: images of several publishers come by turns: {both}" in node.output, "the error")
    told = [status.message for status in of_the_pose_node(diagnostics)]
    wait_for(
        lambda: any(both in status.message for status in of_the_pose_node(diagnostics)), f"a diagnosis, beside {told}"
    )
    assert last.dropped == cameras[0].dropped_before
    lost = {pair.value for status in of_the_pose_node(diagnostics) for pair in status.values if pair.key == "top/lost"}
    assert lost == {"0"}
    assert node.end() == 0, node.output
    assert node.output.count("come by turns") == 1


def test_a_best_effort_driver_is_told_with_the_key_where_the_node_asks_for_reliable(
    start_node, observer, wait_for, spot_network
):
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", EVENT)
    observer.node.create_publisher(Image, "/top/image_raw", LATEST_IMAGE)
    node = start_node(MODULE, network=spot_network, cameras=["top"], image_reliability="reliable")
    told = "Set `pose: {image_reliability: best_effort}` in the rig file"
    wait_for(lambda: told in node.output, "what is told")
    wait_for(
        lambda: any("no frame" in one.message and told in one.message for one in of_the_pose_node(diagnostics)),
        "the reason in the diagnosis",
    )
    assert node.end() == 0, node.output


def test_a_subscriber_that_asks_for_more_than_is_offered_is_told(start_node, observer, wait_for, spot_network):
    node = start_node(MODULE, network=spot_network, cameras=["top"])
    asks = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    asks.durability = asks.durability.__class__.TRANSIENT_LOCAL
    observer.node.create_subscription(FramePoses, "/top/pose", print, asks)
    told = "/top/pose: node /observer asks for transient_local, and this node offers volatile: it gets nothing"
    wait_for(lambda: told in node.output, "what is told")
    assert node.end() == 0, node.output


def test_an_override_of_one_cameras_quality_is_not_the_others(start_node, observer, wait_for, spot_network):
    key = "qos_overrides./side/image_raw.subscription.reliability"
    node = start_node(MODULE, network=spot_network, cameras=["side", "top"], **{key: "reliable"})
    for name, quality in (("side", ReliabilityPolicy.RELIABLE), ("top", ReliabilityPolicy.BEST_EFFORT)):

        def found(name=name, quality=quality):
            infos = observer.node.get_subscriptions_info_by_topic(f"/{name}/image_raw")
            return [info.qos_profile.reliability for info in infos] == [quality]

        wait_for(found, f"{quality} for {name}")
    assert node.end() == 0, node.output
