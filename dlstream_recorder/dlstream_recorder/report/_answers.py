"""Which output answered what to which command of a session."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, TypeAlias

import pandas as pd

from dlstream_common import event_kinds

_Key: TypeAlias = tuple[object, object, object]
"""What a command and its answer share: output, source, number."""


class Answers:
    """The answers to the commands of a table of events, as `read_events` returns it.

    A command's number is unique for its output and source only, and begins again with each start of that source.
    """

    def __init__(self, events: pd.DataFrame) -> None:
        self._sent: dict[_Key, list[int]] = {}
        self._applied: dict[tuple[_Key, int], int] = {}
        self._refused: set[tuple[_Key, int]] = set()
        for command in events[events["kind"] == event_kinds.COMMAND].to_dict("records"):
            self._sent.setdefault(_key(command), []).append(int(command["recorded_ns"]))
        for times in self._sent.values():
            times.sort()
        for answer in events[events["kind"] == event_kinds.ACKNOWLEDGEMENT].to_dict("records"):
            key = _key(answer)
            # It may have arrived just before its command, by another topic.
            number = max(bisect_right(self._sent.get(key, []), int(answer["recorded_ns"])) - 1, 0)
            if answer["success"] == "false":
                self._refused.add((key, number))
            elif answer["applied_ns"]:
                self._applied[key, number] = int(answer["applied_ns"])

    def to(self, command: Mapping[str, Any]) -> tuple[int | None, bool]:
        """When a command was carried out, None if that is not known, and whether it was refused."""
        key = _key(command)
        this = key, bisect_left(self._sent[key], int(command["recorded_ns"]))
        return self._applied.get(this), this in self._refused and this not in self._applied


def _key(event: Mapping[str, Any]) -> _Key:
    return event["name"], event["source"], event["id"]
