"""What the outputs of a session did not do, from the rows of its events.csv: commands that they refused."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from dlstream_common import OFF, event_kinds

_Key = tuple[str | None, ...]


def refused_commands(rows: Sequence[Mapping[str, str]]) -> set[int]:
    """The places of the commands that were refused, and that nobody carried out.

    A command's number is unique for its output and source only, and begins again with each start of that source.
    """
    sent: dict[_Key, list[tuple[int, int]]] = {}
    for place, row in enumerate(rows):
        if row["kind"] == event_kinds.COMMAND:
            sent.setdefault(_key(row), []).append((_recorded(row), place))
    for commands in sent.values():
        commands.sort()
    answers: dict[int, set[str]] = {}
    for row in rows:
        if row["kind"] == event_kinds.ACKNOWLEDGEMENT and (times := sent.get(_key(row))):
            # It may have arrived just before its command, by another topic.
            number = max(bisect_right(times, _recorded(row), key=lambda item: item[0]) - 1, 0)
            answers.setdefault(times[number][1], set()).add(row.get("success") or "")
    return {place for place, found in answers.items() if "false" in found and "true" not in found}


def is_off_without_command(row: Mapping[str, str]) -> bool:
    """Whether an output says that it went off, or its node, which was killed, is back."""
    if row["kind"] == event_kinds.RECOVERED:
        return True
    if row["kind"] not in (event_kinds.FAULT, event_kinds.OUTPUT_REPORT):
        return False
    return json.loads(row["values"] or "{}").get("state") == OFF


def _key(row: Mapping[str, str]) -> _Key:
    return row["name"], row.get("source"), row.get("id")


def _recorded(row: Mapping[str, str]) -> int:
    return int(row.get("recorded_ns") or 0)
