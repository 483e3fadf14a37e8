"""The pose node as users meet it: a process, images of any publisher, poses, overlay, diagnostics."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from pose_node_tools import MODULE, STAMP, Camera, place
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String
from visualization_msgs.msg import MarkerArray

from dlstream_camera.arena import KEYPOINTS
from dlstream_common.ros import (
    EVENT,
    LATCHED,
    LATEST_IMAGE,
    POSE,
    Ahead,
    fill_image,
    frame_from_message,
    poses_from_message,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_common.ros.host_clocks import CLOCKS_QOS, HOST, clocks_text
from dlstream_msgs.msg import Event, FramePoses, Region, Regions, Skeleton
from dlstream_pose import Network
from dlstream_pose.runtime.overlay import ACTIVE, INACTIVE


def test_each_image_gives_one_pose_with_its_header(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node(MODULE, network=spot_network, cameras=["top"])
    camera = Camera(observer, wait_for)
    camera.connect(poses, wait_for)
    for number, encoding in enumerate(("bgr8", "mono8", "rgb8")):
        camera.send(10 + number, 20, encoding)
        wait_for(lambda wanted=number + 1: len(poses) == wanted, "the pose")
    assert [place(message) for message in poses] == [(10, 20), (11, 20), (12, 20)]
    assert [message.sequence - camera.sent_before for message in poses] == [0, 1, 2]
    assert [message.dropped - camera.dropped_before for message in poses] == [0, 0, 0]
    assert list(poses[0].keypoints) == ["brightest", "darkest"]
    for message in poses:
        assert message.camera == "top"
        assert message.header.frame_id == "lens"
        assert stamp_from_message(message.header.stamp) == STAMP + message.sequence * 1_000_000
        found = poses_from_message(message)
        assert found.stamp < found.received <= found.inference_start < found.inference_end


def test_a_picture_that_stands_still_gives_no_pose_until_it_differs(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    events = observer.collect(Event, "/experiment/events", EVENT)
    node = start_node(MODULE, network=spot_network, cameras=["top"], frozen_after=["top=0.5"])
    camera = Camera(observer, wait_for)
    camera.connect(poses, wait_for)

    def stands_still():
        camera.send(30, 20)
        return events

    wait_for(stands_still, "a fault")
    assert (events[0].kind, events[0].name, events[0].camera) == ("fault", "/top", "top")
    assert events[0].values[0].value.startswith("frozen: its images have been equal, bit by bit, for ")
    before = len(poses)
    for _ in range(30):
        camera.send(30, 20)
    camera.send(31, 20)
    wait_for(lambda: len(events) > 1, "that it is over")
    assert events[1].kind == "recovered"
    wait_for(lambda: place(poses[-1]) == (31, 20), "the pose of what differs")
    given = sum(place(message) == (30, 20) for message in poses)
    assert given <= before + 3, "those that were equal gave none, but what was under way"
    assert node.end(signal.SIGINT) == 0


def test_another_scale_than_the_files_is_warned_of_as_the_node_starts(start_node, wait_for, demo_network):
    node = start_node(MODULE, network=demo_network, cameras=["top"], scale=1.0)
    wanted = "scale: found 1; expected 0.5, the scale that the network file was converted with"
    wait_for(lambda: wanted in node.output, "the warning")
    assert "; scale 1; cameras top" in node.output


def test_the_scale_of_the_file_is_taken_where_none_is_given(start_node, observer, wait_for, demo_network):
    node = start_node(MODULE, network=demo_network, cameras=["top"])
    Camera(observer, wait_for)  # it has started
    assert "; scale 0.5; cameras top" in node.output
    assert "expected 0.5" not in node.output


def test_the_newest_frame_wins_and_every_other_is_counted(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node(MODULE, network=spot_network, cameras=["top"])
    camera = Camera(observer, wait_for)
    camera.connect(poses, wait_for)
    for number in range(60):
        camera.send(number, 7)
    wait_for(lambda: poses and poses[-1].sequence == camera.sent_before + 59, "the pose of the last frame")
    assert place(poses[-1]) == (59, 7)
    assert len(poses) + poses[-1].dropped - camera.dropped_before == 60
    sequences = [message.sequence - camera.sent_before for message in poses]
    assert sequences == sorted(set(sequences))
    assert [place(message)[0] for message in poses] == sequences


def test_several_cameras_share_the_network(start_node, observer, wait_for, spot_network):
    names = ["left", "right", "lab/side"]
    poses = {name: observer.collect(FramePoses, f"/{name}/pose", POSE) for name in names}
    start_node(MODULE, network=spot_network, cameras=names)
    best_effort = LATEST_IMAGE
    cameras = [Camera(observer, wait_for, name, best_effort) for name in names]
    for camera, messages in zip(cameras, poses.values(), strict=True):
        camera.connect(messages, wait_for)
    for number, camera in enumerate(cameras):
        camera.send(5 * number, 3)
    wait_for(lambda: all(poses.values()), "a pose of each camera")
    assert {name: place(messages[0]) for name, messages in poses.items()} == {
        "left": (0, 3),
        "right": (5, 3),
        "lab/side": (10, 3),
    }
    assert all(message.camera == name for name, messages in poses.items() for message in messages)


def test_the_skeleton_is_there_for_those_who_come_later(start_node, observer, wait_for, spot_network):
    start_node(MODULE, network=spot_network, cameras=["top"])
    Camera(observer, wait_for)
    skeletons = observer.collect(Skeleton, "/top/skeleton", LATCHED)
    wait_for(lambda: skeletons, "the skeleton")
    assert skeletons[0].network == "spot.onnx"
    assert skeletons[0].network_sha256 == Network(spot_network).sha256
    assert list(skeletons[0].keypoints) == ["brightest", "darkest"]
    assert list(skeletons[0].edges) == [0, 1]


def test_the_overlay_shows_pose_and_regions(start_node, observer, wait_for, spot_network):
    overlays = observer.collect(Image, "/top/image_pose", LATEST_IMAGE)
    latched = QoSProfile(depth=8, reliability=LATCHED.reliability, durability=LATCHED.durability)
    regions = observer.node.create_publisher(Regions, "/experiment/regions", latched)
    start_node(MODULE, network=spot_network, cameras=["top"], overlay_rate=200.0, legend=False)
    camera = Camera(observer, wait_for)
    corners = {"x": [30.0, 60.0, 60.0, 30.0], "y": [25.0, 25.0, 45.0, 45.0]}

    def border_becomes(colour):
        camera.send(12, 30)
        if not overlays:
            return False
        image = frame_from_message(overlays[-1], "top", 0).image
        return np.abs(image[35, 30].astype(int) - colour).max() < 40

    for active, colour in ((False, INACTIVE), (True, ACTIVE)):
        regions.publish(Regions(camera="top", regions=[Region(name="", active=active, **corners)]))
        regions.publish(Regions(camera="another", regions=[]))
        wait_for(lambda colour=colour: border_becomes(colour), f"a border of the colour {colour}")
    assert overlays[-1].encoding == "bgr8"
    assert (overlays[-1].width, overlays[-1].height) == (64, 48)
    assert overlays[-1].header.frame_id == "lens"


def test_the_experiments_virtual_keypoints_are_shown_too(start_node, observer, wait_for, spot_network):
    markers = observer.collect(MarkerArray, "/top/markers", LATEST_IMAGE)
    course = observer.node.create_publisher(String, "/experiment/protocol", LATCHED)
    course.publish(String(data="no course at all"))
    start_node(MODULE, network=spot_network, cameras=["top"], min_confidence=0.1, overlay_rate=200.0)
    camera = Camera(observer, wait_for)

    def dots():
        camera.send(12, 30)
        return (
            [(round(1000 * point.x, 1), round(1000 * point.y, 1)) for point in markers[-1].markers[1].points]
            if markers
            else []
        )

    wait_for(lambda: len(dots()) == 2, "markers of the network's keypoints")
    other, darkest = dots()
    course.publish(
        String(data='{"keypoints": {"near": {"brightest": 1, "darkest": 3}, "unknown": {"nose": 1, "tail": 1}}}')
    )
    wait_for(lambda: len(dots()) == 3, "a marker of the virtual keypoint")
    near = tuple((a + 3 * b) / 4 for a, b in zip(other, darkest, strict=True))
    assert dots()[2] == pytest.approx(near, abs=0.1)


def test_markers_show_what_is_sure_enough(start_node, observer, wait_for, spot_network):
    markers = observer.collect(MarkerArray, "/top/markers", LATEST_IMAGE)
    start_node(MODULE, network=spot_network, cameras=["top"], min_confidence=0.9, overlay_rate=200.0)
    camera = Camera(observer, wait_for)

    def seen():
        camera.send(12, 30)
        return markers

    wait_for(seen, "markers")
    clear, dots, bones = markers[-1].markers
    assert clear.action == clear.DELETEALL
    assert [(point.x, point.y) for point in dots.points] == [(0.012, 0.03)], "the darkest pixel has 0.76"
    assert dots.header.frame_id == "lens"
    assert list(bones.points) == []


@pytest.mark.slow
def test_it_rests_and_works_again(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node(MODULE, network=spot_network, cameras=["top"], autostart=False)

    def change(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert observer.call(ChangeState, "/pose/change_state", request).success

    for _ in range(2):
        change(Transition.TRANSITION_CONFIGURE)
        for _ in range(2):
            change(Transition.TRANSITION_ACTIVATE)
            camera = Camera(observer, wait_for)
            camera.connect(poses, wait_for)
            change(Transition.TRANSITION_DEACTIVATE)
            wait_for(lambda: observer.node.count_subscribers("/top/image_raw") == 0, "the pose node to let go")
            camera.close()
        change(Transition.TRANSITION_CLEANUP)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(start_node, observer, wait_for, spot_network, number):
    node = start_node(MODULE, network=spot_network, cameras=["top"])
    camera = Camera(observer, wait_for)
    for _ in range(20):
        camera.send(1, 1)
    assert node.end(number) == 0, node.output
    assert "Traceback" not in node.output


def test_the_camera_node_and_the_demo_network_work_together(start_node, observer, wait_for, demo_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    truths = observer.collect(FramePoses, "/top/ground_truth", POSE)
    start_node(MODULE, network=demo_network, cameras=["top"], scale=0.5)
    start_node("dlstream_camera.node", namespace="/top", fps=10.0)

    def pairs():
        truth = {message.sequence: message for message in truths}
        return [(message, truth[message.sequence]) for message in poses if message.sequence in truth]

    wait_for(lambda: len(pairs()) >= 20, "20 poses with their truths")
    assert list(poses[0].keypoints) == list(KEYPOINTS)
    distances = []
    for message, expected in pairs():
        assert expected.header == message.header
        (found,), (true,) = message.individuals, expected.individuals
        distances.append(np.hypot(np.subtract(found.x, true.x), np.subtract(found.y, true.y)))
    assert np.mean(distances) < 3


def test_filtered_and_predicted_poses_say_so(start_node, observer, wait_for, spot_network):
    """Stamps of long ago: the prediction goes no farther than its limit."""
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    keys = {"filter": "kalman", "filter_agility": 1e6, "predict": "now", "predict_limit": 0.02, "max_age": 5.0}
    start_node(MODULE, network=spot_network, cameras=["top"], **keys)
    camera = Camera(observer, wait_for)
    camera.connect(poses, wait_for)
    for number in range(10):
        camera.send(5 + 2 * number, 20)
        wait_for(lambda wanted=number + 1: len(poses) == wanted, "the pose")
    found = poses_from_message(poses[-1])
    (individual,) = found.individuals
    assert found.predicted_to == found.stamp + 20_000_000
    assert found.stale
    assert individual.vx[0] > 500
    assert individual.covariance.shape == (2, 3)
    assert individual.x[0] > 25


def test_now_is_the_time_of_the_bag_that_is_played(start_node, observer, wait_for, spot_network):
    """By the wall clock these stamps are of long ago, and each prediction would go to its limit."""
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node(MODULE, network=spot_network, cameras=["top"], filter="kalman", predict="now", use_sim_time=True)
    clock = observer.node.create_publisher(Clock, "/clock", 10)
    camera = Camera(observer, wait_for)
    time = STAMP + 30_000_000

    def predicted_to_it():
        clock.publish(Clock(clock=stamp_to_message(time)))
        camera.send(5, 5, header=Header(stamp=stamp_to_message(STAMP)))
        return [message for message in poses if stamp_from_message(message.predicted_to) == time]

    wait_for(predicted_to_it, "a prediction to the time of the bag")


def test_now_is_the_time_at_the_cameras_host(start_node, observer, wait_for, spot_network, monkeypatch):
    """A camera whose host is a day behind: its frames of now, by our clock, are of its future, and as they are."""
    monkeypatch.setenv(HOST, "lab")
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node(MODULE, network=spot_network, cameras=["top"], filter="kalman", predict="now")
    clocks = observer.node.create_publisher(String, "/dlstream/clocks/lab", CLOCKS_QOS)
    clocks.publish(String(data=clocks_text({"/top/camera": Ahead(-86_400_000_000_000, 1000)})))
    camera = Camera(observer, wait_for)

    def as_it_is():
        camera.send(5, 5, header=Header(stamp=observer.node.get_clock().now().to_msg()))
        return [message for message in poses if message.predicted_to == message.header.stamp]

    wait_for(as_it_is, "a pose that is of its frame's time")


def test_a_young_pose_is_not_stale(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node(MODULE, network=spot_network, cameras=["top"], max_age=600.0)
    camera = Camera(observer, wait_for)

    def answered():
        camera.send(1, 1, header=Header(stamp=observer.node.get_clock().now().to_msg()))
        return poses

    wait_for(answered, "a pose")
    assert not any(message.stale for message in poses)


def test_an_image_of_another_size_is_served_as_well(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node(MODULE, network=spot_network, cameras=["top"], crop=32, filter="kalman")
    camera = Camera(observer, wait_for)
    camera.connect(poses, wait_for)
    message = Image()
    pixels = np.full((100, 150, 3), 60, np.uint8)
    pixels[77, 120] = 255
    fill_image(message, pixels, "bgr8")
    message.header.stamp = stamp_to_message(STAMP + 10**9)
    camera._publisher.publish(message)
    wait_for(lambda: poses, "the pose")
    assert place(poses[0]) == (120, 77)


def test_it_says_which_engine_it_took(start_node, wait_for, spot_network):
    node = start_node(MODULE, network=spot_network, cameras=["top"])
    wait_for(lambda: "engine onnx: ONNX Runtime" in node.output, "the engine in the log")
