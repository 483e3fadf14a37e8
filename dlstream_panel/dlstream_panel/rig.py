"""What the server needs of the rig: the ROS side implements it."""

from __future__ import annotations

from typing import Protocol

from dlstream_panel.requests import Request


class Rig(Protocol):
    """Carries out requests; called in the server's thread, and never blocks."""

    def watch(self, cameras: frozenset[str]) -> None:
        """These cameras are being looked at: only their pictures and poses are needed."""

    async def carry_out(self, request: Request) -> str:
        """Does what a page asks for; returns what was done, in a sentence.

        Raises:
            DlstreamError: it was refused, or nobody answered.
        """
