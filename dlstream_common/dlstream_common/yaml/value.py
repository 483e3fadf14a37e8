"""Reads a single value that somebody types, such as an answer on a page."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent

from dlstream_common.yaml._limits import MAX_DEPTH


class _PlainComposer(Composer):
    """Refuses aliases: in one line they can stand for more than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            raise MarkedYAMLError(None, None, "an alias", self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


def parse_value(text: str) -> Any:
    """A single value as somebody types it, as plain data.

    Raises:
        YAMLError, ValueError: it is not YAML, is nested too deeply, or has aliases.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _PlainComposer
    yaml.max_depth = MAX_DEPTH
    return yaml.load(text)
