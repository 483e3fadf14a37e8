"""Poses and regions as annotations for Foxglove, where its messages (package foxglove_msgs) are installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from std_msgs.msg import Header

from dlstream_common import FramePoses, Individual
from dlstream_pose.runtime.overlay import PALETTE, OverlayRegion

_CORNER = 0.5
"""Foxglove counts pixels from the corner of the first one, we from its center."""
_DOT, _LINE = 6.0, 2.0
_BONE, _REGION, _ACTIVE = (245, 245, 245), (66, 212, 255), (80, 220, 80)
"""Blue, green, red, as in the palette."""


def annotation_messages() -> Any | None:
    """The messages of foxglove_msgs; None where that package is not installed."""
    try:
        from foxglove_msgs import msg
    except ImportError:
        return None
    return msg


def annotations_of(
    messages: Any,
    poses: FramePoses,
    header: Header,
    edges: Sequence[tuple[int, int]],
    regions: Sequence[OverlayRegion],
    min_confidence: float,
) -> Any:
    """An ImageAnnotations: regions as outlines, skeletons as lines, keypoints as dots in the overlay's colours.

    Args:
        messages: what `annotation_messages` returned.
    """
    made = _Annotations(messages, header)
    found = [made.region(region) for region in regions if len(region.points) > 1]
    for individual in poses.individuals:
        found += made.individual(individual, edges, min_confidence)
    return messages.ImageAnnotations(points=found)


class _Annotations:
    def __init__(self, messages: Any, header: Header) -> None:
        self._messages, self._header = messages, header
        self._kind = messages.PointsAnnotation

    def region(self, region: OverlayRegion) -> Any:
        places = [self._point(x, y) for x, y in region.points.tolist()]
        return self._annotation(self._kind.LINE_LOOP, places, _ACTIVE if region.active else _REGION, _LINE)

    def individual(
        self, individual: Individual, edges: Sequence[tuple[int, int]], min_confidence: float
    ) -> Iterator[Any]:
        places = zip(individual.x.tolist(), individual.y.tolist(), individual.confidence.tolist(), strict=True)
        points = {
            index: self._point(x, y)
            for index, (x, y, confidence) in enumerate(places)
            if confidence >= min_confidence and x == x and y == y
        }
        bones = [points[end] for edge in edges if edge[0] in points and edge[1] in points for end in edge]
        if bones:
            yield self._annotation(self._kind.LINE_LIST, bones, _BONE, _LINE)
        if points:
            dots = self._annotation(self._kind.POINTS, list(points.values()), _BONE, _DOT)
            dots.outline_colors = [self._colour(PALETTE[index % len(PALETTE)]) for index in points]
            yield dots

    def _annotation(self, kind: int, points: list[Any], colour: tuple[int, int, int], thickness: float) -> Any:
        return self._kind(
            timestamp=self._header.stamp,
            type=kind,
            points=points,
            outline_color=self._colour(colour),
            thickness=thickness,
        )

    def _point(self, x: float, y: float) -> Any:
        return self._messages.Point2(x=x + _CORNER, y=y + _CORNER)

    def _colour(self, colour: tuple[int, int, int]) -> Any:
        blue, green, red = colour
        return self._messages.Color(r=red / 255, g=green / 255, b=blue / 255, a=1.0)
