"""The serial port of a Harp device, for the library's `Device`: opened for this program alone."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from dlstream_outputs.port_users import open_alone

_BAUD_RATE = 1_000_000
_WRITE_TIMEOUT = 0.2
_LONGEST_MESSAGE = 257
_READ_TIMEOUT = 0.05
"""Seconds after which the thread that reads looks whether it is to end."""


class HarpPort:
    """A transport as harp.device has it. That of harp-serial opens a port which another program uses, and shares it.

    Attributes:
        failed: why nothing can be read any more; empty while the port works.
    """

    def __init__(self, port: str) -> None:
        self._name = port
        self._port: Any = None
        self._resync = False
        self.failed = ""

    def open(self) -> None:
        """Opens it.

        Raises:
            TransportError: it can't be opened; its cause says why.
        """
        from harp.device.client import TransportError

        try:
            self._port = open_alone(self._name, _BAUD_RATE, timeout=_READ_TIMEOUT, write_timeout=_WRITE_TIMEOUT)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise TransportError(str(error)) from error
        with suppress(OSError, ValueError, AttributeError):  # else a USB adapter keeps each answer for up to 16 ms
            self._port.set_low_latency_mode(True)

    def write(self, data: bytes) -> None:
        """Sends a message.

        Raises:
            TransportError: the port is gone, or takes nothing.
        """
        from harp.device.client import TransportError

        try:
            self._port.write(data)
        except OSError as error:
            self.failed = self.failed or str(error)
            raise TransportError(str(error)) from error

    def read(self) -> bytes:
        """What has come; empty after a while without anything.

        Raises:
            TransportError: the port is gone.
        """
        from harp.device.client import TransportError

        try:
            came = bytes(self._port.read(self._port.in_waiting or 1))
        except (OSError, TypeError) as error:  # TypeError: pyserial, where it is closed meanwhile
            self.failed = self.failed or str(error)
            raise TransportError(str(error)) from error
        if self._resync:
            self._resync = False
            return bytes(_LONGEST_MESSAGE) + came
        return came

    def resync(self) -> None:
        """Lets the library find the next message where a damaged length makes it wait for bytes that never come.

        Zeros begin no message: they are read as the rest of what it waits for, whose checksum then shows the damage.
        """
        self._resync = True

    def close(self) -> None:
        """Closes it."""
        if self._port is not None:
            self._port.close()
