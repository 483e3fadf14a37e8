"""What only one process of this computer may use, where the device itself takes commands of many."""

from __future__ import annotations

import errno
import socket
import sys


class Claim:
    """A name that one process has at a time; the kernel gives it back when that process dies. Linux only.

    Args:
        kind: of device, such as "labjack".
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._held: socket.socket | None = None

    def take(self, name: str) -> bool:
        """Takes the name; false: somebody else has it."""
        if sys.platform != "linux":
            return True
        self.give_back()
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(f"\0dlstream {self._kind} {name}")
        except OSError as error:
            held.close()
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        self._held = held
        return True

    def give_back(self) -> None:
        """Others may have it again."""
        if self._held is not None:
            self._held.close()
        self._held = None
