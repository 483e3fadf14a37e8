"""Who publishes a recorder's images: the numbers of their frames, and what is wrong with their publishers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node

from dlstream_common.frame_numbers import FrameNumbers
from dlstream_common.ros import in_words, publishers_of
from dlstream_recorder.ros._topics import Topic
from dlstream_recorder.session.session import Session

_UNNUMBERED = 2**64 - 1
_ANEW = "the camera started counting again: it was restarted, or two cameras have that name"
_EXPECTED_ONE = "expected one. End all but one, or give each a topic of its own: poses and video are of either's images"


class ImageSources:
    """Numbers the frames of each camera, and tells of publishers that are too many or can't be heard.

    Args:
        topics: of the images.
    """

    def __init__(self, node: Node, topics: Iterable[Topic]) -> None:
        self._node = node
        self._topics = {node.resolve_topic_name(topic.name): topic for topic in topics}
        self._numbers = {
            topic.about: FrameNumbers(partial(node.count_publishers, name)) for name, topic in self._topics.items()
        }
        self._told: set[str] = set()
        self._unheard: dict[str, str] = {}

    def number(self, camera: str, info: Mapping[str, Any]) -> int:
        """The sequence of a frame that has come: the middleware's count if there is one, so that gaps show losses."""
        count = int(info.get("publication_sequence_number", _UNNUMBERED))
        return self._numbers[camera].add(0 if count == _UNNUMBERED else count)

    @property
    def wrong(self) -> str:
        """The topics with several publishers whose images come; empty if there are none."""
        return ", ".join(sorted(self._told))

    def begin(self, session: Session) -> None:
        """A session has begun: it is told what holds already."""
        self._told.clear()
        for name, text in self._unheard.items():
            self._tell(session, name, text)

    def unheard(self, name: str, text: str, session: Session | None) -> None:
        """A publisher can't be heard."""
        self._unheard[name] = text
        if session is not None:
            self._tell(session, name, text)

    def look(self, session: Session) -> None:
        """Tells of several cameras on one topic, once in a session, and of one that took another's place."""
        for name, topic in self._topics.items():
            numbers = self._numbers[topic.about]
            if numbers.news() == "another":
                self._tell(session, name, _ANEW)
            if numbers.several and name not in self._told:
                self._told.add(name)
                found = publishers_of(self._node, name)
                text = f"images of several publishers come by turns: {in_words(found)}; {_EXPECTED_ONE}"
                self._tell(session, name, text, {"publishers": ", ".join(found)})

    def _tell(self, session: Session, name: str, text: str, values: Mapping[str, str] | None = None) -> None:
        camera = self._topics[name].about if name in self._topics else ""
        session.fault(name, text, values, camera)
