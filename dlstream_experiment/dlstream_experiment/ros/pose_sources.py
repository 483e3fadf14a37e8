"""Who publishes the poses on which the experiment decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node

from dlstream_common.frame_numbers import FrameNumbers
from dlstream_common.ros import in_words, publishers_of

_UNNUMBERED = 2**64 - 1
_EXPECTED_ONE = "expected one. End all but one, or give each a topic of its own: decisions are by either's poses"


class PoseSources:
    """Tells of several publishers of one camera's poses, once in a run.

    Only their frames tell: a pose node that was killed stays in ROS's graph for a while, beside the one that was
    started in its place.

    Args:
        complain: called with a name and a reason.
    """

    def __init__(self, node: Node, cameras: Iterable[str], complain: Callable[[str, str], None]) -> None:
        self._node, self._complain = node, complain
        self._topics = {camera: node.resolve_topic_name(f"{camera}/pose") for camera in cameras}
        self.begin()

    def begin(self) -> None:
        """A run begins: what came before it is forgotten."""
        self._numbers = {
            camera: FrameNumbers(partial(self._node.count_publishers, topic)) for camera, topic in self._topics.items()
        }

    def add(self, camera: str, info: Mapping[str, Any]) -> None:
        """Poses have come, with what the middleware knows of their message."""
        count = int(info.get("publication_sequence_number", _UNNUMBERED))
        self._numbers[camera].add(0 if count == _UNNUMBERED else count)

    def look(self) -> None:
        """Complains of those that were found since the last call; not at once, as ROS learns a node's name late."""
        for camera, topic in self._topics.items():
            if self._numbers[camera].news() == "several":
                found = in_words(publishers_of(self._node, topic))
                self._complain("pose", f"{topic}: poses of several publishers come by turns: {found}; {_EXPECTED_ONE}")
