"""Poses as markers for rviz: one pixel is one millimetre in the image's optical frame."""

from __future__ import annotations

from collections.abc import Sequence

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from dlstream_common import FramePoses, Individual
from dlstream_pose.runtime.overlay import PALETTE

_PIXEL = 0.001
_DOT, _BONE = 0.008, 0.003


def markers_of(
    poses: FramePoses, header: Header, edges: Sequence[tuple[int, int]], min_confidence: float
) -> MarkerArray:
    """The keypoints of every individual as points and its skeleton as lines; earlier markers are cleared."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for number, individual in enumerate(poses.individuals):
        markers.extend(_individual(individual, 2 * number, header, edges, min_confidence))
    return MarkerArray(markers=markers)


def _individual(
    individual: Individual, number: int, header: Header, edges: Sequence[tuple[int, int]], min_confidence: float
) -> list[Marker]:
    places = zip(individual.x.tolist(), individual.y.tolist(), individual.confidence.tolist(), strict=True)
    points = {
        index: Point(x=x * _PIXEL, y=y * _PIXEL)
        for index, (x, y, confidence) in enumerate(places)
        if confidence >= min_confidence and x == x and y == y
    }
    dots = _marker(header, individual.id, number, Marker.POINTS)
    dots.scale.x = dots.scale.y = _DOT
    dots.points = list(points.values())
    dots.colors = [_colour(PALETTE[index % len(PALETTE)]) for index in points]
    bones = _marker(header, individual.id, number + 1, Marker.LINE_LIST)
    bones.scale.x = _BONE
    bones.points = [points[end] for edge in edges if edge[0] in points and edge[1] in points for end in edge]
    return [dots, bones]


def _marker(header: Header, name: str, number: int, kind: int) -> Marker:
    marker = Marker(header=header, ns=name, id=number, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.color = _colour((245, 245, 245))
    return marker


def _colour(colour: tuple[int, int, int]) -> ColorRGBA:
    blue, green, red = colour
    return ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=1.0)
