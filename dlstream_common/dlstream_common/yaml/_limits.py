"""YAML as far as settings need it: a few bytes can stand for more than any machine holds, or nest without end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent

MAX_BYTES = 2_000_000
_MAX_DEPTH = 50
_MAX_VALUES = 200_000


class _CheckedComposer(Composer):
    """Refuses an anchor that contains itself where it does, before anything is made of it."""

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
        """The anchors of what is being read just now."""
        if not hasattr(self, "_anchors_open"):
            self._anchors_open: list[str] = []
        return self._anchors_open


def parse(text: str) -> Any:
    """The content, with line numbers and comments kept.

    Raises:
        MarkedYAMLError: it is no YAML, nests too deep, or contains itself.
    """
    yaml = YAML(typ="rt")
    yaml.Composer = _CheckedComposer
    yaml.max_depth = _MAX_DEPTH
    return yaml.load(text)


def too_many(data: CommentedMap) -> tuple[int, int] | None:
    """The line of the first key whose aliases stand for more than a file can mean, and how many; None: none does."""
    known: dict[int, int] = {}
    for key, value in data.items():
        count = _count(value, known)
        if count > _MAX_VALUES:
            return (data.lc.key(key)[0] + 1 if key in data.lc.data else 1), count
    return None


def _count(value: Any, known: dict[int, int]) -> int:
    """How many values it has, written out; each anchor is counted once, however often it is named."""
    if not isinstance(value, (Mapping, list)):
        return 1
    if id(value) not in known:
        inner = value.values() if isinstance(value, Mapping) else value
        known[id(value)] = 1 + sum(_count(item, known) for item in inner)
    return known[id(value)]
