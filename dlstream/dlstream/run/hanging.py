"""Nodes that say nothing any more and yet are there: they hang, as a recorder whose disk does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus

from dlstream_common.node_faults import NOT_ENDED
from dlstream_common.ros import LIFECYCLE

AFTER = 15.0
"""Seconds without a diagnosis, of which a node gives one a second; a killed one is in ROS's graph for twenty."""
_ASKED = 1.0
"""Seconds between two questions above which the launcher itself did not run, and heard nobody."""


@dataclass(frozen=True)
class Hang:
    """A node that began to hang, or is back."""

    node: str
    text: str
    back: bool


class Hanging:
    """Finds them; knows no ROS and no clock: `steady` is seconds."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._asked = 0.0

    def add(self, status: DiagnosticStatus, steady: float) -> None:
        """A node's diagnosis came. Only an active one is missed later: to prepare a network may take minutes."""
        if any(item.key == LIFECYCLE for item in status.values):
            self._heard.pop(status.name, None)
        else:
            self._heard[status.name] = steady

    def news(self, steady: float, is_there: Callable[[str], bool]) -> list[Hang]:
        """What is new since the last time.

        Args:
            is_there: whether a node is in ROS's graph: one that has ended is not.
        """
        pause, self._asked = steady - self._asked, steady
        if pause > _ASKED:
            self._heard = {node: heard + pause for node, heard in self._heard.items()}
            self._told = {node: heard + pause for node, heard in self._told.items()}
            return []
        found = []
        for node, heard in list(self._heard.items()):
            if node in self._told and heard > self._told[node]:
                text = f"it is back, after {heard - self._told.pop(node):.0f} s"
                found.append(Hang(node, text, back=True))
            if node in self._told or steady - heard <= AFTER:
                continue
            if is_there(node):
                self._told[node] = heard
                why = "it hangs, or its computer is too busy"
                text = f"has said nothing for {steady - heard:.0f} s, and {NOT_ENDED}: {why}"
                found.append(Hang(node, text, back=False))
            else:
                del self._heard[node]
        return found
