"""Parses YAML within limits: a few bytes could stand for more than any memory holds, or nest endlessly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent

MAX_BYTES = 2_000_000
MAX_DEPTH = 50
_MAX_VALUES = 200_000


class _CheckedComposer(Composer):
    """Refuses an anchor that contains itself before anything is built from it."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if not self.parser.check_event(AliasEvent):
            anchor = self.parser.peek_event().anchor
            if anchor is None:
                return super().compose_node(parent, index)
            self._open().append(anchor)
            try:
                return super().compose_node(parent, index)
            finally:
                self._open().pop()
        event = self.parser.peek_event()
        if event.anchor in self._open():
            raise MarkedYAMLError(None, None, f"anchor that contains itself {event.anchor}", event.start_mark)
        return super().compose_node(parent, index)

    def _open(self) -> list[str]:
        """The anchors of the nodes that are being read now."""
        if not hasattr(self, "_anchors_open"):
            self._anchors_open: list[str] = []
        return self._anchors_open


def parse(text: str) -> Any:
    """The content of a YAML text, with line numbers and comments.

    Raises:
        MarkedYAMLError: it is not YAML, is nested too deeply, or contains itself.
    """
    yaml = YAML(typ="rt")
    yaml.Composer = _CheckedComposer
    yaml.max_depth = MAX_DEPTH
    return yaml.load(text)


def too_many(data: CommentedMap) -> tuple[int, int] | None:
    """The line of the first key whose aliases stand for too many values, and their number; None if there is none."""
    known: dict[int, int] = {}
    for key, value in data.items():
        count = _count(value, known)
        if count > _MAX_VALUES:
            return (data.lc.key(key)[0] + 1 if key in data.lc.data else 1), count
    return None


def _count(value: Any, known: dict[int, int]) -> int:
    """The number of values after expanding all aliases; each anchor is counted only once."""
    if not isinstance(value, (Mapping, list)):
        return 1
    if id(value) not in known:
        inner = value.values() if isinstance(value, Mapping) else value
        known[id(value)] = 1 + sum(_count(item, known) for item in inner)
    return known[id(value)]
