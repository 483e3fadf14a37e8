"""The camera node as users meet it: a process, topics, parameters, the life cycle."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dlstream_camera.arena import KEYPOINTS, Arena
from dlstream_common.ros import LATEST_IMAGE, POSE, frame_from_message, image_qos, stamp_from_message
from dlstream_msgs.msg import FrameInfo, FramePoses

MODULE = "dlstream_camera.node"
STUCK = """\
import rclpy
from sensor_msgs.msg import Image
from dlstream_common.ros import image_qos

rclpy.init()
node = rclpy.create_node("stuck")
taken = []
node.create_subscription(Image, "/top/image_raw", taken.append, image_qos(2))
while len(taken) < 3:
    rclpy.spin_once(node)
print("stuck", flush=True)
input()
"""


def test_publishes_every_frame_with_its_companions(start_node, observer, wait_for):
    camera_infos = observer.collect(CameraInfo, "/top/camera_info", POSE)
    infos = observer.collect(FrameInfo, "/top/frame_info", POSE)
    truths = observer.collect(FramePoses, "/top/ground_truth", POSE)
    images = observer.collect(Image, "/top/image_raw", image_qos(100))  # last: the camera waits for this one alone
    size = {"width": 320, "height": 240}
    node = start_node(MODULE, namespace="/top", seed=7, fps=100.0, **size, frames=40, queue=40, wait_for=1)
    assert node.wait() == 0, node.output
    wait_for(lambda: len(images) == len(infos) == len(truths) == len(camera_infos) == 40, "40 of each message")

    assert [info.sequence for info in infos] == list(range(40))
    stamps = [stamp_from_message(image.header.stamp) for image in images]
    assert stamps == sorted(set(stamps))
    assert stamps == [stamp_from_message(item.header.stamp) for item in infos]
    assert stamps == [stamp_from_message(item.header.stamp) for item in camera_infos]
    assert images[0].header.frame_id == "top_optical_frame"
    assert list(camera_infos[0].k) == [0.0] * 9, "an uncalibrated camera leaves K all zero"

    arena = Arena(320, 240, seed=7, fps=100.0)
    for number in (0, 39):
        expected, points = arena.render(number)
        assert np.array_equal(frame_from_message(images[number], "top", number).image, expected)
        assert list(truths[number].keypoints) == list(KEYPOINTS)
        assert np.allclose(truths[number].individuals[0].x, points[:, 0])


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [False, True], ids=["it takes no more images", "its process is stopped"])
def test_a_subscriber_that_is_stuck_keeps_neither_the_camera_nor_others_waiting(start_node, observer, wait_for, frozen):
    images = observer.collect(Image, "/top/image_raw", image_qos(400))
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stuck:
        node = start_node(MODULE, namespace="/top", width=320, height=240, fps=100.0, frames=400, queue=400, wait_for=2)
        assert stuck.stdout.readline() == "stuck\n"
        if frozen:
            stuck.send_signal(signal.SIGSTOP)
        wait_for(lambda: len(images) == 400, "every image at the other one")
        assert node.process.poll() is None or node.wait() == 0
        stuck.send_signal(signal.SIGCONT)
        stuck.communicate("\n")
    assert node.wait() == 0, node.output
    stamps = [stamp_from_message(image.header.stamp) for image in images]
    assert stamps == sorted(set(stamps))


def test_frames_without_a_pace_begin_with_the_first_one(start_node, observer, wait_for):
    """A burst of more frames than the queue holds must not begin before subscribers are ready for it."""
    infos = observer.collect(FrameInfo, "/top/frame_info", POSE)
    images = observer.collect(Image, "/top/image_raw", image_qos(1000))
    size = {"width": 64, "height": 64}
    node = start_node(MODULE, namespace="/top", **size, pace=False, frames=300, queue=2, wait_for=1)
    assert node.wait() == 0, node.output
    wait_for(lambda: len(infos) == 300, "every frame's number")
    wait_for(lambda: images, "an image")
    assert stamp_from_message(images[0].header.stamp) == stamp_from_message(infos[0].header.stamp)
    assert infos[0].sequence == 0


def test_crop_and_grey(start_node, observer, wait_for):
    truths = observer.collect(FramePoses, "/top/ground_truth", POSE)
    images = observer.collect(Image, "/top/image_raw", image_qos(10))
    start_node(
        MODULE, namespace="/top", width=320, height=240, crop=[100, 50, 120, 80], color=False, frames=1, wait_for=1
    )
    wait_for(lambda: images and truths, "an image")
    image = frame_from_message(images[0], "top", 0).image
    whole, points = Arena(320, 240, seed=0, fps=30.0).render(0)
    assert images[0].encoding == "mono8"
    assert np.array_equal(image, cv2.cvtColor(whole, cv2.COLOR_BGR2GRAY)[50:130, 100:220])
    assert np.allclose(truths[0].individuals[0].x, points[:, 0] - 100, atol=1e-4)
    assert np.allclose(truths[0].individuals[0].y, points[:, 1] - 50, atol=1e-4)


def test_jpeg_is_throttled_and_close_to_the_image(start_node, observer, wait_for):
    jpegs = observer.collect(CompressedImage, "/top/image_raw/compressed", LATEST_IMAGE)
    images = observer.collect(Image, "/top/image_raw", image_qos(150))
    begin = time.monotonic()
    size = {"width": 320, "height": 240}
    node = start_node(
        MODULE, namespace="/top", fps=100.0, **size, compressed_rate=10.0, frames=150, queue=150, wait_for=1
    )
    assert node.wait() == 0
    wait_for(lambda: len(images) == 150, "150 images")
    wait_for(lambda: jpegs, "a JPEG image")
    assert len(jpegs) <= 10 * (time.monotonic() - begin) + 2, "ten a second, of a hundred"
    assert jpegs[-1].format == "bgr8; jpeg compressed bgr8"
    by_stamp = {stamp_from_message(image.header.stamp): image for image in images}
    original = frame_from_message(by_stamp[stamp_from_message(jpegs[-1].header.stamp)], "top", 0).image
    decoded = cv2.imdecode(np.frombuffer(jpegs[-1].data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded.astype(int) - original).mean() < 8


def test_video_gives_all_its_frames(start_node, observer, wait_for, clip):
    path, frames = clip
    images = observer.collect(Image, "/side/image_raw", image_qos(100))
    node = start_node(MODULE, namespace="/side", source="video", path=path, pace=False, queue=100, wait_for=1)
    assert node.wait() == 0, node.output
    wait_for(lambda: len(images) == len(frames), "every frame")
    for image, expected in zip(images, frames, strict=True):
        assert np.array_equal(frame_from_message(image, "side", 0).image, expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_on_a_signal(start_node, observer, wait_for, number):
    images = observer.collect(Image, "/top/image_raw", image_qos(10))
    node = start_node(MODULE, namespace="/top", width=64, height=64)
    wait_for(lambda: images, "an image")
    assert node.end(number) == 0
    assert "Traceback" not in node.output


def test_ends_cleanly_on_signals_that_come_all_at_once(start_node, observer, wait_for):
    frames = observer.collect(FrameInfo, "/top/frame_info", POSE)
    node = start_node(MODULE, namespace="/top", width=64, height=64)
    wait_for(lambda: frames, "a frame")
    while node.process.poll() is None and len(frames) < 3000:
        node.process.send_signal(signal.SIGTERM)
    assert node.wait() == 0


def test_life_cycle_by_services(start_node, observer, wait_for):
    images = observer.collect(Image, "/top/image_raw", image_qos(10))
    reports = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node(MODULE, namespace="/top", width=64, height=64, autostart=False)

    def change(number: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=number))
        return observer.call(ChangeState, "/top/camera/change_state", request).success

    def state() -> str:
        return observer.call(GetState, "/top/camera/get_state", GetState.Request()).current_state.label

    assert state() == "unconfigured"
    assert change(Transition.TRANSITION_CONFIGURE)
    assert state() == "inactive"
    assert not images
    assert change(Transition.TRANSITION_ACTIVATE)
    wait_for(lambda: len(images) > 2, "images once it is active")
    # What two people ask for is done once, and what can't be done is refused: the node goes on.
    assert not change(Transition.TRANSITION_ACTIVATE)
    assert change(Transition.TRANSITION_DEACTIVATE)
    assert not change(Transition.TRANSITION_DEACTIVATE)
    assert state() == "inactive"
    wait_for(
        lambda: "refused, as this node is inactive; there it can: cleanup, activate, shutdown" in node.output, "a word"
    )
    assert change(Transition.TRANSITION_CLEANUP)
    assert not change(Transition.TRANSITION_ACTIVATE)
    assert change(Transition.TRANSITION_CONFIGURE)
    assert change(Transition.TRANSITION_ACTIVATE)
    count = len(images)
    wait_for(lambda: len(images) > count + 2, "images after it was activated again")
    # Each change is told as it is done, and not with the next word of each second: several within one.
    told = len(reports)
    for _ in range(20):
        assert change(Transition.TRANSITION_DEACTIVATE)
        assert change(Transition.TRANSITION_ACTIVATE)
    wait_for(lambda: len([r for r in reports[told:] if r.status[0].message == "inactive"]) >= 20, "a word of each")
    assert not [r for r in reports if "no frame" in r.status[0].message], "a stop is no silence"


def test_parameters_have_descriptors_with_ranges(start_node, observer):
    start_node(MODULE, namespace="/top", width=64, height=64)
    request = DescribeParameters.Request(names=["fps", "compressed_quality", "source"])
    fps, quality, source = observer.call(DescribeParameters, "/top/camera/describe_parameters", request).descriptors
    assert fps.description == "Frames per second."
    assert fps.floating_point_range[0].from_value == 0
    assert fps.additional_constraints == "more than 0"
    assert fps.floating_point_range[0].to_value == 1000.0
    assert (quality.integer_range[0].from_value, quality.integer_range[0].to_value) == (1, 100)
    assert source.additional_constraints == "one of synthetic"


def test_diagnostics_tell_the_rate(start_node, observer, wait_for):
    reports = observer.collect(DiagnosticArray, "/diagnostics", 10)
    start_node(MODULE, namespace="/top", width=64, height=64, fps=50.0)
    wait_for(lambda: any("fps" in item.status[0].message for item in reports), "a diagnosis with a rate")
    status = reports[-1].status[0]
    values = {pair.key: pair.value for pair in status.values}
    assert status.name == "/top/camera"
    assert status.hardware_id == "synthetic"
    assert values["fps_nominal"] == "50"
    assert values["size"] == "64x64"
    assert int(values["frames"]) > 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"source": "vido"}, "Did you mean 'video'?"),
        ({"source": "video"}, "parameter path of camera: found nothing"),
        ({"source": "video", "path": "/nowhere/mouse.mp4"}, "there is no file /nowhere/mouse.mp4"),
        ({"source": "synthetic", "fsp": 3.0}, "Did you mean 'fps'?"),
        ({"source": "synthetic", "fps": -1.0}, "parameter fps"),
        ({"source": "synthetic", "crop": [600, 0, 100, 100]}, "expected a part of the 640x480 image"),
        ({"source": "opencv", "device": "/dev/no-such-camera"}, "Is it plugged in"),
    ],
)
def test_bad_parameters_are_refused_with_a_clear_message(start_node, parameters, message):
    node = start_node(MODULE, **parameters)
    assert node.wait() == 1
    assert message in node.output
    assert "Traceback" not in node.output


def test_a_damaged_video_goes_on_after_its_lost_frames(start_node, observer, wait_for, damaged_clip):
    path, count = damaged_clip
    images = observer.collect(Image, "/top/image_raw", image_qos(200))
    node = start_node(MODULE, namespace="/top", source="video", path=path, pace=False, queue=200, wait_for=1)
    assert node.wait() == 0, node.output
    assert re.search(r"of the frames \d+ to \d+ are lost: ", node.output), node.output
    ended = re.search(r"the source ended after (\d+) frames", node.output)
    assert ended is not None, node.output
    assert count // 2 < int(ended[1]) < count
    wait_for(lambda: len(images) == int(ended[1]), "all the others")
