"""What the server needs of the rig: the ROS side implements it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dlstream_panel.request import Request


class Rig(Protocol):
    """Carries out requests; called in the server's thread, and never blocks."""

    def watch(self, cameras: frozenset[str]) -> None:
        """These cameras are being looked at: only their pictures and poses are needed."""

    async def carry_out(self, request: Request) -> str | Mapping[str, Any]:
        """Does what a page asks for; returns what was done, in a sentence, or what was asked.

        Raises:
            DlstreamError: it was refused, or nobody answered.
        """
