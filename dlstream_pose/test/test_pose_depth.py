"""The depth at keypoints: read from the depth camera's image of that moment, published with the pose."""

from __future__ import annotations

import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import Image

from dlstream_common import EncodingError, Frame, Individual
from dlstream_common.ros import POSE, fill_image, image_qos, poses_from_message, stamp_from_message, stamp_to_message
from dlstream_msgs.msg import FramePoses
from dlstream_pose.runtime.depth import DepthImages, depths_at
from dlstream_pose.runtime.settings import PoseSettings

STAMP = 1_700_000_000_000_000_000
MS = 1_000_000


def depth(image, x, y, reach=2):
    return float(depths_at(image, [x], [y], reach)[0])


def test_the_depth_is_the_median_of_what_was_measured_around_the_keypoint():
    image = np.full((48, 64), 800, np.uint16)
    image[20:25, 30:35] = 500
    image[22, 32] = 60_000  # one wild pixel
    image[20, 30:33] = 0  # not measured
    assert depth(image, 32.4, 21.6) == 500
    assert depth(image, 5, 5) == 800


def test_nothing_is_measured_where_less_than_half_of_the_square_was():
    image = np.zeros((48, 64), np.uint16)
    image[20:25, 30:32] = 700  # 10 of 25
    assert math.isnan(depth(image, 32, 22))
    image[20:25, 32] = 700  # 15 of 25
    assert depth(image, 32, 22) == 700
    assert math.isnan(depth(image, 50, 40))


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(-1e9, 1e9), st.integers(0, 49))
def test_any_place_and_window_gives_a_depth_or_nan(x, y, reach):
    image = np.full((48, 64), 321, np.uint16)
    inside = -0.5 <= x < 63.5 and -0.5 <= y < 47.5
    assert (depth(image, x, y, reach) == 321) if inside else math.isnan(depth(image, x, y, reach))


def test_corners_use_the_part_of_the_square_that_is_in_the_image():
    image = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) + 1
    for x, y in ((0, 0), (63, 0), (0, 47), (63, 47)):
        rows, columns = slice(max(0, y - 2), y + 3), slice(max(0, x - 2), x + 3)
        assert depth(image, x, y) == np.median(image[rows, columns])


def frame(camera, milliseconds, image, encoding="16UC1"):
    return Frame(camera, 0, STAMP + round(milliseconds * MS), image, encoding)


def test_the_image_of_the_frames_moment_is_taken_and_none_that_is_far_away():
    images = DepthImages(5)
    for time in (0, 33, 66):
        images.add(frame("depth", time, np.full((8, 8), 100 + time, np.uint16)))
    assert [images.at(STAMP + time * MS).image[0, 0] for time in (2, 20, 40, 115)] == [100, 133, 133, 166]
    assert images.at(STAMP + 117 * MS) is None
    images.clear()
    assert images.at(STAMP) is None


def test_images_that_are_no_depth_and_those_of_another_size_are_refused():
    images = DepthImages(5)
    with pytest.raises(EncodingError, match="found 'bgr8'; expected depth in mm, 16UC1"):
        images.add(frame("depth", 0, np.zeros((8, 8, 3), np.uint8), "bgr8"))
    mouse = Individual("mouse", *np.zeros((3, 2), np.float32))
    seen, wrong = frame("top", 0, np.zeros((8, 8, 3), np.uint8), "bgr8"), frame("depth", 0, np.ones((4, 8), np.uint16))
    with pytest.raises(EncodingError, match="'depth': found 8x4; expected 8x8, the size of camera 'top'"):
        images.measure([mouse], seen, wrong)
    (blind,) = images.measure([mouse], seen, None)
    assert np.isnan(blind.depth).all()


def test_the_rig_names_the_depth_camera_of_each_camera(spot_network):
    settings = PoseSettings.model_validate({"network": spot_network, "depth": {"top": "above", "side": "left/depth"}})
    assert settings.depth_cameras == {"top": "above", "side": "left/depth"}
    for wrong, expected in (
        ({"depth": ["top"]}, "the name of its depth camera"),
        ({"depth": ["top=a", "top=b"]}, "each camera once"),
        ({"depth_window": 4}, "an odd number"),
    ):
        with pytest.raises(ValueError, match=expected):
            PoseSettings.model_validate({"network": spot_network, **wrong})


def message(pixels, encoding, stamp):
    image = Image()
    fill_image(image, pixels, encoding)
    image.header.stamp = stamp_to_message(stamp)
    return image


