"""Which connections stay: a flood of those that ask for nothing must not keep the page of a rig from its STOP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from dlstream_panel.tokens import Role

_MOST_STRANGERS = 32
"""Of one address; a browser that loads the page needs fewer than ten."""
_MOST_LOOKERS = 96
"""Of all who may only look; their pages' WebSockets are counted elsewhere."""


class Door:
    """Ends the oldest connections of an address where too many of them have not yet asked as somebody who may look.

    Those of all who may only look are limited as well, so that they leave STOP what it needs. The newest always get in,
    so that a page at a flooding address is served as well, and so is every other address: without this, one machine
    could take every file descriptor of the process.
    """

    def __init__(self) -> None:
        self._strangers: dict[asyncio.BaseTransport, str] = {}
        """By age, the oldest first."""
        self._lookers: dict[asyncio.BaseTransport, None] = {}
        """By their last request, the oldest first."""

    def enter(self, transport: asyncio.BaseTransport) -> None:
        """A connection was made."""
        address = str((transport.get_extra_info("peername") or ("",))[0])
        self._strangers = {one: place for one, place in self._strangers.items() if not one.is_closing()}
        self._strangers[transport] = address
        same = [one for one, place in self._strangers.items() if place == address]
        if len(same) > _MOST_STRANGERS:
            _end(same[0])

    def knows(self, transport: asyncio.BaseTransport, role: Role) -> None:
        """It has asked: of one who may act it stays, of one who may only look it is the newest of those."""
        self.stays(transport)
        if role is Role.CONTROL:
            return
        self._lookers = {one: None for one in self._lookers if not one.is_closing()}
        self._lookers[transport] = None
        if len(self._lookers) > _MOST_LOOKERS:
            _end(next(iter(self._lookers)))

    def stays(self, transport: asyncio.BaseTransport) -> None:
        """It is not ended from here on, as the WebSocket of a page."""
        self._strangers.pop(transport, None)
        self._lookers.pop(transport, None)

    def before(self, make: Callable[[], asyncio.BaseProtocol]) -> Callable[[], asyncio.BaseProtocol]:
        """What makes the protocol of each connection, with the door before it."""
        return lambda: _Entering(self, make)


def _end(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class Words:
    """Counts what a page says: one that talks without end would keep the others waiting.

    Args:
        most: words in a second.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count, self._since = 0, time.monotonic()

    def one_more(self) -> bool:
        """Notes a word; whether there are not too many."""
        self._count += 1
        if self._count > self._most and (now := time.monotonic()) >= self._since + 1.0:
            self._count, self._since = 1, now
        return self._count <= self._most


class _Entering(asyncio.Protocol):
    """A connection on its way through the door."""

    def __init__(self, door: Door, make: Callable[[], asyncio.BaseProtocol]) -> None:
        self._door, self._make = door, make

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        protocol = self._make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._door.enter(transport)
