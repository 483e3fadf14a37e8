"""Poses and regions as Foxglove's annotations: what they say, and by a real node where its messages are installed."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from pose_node_tools import MODULE, Camera
from std_msgs.msg import Header

from dlstream_common import FramePoses, Individual
from dlstream_common.ros import LATEST_IMAGE
from dlstream_pose.ros.annotations import annotations_of
from dlstream_pose.runtime.overlay import OverlayRegion


@dataclass
class Annotation:
    """The fields of foxglove_msgs/PointsAnnotation."""

    POINTS: ClassVar[int] = 1
    LINE_LOOP: ClassVar[int] = 2
    LINE_LIST: ClassVar[int] = 4
    timestamp: Any
    type: int
    points: list[Any]
    outline_color: Any
    thickness: float
    outline_colors: list[Any] = field(default_factory=list)


MESSAGES = SimpleNamespace(
    PointsAnnotation=Annotation, ImageAnnotations=SimpleNamespace, Point2=SimpleNamespace, Color=SimpleNamespace
)


def test_regions_skeletons_and_dots_lie_where_foxglove_counts_pixels():
    x, y, confidence = (np.array(values, np.float32) for values in ([10, 20, 30], [1, 2, 3], [0.9, 0.8, 0.1]))
    poses = FramePoses(
        camera="top",
        sequence=0,
        stamp=0,
        keypoints=("nose", "neck", "tail"),
        individuals=(Individual("mouse", x, y, confidence),),
        inference_start=0,
        inference_end=0,
    )
    outline = np.array([[0, 0], [5, 0], [5, 5]], np.float32)
    regions = [OverlayRegion("left", outline), OverlayRegion("right", outline, active=True)]
    made = annotations_of(MESSAGES, poses, Header(), [(0, 1), (1, 2)], regions, 0.5).points
    assert [item.type for item in made] == [2, 2, 4, 1]
    left, right, bones, dots = made
    assert [(point.x, point.y) for point in left.points] == [(0.5, 0.5), (5.5, 0.5), (5.5, 5.5)]
    assert left.outline_color != right.outline_color
    assert [(point.x, point.y) for point in bones.points] == [(10.5, 1.5), (20.5, 2.5)], "the tail is not seen"
    assert [point.x for point in dots.points] == [10.5, 20.5]
    assert len(dots.outline_colors) == 2


def test_a_node_publishes_them_where_the_package_is_installed(start_node, observer, wait_for, spot_network):
    messages = pytest.importorskip("foxglove_msgs.msg", reason="no foxglove_msgs; ROS has it as a package")
    found = observer.collect(messages.ImageAnnotations, "/top/annotations", LATEST_IMAGE)
    start_node(MODULE, network=spot_network, cameras=["top"], min_confidence=0.9, overlay_rate=200.0)
    camera = Camera(observer, wait_for)

    def seen():
        camera.send(12, 30)
        return found

    wait_for(seen, "annotations")
    (dots,) = found[-1].points
    assert [(point.x, point.y) for point in dots.points] == [(12.5, 30.5)]
