"""The pose node as users meet it: a process, images of any publisher, poses, overlay, diagnostics."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from dlstream_camera.arena import KEYPOINTS
from dlstream_common.ros import (
    LATCHED,
    LATEST_IMAGE,
    POSE,
    fill_image,
    frame_from_message,
    image_qos,
    poses_from_message,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_msgs.msg import FramePoses, Region, Regions, Skeleton
from dlstream_pose import Network
from dlstream_pose.runtime.overlay import ACTIVE, INACTIVE

MODULE = "dlstream_pose.ros.node"
STAMP = 1_700_000_000_123_456_789


class Camera:
    """A driver of somebody else's: any publisher of sensor_msgs/Image."""

    def __init__(self, observer, wait_for, name="top", qos=None):
        self._observer = observer
        self._publisher = observer.node.create_publisher(Image, f"/{name}/image_raw", qos or image_qos(10))
        self._count = 0
        wait_for(lambda: self._publisher.get_subscription_count() == 1, f"the pose node to subscribe to {name}")

    def send(self, x, y, encoding="bgr8", **changes):
        """A grey image with a white spot at (x, y); its stamp counts up by a millisecond."""
        pixels = np.full((48, 64, 3), 60, np.uint8)
        pixels[y, x] = 255
        message = Image()
        fill_image(message, pixels[..., 0] if encoding == "mono8" else pixels, encoding)
        message.header.frame_id = "lens"
        message.header.stamp = stamp_to_message(STAMP + self._count * 1_000_000)
        self._count += 1
        for name, value in changes.items():
            setattr(message, name, value)
        self._publisher.publish(message)

    def close(self):
        """Unplugs it."""
        self._observer.node.destroy_publisher(self._publisher)

    def connect(self, poses, wait_for):
        """Sends until poses come back: both ends have found each other, and nothing is under way any more."""

        def answered():
            self.send(0, 0)
            return poses

        wait_for(answered, "a first pose")
        wait_for(lambda: poses[-1].sequence == self._count - 1, "the pose of the last frame")
        self.sent_before, self.dropped_before = self._count, poses[-1].dropped
        poses.clear()


def place(message):
    (individual,) = message.individuals
    return individual.x[0], individual.y[0]


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


def of_the_pose_node(diagnostics):
    return [status for array in diagnostics for status in array.status if status.name == "/pose"]


def test_images_that_can_not_be_used_are_said_once_and_shown(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node(MODULE, network=spot_network, cameras=["top"])
    camera = Camera(observer, wait_for)

    def level_is(level):
        return any(status.level == level for status in of_the_pose_node(diagnostics))

    wait_for(lambda: level_is(DiagnosticStatus.STALE), "STALE without a frame")

    def bad_ones(**changes):
        camera.send(1, 1, **changes)
        return level_is(DiagnosticStatus.ERROR)

    wait_for(lambda: bad_ones(encoding="bayer_rggb8"), "ERROR")
    diagnostics.clear()
    wait_for(lambda: bad_ones(width=640), "ERROR")
    assert poses == []
    assert node.output.count("found 'bayer_rggb8'; expected one of") == 1
    assert node.output.count("image of 640x48 bgr8 with step 192: found 9216 bytes") == 1

    def good_ones():
        camera.send(1, 1)
        return of_the_pose_node(diagnostics) and of_the_pose_node(diagnostics)[-1].level == DiagnosticStatus.OK

    wait_for(good_ones, "OK again")
    wait_for(lambda: "images can be used again" in node.output, "the good news")
    values = {item.key: item.value for item in of_the_pose_node(diagnostics)[-1].values}
    assert int(values["top/refused"]) >= 2
    assert int(values["top/poses"]) > 0
    assert float(values["top/inference_ms"]) > 0


def test_two_publishers_of_one_camera_are_noticed(start_node, observer, wait_for, spot_network):
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    start_node(MODULE, network=spot_network, cameras=["top"])
    cameras = [Camera(observer, wait_for) for _ in range(2)]

    def noticed():
        for camera in cameras:
            camera.send(1, 1)
        return any("2 publishers" in status.message for status in of_the_pose_node(diagnostics))

    wait_for(noticed, "a warning")


def test_min_confidence_can_be_changed_and_the_network_not(start_node, observer, wait_for, spot_network):
    start_node(MODULE, network=spot_network, cameras=["top"])
    Camera(observer, wait_for)
    values = [
        ("min_confidence", ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=0.2)),
        ("min_confidence", ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=1.2)),
        ("network", ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="other.onnx")),
    ]
    parameters = [Parameter(name=name, value=value) for name, value in values]
    answer = observer.call(SetParameters, "/pose/set_parameters", SetParameters.Request(parameters=parameters))
    assert [result.successful for result in answer.results] == [True, False, False]
    names = ["network", "cameras", "scale", "threads", "min_confidence", "overlay_rate", "legend"]
    described = observer.call(
        DescribeParameters, "/pose/describe_parameters", DescribeParameters.Request(names=names)
    ).descriptors
    assert all(item.description for item in described)


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


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no file"), (b"", "found an empty file"), (b"\x08\x07garbage" * 99, "ONNX Runtime can't load")],
)
def test_a_network_that_can_not_be_used_ends_it(start_node, tmp_path, content, said):
    path = tmp_path / "mouse.onnx"
    if content is not None:
        path.write_bytes(content)
    node = start_node(MODULE, network=path, cameras=["top"])
    assert node.wait() == 1
    assert "mouse.onnx" in node.output
    assert said in node.output
    assert "Traceback" not in node.output


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"cameras": ["top", "top"]}, "top occurs twice"),
        ({"cameras": ["no spaces"]}, "no spaces"),
        ({"scale": -1.0}, "scale"),
        ({"netwrok": "x"}, "Did you mean 'network'?"),
    ],
)
def test_wrong_parameters_are_named(start_node, spot_network, parameters, said):
    node = start_node(MODULE, **{"network": spot_network, **parameters})
    assert node.wait() == 1
    assert said in node.output
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


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"engine": "tensorrt"}, "engine tensorrt: this ONNX Runtime"),
        ({"engine": "dlclive"}, "pip install deeplabcut-live"),
        ({"engine": "openvin"}, "engine"),
        ({"predict": "now"}, "needs a velocity"),
    ],
)
def test_what_is_asked_for_and_not_there_ends_it_with_advice(start_node, spot_network, parameters, said):
    node = start_node(MODULE, network=spot_network, **parameters)
    assert node.wait() == 1
    assert said in node.output
    assert "Traceback" not in node.output


def test_it_says_which_engine_it_took(start_node, wait_for, spot_network):
    node = start_node(MODULE, network=spot_network, cameras=["top"])
    wait_for(lambda: "engine onnx: ONNX Runtime" in node.output, "the engine in the log")
