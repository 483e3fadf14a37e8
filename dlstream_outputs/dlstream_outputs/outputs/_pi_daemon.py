"""A GPIO of a Raspberry Pi in the network, by its pigpiod, which plays each action to its end by itself."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from dlstream_common import now
from dlstream_common.installing import pip_install
from dlstream_outputs.actions import Action
from dlstream_outputs.outputs._base import OutputError
from dlstream_outputs.outputs._timed_line import pulses_of

LONGEST = 1800.0
"""Seconds that a wave of pigpiod may last."""
MOST_PULSES = 2500
"""Pulses of one wave: what fits into one message to pigpiod."""
_TIMEOUT = 0.5
_CONNECT_TIMEOUT = 2.0
_VERSION = 26  # pigpiod's command PIGPV
_LOOK = 0.5
_LAST = 10
"""Microseconds after the last edge of a wave."""


def lacks_pigpio() -> str:
    """What to install for a pin over the network; empty: nothing is missing."""
    if find_spec("pigpio") is not None:
        return ""
    return f"address: found no library pigpio, by which a Pi in the network is commanded; {pip_install('pigpio')}"


class DaemonPin:
    """One pin. pigpiod plays one wave at a time, whoever sends it.

    Args:
        number: as Broadcom counts.
        active_high: whether on is high.
    """

    def __init__(self, host: str, port: int, number: int, active_high: bool) -> None:
        self._host, self._port, self._number, self._active_high = host, port, number, active_high
        self._pi: Any = None
        self._wave: int | None = None
        self._until, self._looked = 0.0, 0.0
        self._open = False
        self._told_lost = False

    def open(self) -> None:
        """Connects and switches the pin off.

        Raises:
            OutputError: pigpio is not installed, nobody answers, it is no pigpiod, it is busy, or it has no such pin.
        """
        if lacking := lacks_pigpio():
            raise OutputError(lacking)
        self._connect()
        try:
            with self._told():
                if self._pi.wave_tx_busy():
                    raise OutputError(
                        f"address: {self._host} is playing a wave, of another output or of one that died; "
                        "wait until it is over, or run on the Pi: sudo systemctl restart pigpiod"
                    )
                self._low()
        except OutputError:
            self._disconnect()
            raise
        self._open, self._told_lost = True, False

    def play(self, action: Action) -> int:
        """Sends an action, which must have an end; returns when pigpiod began with it, or will after its delay.

        Reconnects if it has to.

        Raises:
            OutputError: pigpiod refuses, plays somebody else's wave, or is gone.
        """
        start, wave = self._wave_of(action)
        if self._open and self._pi is None:
            self._connect()
        with self._told():
            self._low()
            if self._pi.wave_tx_busy():
                raise OutputError(f"address: {self._host} is playing another output's wave; it plays one at a time")
            self._pi.wave_add_new()
            self._pi.wave_add_generic(wave)
            self._wave = self._pi.wave_create()
            seconds = sum(pulse.delay for pulse in wave) / 1e6
            self._until = time.monotonic() + LONGEST  # from now on it may play, even if no answer comes
            self._pi.wave_send_once(self._wave)
            applied = now()
            self._until = time.monotonic() + seconds
        return applied + int(start * 1e9)

    def low(self) -> int:
        """Ends what is being played and switches the pin off; returns when. Reconnects if it has to.

        Raises:
            OutputError: pigpiod can't be reached. What it plays ends by itself.
        """
        if not self._open:
            return now()
        try:
            with self._told():
                self._low()
        except OutputError:
            self._disconnect()  # also where pigpiod refuses: it may have been started anew
            self._connect()
            with self._told():
                self._low()
        self._told_lost = False
        return now()

    def fault(self) -> str:
        """Whether pigpiod still answers, asked twice a second; empty if it does."""
        if not self._open or self._told_lost or time.monotonic() < self._looked + _LOOK:
            return ""
        self._looked = time.monotonic()
        try:
            with self._told():
                self._pi.get_current_tick()
        except OutputError as error:
            self._told_lost = True
            return str(error)
        return ""

    def close(self) -> str:
        """Switches off and disconnects; returns what went wrong, empty if nothing did."""
        try:
            self.low()
        except OutputError as error:
            return str(error)
        finally:
            self._disconnect()
            self._open = False
        return ""

    def _wave_of(self, action: Action) -> tuple[float, list[Any]]:
        """When the first pulse begins, in seconds, and the pulses as pigpio's pairs of a state and its microseconds."""
        import pigpio

        bit = 1 << self._number
        on, off = ((bit, 0), (0, bit)) if self._active_high else ((0, bit), (bit, 0))
        wave: list[Any] = []
        at, first = 0, None
        for start, width in pulses_of(action):
            if width is None:
                raise OutputError(
                    f"found '{action.text}' without an end; expected an end, as the output has an address"
                )
            first = start if first is None else first
            begin = round(start * 1e6)
            if begin > at:
                wave.append(pigpio.pulse(*off, begin - at))
            end = max(begin + 1, round((start + width) * 1e6))
            wave.append(pigpio.pulse(*on, end - begin))
            at = end
        wave.append(pigpio.pulse(*off, _LAST))
        return first or 0.0, wave

    def _low(self) -> None:
        import pigpio

        if time.monotonic() < self._until:
            self._pi.wave_tx_stop()
        self._pi.write(self._number, 0 if self._active_high else 1)
        self._until = 0.0
        if self._wave is not None:
            wave, self._wave = self._wave, None
            with suppress(pigpio.error):  # a daemon that was restarted does not know it
                self._pi.wave_delete(wave)

    def _connect(self) -> None:
        import pigpio

        place = f"{self._host}:{self._port}"
        try:
            self._greet()
        except socket.gaierror as error:
            raise OutputError(
                f"address: '{self._host}' is not known in this network; check the name, or give the address"
            ) from error
        except ConnectionRefusedError as error:
            raise OutputError(
                f"address: no pigpiod answers at {place}; run on the Pi: sudo systemctl enable --now pigpiod, "
                "and allow remote GPIO in raspi-config"
            ) from error
        except OSError as error:
            raise OutputError(
                f"address: {place} can't be reached ({error}); is the Pi on, and in this network?"
            ) from error
        pi = pigpio.pi(self._host, self._port, show_errors=False)
        if not pi.connected:
            raise OutputError(
                f"address: pigpiod at {place} takes no connection; run on the Pi: sudo systemctl restart pigpiod"
            )
        pi.sl.s.settimeout(_TIMEOUT)  # an answer that does not come must not hold up "off"
        with suppress(OSError, AttributeError):
            pi._notify.stop()  # its thread, which we don't need, would turn without end after the Pi is gone
        self._pi = pi

    def _greet(self) -> None:
        """Asks for pigpiod's version, with a limit of time: pigpio itself would wait for ever."""
        with socket.create_connection((self._host, self._port), _CONNECT_TIMEOUT) as connection:
            connection.sendall(struct.pack("<IIII", _VERSION, 0, 0, 0))
            try:
                answer = connection.recv(16)
            except TimeoutError:
                answer = b""
        if len(answer) != 16 or struct.unpack("<I", answer[:4])[0] != _VERSION:
            place = f"{self._host}:{self._port}"
            raise OutputError(f"address: what answers at {place} is no pigpiod; expected port, by default 8888")

    def _disconnect(self) -> None:
        if self._pi is not None:
            with suppress(OSError):
                self._pi.stop()
        self._pi = None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raises pigpio's errors as ours, and gives up a connection that has failed.

        An answer that came late on it would be taken for that of the next command, and so with each one after it.
        """
        import pigpio

        if self._pi is None:
            raise OutputError(f"address: pigpiod of {self._host} is not connected")
        try:
            yield
        except OSError as error:
            self._disconnect()
            raise OutputError(self._gone(str(error) or type(error).__name__)) from error
        except struct.error as error:  # what pigpio says when the connection has been closed
            self._disconnect()
            raise OutputError(self._gone("closed")) from error
        except pigpio.error as error:
            raise OutputError(f"pin: pigpiod of {self._host} refuses GPIO{self._number}: {error}") from error

    def _gone(self, why: str) -> str:
        return f"address: pigpiod of {self._host} does not answer any more ({why}); what it plays ends by itself"