def test_poses_carry_the_depth_of_each_keypoint(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node("dlstream_pose.ros.node", network=spot_network, cameras=["top"], depth=["top=above"])
    colour = observer.node.create_publisher(Image, "/top/image_raw", image_qos(10))
    above = observer.node.create_publisher(Image, "/above/image_raw", image_qos(10))
    wait_for(lambda: colour.get_subscription_count() and above.get_subscription_count(), "the pose node to subscribe")
    pixels = np.full((48, 64, 3), 60, np.uint8)
    pixels[20, 30], pixels[40, 10] = 255, 0
    image = np.full((48, 64), 800, np.uint16)
    image[18:23, 28:33] = 640
    image[38:43, 8:13] = 0
    stamps = iter(range(STAMP, STAMP + 10**12, 100 * MS))

    def measured():
        stamp = next(stamps)
        above.publish(message(image, "16UC1", stamp + 3 * MS))
        colour.publish(message(pixels, "bgr8", stamp))
        return [one for one in poses if one.individuals[0].depth[0] == 640]

    wait_for(measured, "a pose with depth")
    individual = poses_from_message(measured()[0]).individuals[0]
    assert individual.depth.dtype == np.float32
    assert individual.depth[0] == 640
    assert math.isnan(individual.depth[1]), "nothing was measured there"

    poses.clear()

    def blind():
        colour.publish(message(pixels, "bgr8", next(stamps)))
        return [one for one in poses if np.isnan(one.individuals[0].depth).all()]

    wait_for(blind, "a pose whose frame has no depth image")


def test_a_depth_image_of_another_size_costs_the_depth_and_not_the_pose(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node("dlstream_pose.ros.node", network=spot_network, cameras=["top"], depth=["top=above"])
    colour = observer.node.create_publisher(Image, "/top/image_raw", image_qos(10))
    above = observer.node.create_publisher(Image, "/above/image_raw", image_qos(10))
    wait_for(lambda: colour.get_subscription_count() and above.get_subscription_count(), "the pose node to subscribe")
    stamps = iter(range(STAMP, STAMP + 10**12, 100 * MS))

    def sent(size):
        stamp = next(stamps)
        above.publish(message(np.full(size, 640, np.uint16), "16UC1", stamp))
        colour.publish(message(np.full((48, 64, 3), 60, np.uint8), "bgr8", stamp))

    def measured():
        sent((48, 64))
        return [one for one in poses if one.individuals[0].depth[0] == 640]

    def told():
        sent((24, 32))
        return "found 32x24; expected 64x48, the size of camera 'top'" in node.output

    wait_for(measured, "a pose with depth")
    wait_for(told, "the refusal")
    poses.clear()

    def blind():
        sent((24, 32))
        return len([one for one in poses if np.isnan(one.individuals[0].depth).all()]) >= 5

    wait_for(blind, "poses without depth")
    wait_for(lambda: "found 32x24" in top_trouble(diagnostics), "the diagnostics")
    poses.clear()
    wait_for(measured, "depth again")
    assert node.output.count("found 32x24") == 1, "once"
    wait_for(lambda: measured() and top_trouble(diagnostics) == "", "no trouble any more")


def top_trouble(diagnostics):
    values = [item for array in diagnostics for status in array.status for item in status.values]
    return ([item.value for item in values if item.key == "top/trouble"] or [""])[-1]


def test_predicted_poses_carry_the_depth_at_their_places_in_the_frame(start_node, observer, wait_for, spot_network):
    """A spot runs by 6 px a frame: what is predicted for the next one is beside the stripe that is near."""
    poses, step = observer.collect(FramePoses, "/top/pose", POSE), 100 * MS
    keys = {"filter": "kalman", "filter_agility": 1e6, "predict": "ahead", "predict_ahead": 0.1}
    start_node("dlstream_pose.ros.node", network=spot_network, cameras=["top"], depth=["top=above"], **keys)
    colour = observer.node.create_publisher(Image, "/top/image_raw", image_qos(10))
    above = observer.node.create_publisher(Image, "/above/image_raw", image_qos(10))
    wait_for(lambda: colour.get_subscription_count() and above.get_subscription_count(), "the pose node to subscribe")
    stamps = iter(range(STAMP, STAMP + 10**12, step))

    def spot_at(stamp):
        return 2 + 6 * ((stamp - STAMP) // step % 9)

    def measured():
        stamp = next(stamps)
        x = spot_at(stamp)
        image, pixels = np.full((48, 64), 800, np.uint16), np.full((48, 64, 3), 60, np.uint8)
        image[:, max(0, x - 2) : x + 3], pixels[20, x] = 640, 255
        above.publish(message(image, "16UC1", stamp))
        colour.publish(message(pixels, "bgr8", stamp))
        found = [(stamp_from_message(one.header.stamp), one.individuals[0]) for one in poses]
        return [one for stamp, one in found if one.depth[0] == 640 and abs(one.x[0] - spot_at(stamp)) > 5]

    wait_for(measured, "the depth of a spot that is predicted elsewhere")


def test_a_camera_without_a_depth_camera_has_no_depth(start_node, observer, wait_for, spot_network):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    start_node("dlstream_pose.ros.node", network=spot_network, cameras=["top"])
    colour = observer.node.create_publisher(Image, "/top/image_raw", image_qos(10))
    wait_for(colour.get_subscription_count, "the pose node to subscribe")

    def answered():
        colour.publish(message(np.full((48, 64, 3), 60, np.uint8), "bgr8", STAMP))
        return poses

    wait_for(answered, "a pose")
    assert poses_from_message(poses[0]).individuals[0].depth is None
