"""The browsers that look: each gets the newest picture when it has drawn the ones before, so that none lags."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dlstream_panel.board import Board
from dlstream_panel.joining import Joiner, Picture, Poses, RegionHistory
from dlstream_panel.page_json import dumps

_UNDER_WAY = 2
"""Pictures of a camera that may be on their way to a browser."""
_DECISION = 0.01
"""Seconds for which a picture waits after its poses: the experiment decides on them meanwhile."""
_STATE_PERIOD = 0.05
"""Seconds between two states at least: what STOP does is seen at once."""
_VALUES = 50
"""Messages of what triggers measured that wait for a browser: 5 s."""
_LINGER = 0.5
"""Seconds for which a camera is still listened to after nobody looks at it any more."""
_PULSE = 1.0
"""Seconds after which a page hears from the rig at least: silence is a lost connection."""


class Client:
    """What one browser still has to be sent."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self.wake = asyncio.Event()
        self.watched: frozenset[str] = frozenset()
        self._cameras = frozenset(cameras)
        self._newest: dict[str, bytes] = {}
        self._under_way: dict[str, int] = {}
        self.state: str | None = None
        self.values: deque[str] = deque(maxlen=_VALUES)
        self.log_number = 0
        self.skipped = 0

    def watch(self, cameras: Iterable[str]) -> None:
        """The cameras that it shows."""
        self.watched = self._cameras & frozenset(cameras)
        self._newest.clear()
        self._under_way.clear()

    def drawn(self, camera: str) -> None:
        """It has drawn a picture."""
        if camera in self._under_way:  # what a page says names no camera of its own
            self._under_way[camera] = max(0, self._under_way[camera] - 1)
        self.wake.set()

    def offer(self, camera: str, data: bytes) -> None:
        """A picture; one that still waits is skipped."""
        if camera not in self.watched:
            return
        self.skipped += camera in self._newest
        self._newest[camera] = data
        self.wake.set()

    def take(self) -> bytes | None:
        """The next picture that it has room for."""
        for camera in list(self._newest):
            if self._under_way.get(camera, 0) < _UNDER_WAY:
                self._under_way[camera] = self._under_way.get(camera, 0) + 1
                return self._newest.pop(camera)
        return None


class Hub:
    """Passes what comes from the rig to the browsers. Everything happens in the server's thread."""

    def __init__(self, board: Board, cameras: Iterable[str], watch: Callable[[frozenset[str]], None]) -> None:
        self.board = board
        self.cameras = tuple(cameras)
        self._watch = watch
        self._watched: frozenset[str] = frozenset()
        self._leaving: asyncio.TimerHandle | None = None
        self.clients: set[Client] = set()
        self._joiners = {camera: Joiner() for camera in self.cameras}
        self._regions = {camera: RegionHistory() for camera in self.cameras}
        self._told, self._told_at = -1, 0.0
        self._anybody = asyncio.Event()

    # From the rig.

    def picture(self, camera: str, stamp: int, jpeg: bytes) -> None:
        """A JPEG as it arrives."""
        self._pass_on(camera, self._joiners[camera].picture(stamp, jpeg, time.monotonic()))

    def poses(self, camera: str, stamp: int, poses: Poses) -> None:
        """Poses as they arrive."""
        self._pass_on(camera, self._joiners[camera].poses(stamp, poses, time.monotonic()))

    def regions_changed(self, camera: str, stamp: int, active: list[str]) -> None:
        """Which regions are active from the frame of this stamp on."""
        if camera in self._regions:
            self._regions[camera].changed(stamp, active)

    def measured(self, stamp: float, values: Mapping[str, tuple[float | None, bool]]) -> None:
        """What triggers measured at a time (ms), and whether each is true; None: nothing could be measured."""
        text = dumps({"type": "measured", "at": stamp, "values": values})
        for client in self.clients:
            if client.watched:
                client.values.append(text)
                client.wake.set()

    def _pass_on(self, camera: str, picture: Picture | None) -> None:
        if picture is not None and self.clients:
            asyncio.get_running_loop().call_later(_DECISION if picture.poses else 0.0, self._send, camera, picture)

    def _send(self, camera: str, picture: Picture) -> None:
        data = packed(camera, picture, self._regions[camera].active(picture.stamp))
        for client in self.clients:
            client.offer(camera, data)

    # To the browsers.

    def join(self, client: Client) -> None:
        """A browser has come."""
        self.clients.add(client)
        self._anybody.set()
        client.state = self._state()
        client.wake.set()

    def leave(self, client: Client) -> None:
        """It has gone."""
        self.clients.discard(client)
        self.look()

    def look(self) -> None:
        """Says which cameras are being looked at now, if that has changed: a new one at once, the end of one later.

        So a page that goes from one to another and back, as fast as it may, has nothing begun and ended each time.
        """
        watched = self._looked_at()
        if not watched <= self._watched:
            self._say(self._watched | watched)
        if watched != self._watched and self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(_LINGER, self._left)

    def _left(self) -> None:
        self._leaving = None
        if self._looked_at() != self._watched:
            self._say(self._looked_at())

    def _looked_at(self) -> frozenset[str]:
        return frozenset().union(*(client.watched for client in self.clients))

    def _say(self, watched: frozenset[str]) -> None:
        self._watched = watched
        self._watch(watched)

    async def tell(self) -> None:
        """Sends the state as it changes, and at least once a second; sleeps while nobody looks."""
        while True:
            if not self.clients:
                self._anybody.clear()
                await self._anybody.wait()
            await asyncio.sleep(_STATE_PERIOD)
            clock = time.monotonic()
            if self.clients and (self.board.version != self._told or clock - self._told_at >= _PULSE):
                self._told, self._told_at = self.board.version, clock
                text = self._state()
                for client in self.clients:
                    client.state = text
                    client.wake.set()

    def _state(self) -> str:
        return dumps({"type": "state", "time": time.time() * 1000, **self.board.state()})


def packed(camera: str, picture: Picture, active: tuple[str, ...]) -> bytes:
    """A picture as it is sent: the length of the head (uint32, little-endian), the head (JSON), the JPEG."""
    head: dict[str, Any] = {
        "camera": camera,
        "stamp": picture.stamp / 1e6,
        "sent": time.time() * 1000,
        "active": active,
        "poses": picture.poses,
    }
    text = dumps(head).encode()
    return struct.pack("<I", len(text)) + text + picture.jpeg
