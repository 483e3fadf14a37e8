"""A Harp Behavior board at its serial port: registers that it answers for, and one board for all of this process."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from dlstream_common import now
from dlstream_common.device_clock import RoundTripClock
from dlstream_outputs.outputs._base import OutputError
from dlstream_outputs.outputs._harp_port import HarpPort
from dlstream_outputs.outputs._harp_registers import (
    CAMERAS,
    FIRMWARE,
    NAME_ADDRESS,
    NAME_LENGTH,
    OLDEST_FIRMWARE,
    OPERATION,
    PULSE_ENABLE,
    PWM_STOP,
    SERVOS,
    STANDBY,
    TICKS,
    WHO,
    WHO_AM_I,
    Line,
    Register,
)
from dlstream_outputs.port_users import why_not_opened
from dlstream_outputs.shared_boards import SharedBoards

PATIENT = 2.0
"""Seconds for an answer while nothing is on: before a run, a busy computer is no fault."""
IDENTIFY = 2.0
"""Seconds for the first answer of what may be no Harp device."""
_LOOK = 0.5
"""Seconds between two questions whether the board is still there, and as it was set up."""
_UNUSED_WIDTH = 1
"""Milliseconds of a pulse before the first command: harmless, and no line's after a restart."""

_boards: SharedBoards[HarpBoard] = SharedBoards()


def claim(port: str, log: Callable[[str], None]) -> HarpBoard:
    """The board at a port, opened once for all outputs of this process.

    Raises:
        OutputError: no Harp Behavior is there, or somebody else uses it.
    """
    return _boards.claim(os.path.realpath(port), lambda: HarpBoard(port, log))


def release(board: HarpBoard) -> None:
    """As SharedBoards.release."""
    _boards.release(board)


@dataclass(frozen=True)
class Answered:
    """What the board did with one message.

    Attributes:
        value: of the register, as the board tells it.
        ticks: of the board's clock when it did so, of 32 us each.
        sent, came: when it was asked and had answered, by this computer's monotonic clock.
        stamp: when it did so, in nanoseconds since the epoch.
    """

    value: int
    ticks: int
    sent: float
    came: float
    stamp: int

    def since(self, before: Answered) -> float:
        """Seconds at most between what the board did before and this, by whichever clock shows less."""
        host, device = self.came - before.sent, (self.ticks - before.ticks) / TICKS
        return min(host, device) if device >= 0 else host


@dataclass
class _Taken:
    """A line that an output has, and what is known of it.

    Attributes:
        line: which.
        width: milliseconds that its pulse register was last set to; 0: not known.
        looked: when it was last looked at, by the monotonic clock.
        jumps: how often the board's clock had jumped when the line was last found as it should be.
        restarted: that the board was; for good.
        unanswered: why the last look failed otherwise; empty: it did not.
    """

    line: Line
    width: int = 0
    looked: float = 0.0
    jumps: int = 0
    restarted: str = ""
    unanswered: str = ""

    @property
    def trouble(self) -> str:
        """Why nothing may be switched on."""
        return self.restarted or self.unanswered


class HarpBoard:
    """An open board, in standby: it sends no events. Its methods may be called by several threads.

    Args:
        port: of the board.
        log: writes a line for the user.

    Raises:
        OutputError: it can't be opened, or is no Harp Behavior.

    Attributes:
        description: what it is, for the user.
    """

    def __init__(self, port: str, log: Callable[[str], None]) -> None:
        from harp.device.client import Device, TransportError

        # It logs each lost cable with a traceback, which is told as a fault.
        logging.getLogger("harp.device.client").setLevel(logging.CRITICAL)
        self._port, self._log = port, log
        self._lock = threading.RLock()
        self._clock = RoundTripClock(nanoseconds_per_tick=1_000_000_000 // TICKS, bits=48, max_drift=0.001)
        self._taking = threading.Lock()
        self._taken: dict[str, _Taken] = {}
        self._jumps = 0  # of its clock: each may be a restart
        self._transport = HarpPort(port)
        self._device = Device(self._transport)
        try:
            self._device.open()
        except TransportError as error:
            raise OutputError(f"port: {_reason(port, error.__cause__ or error)}") from error
        try:
            self.description = self._identity()
            self.write(OPERATION, self.read(OPERATION).value & STANDBY)
        except Exception:
            self._device.close()
            raise

    def _identity(self) -> str:
        try:
            kind = self.read(WHO, IDENTIFY).value
        except OutputError as error:
            wanted = f"expected a Harp Behavior board (WhoAmI {WHO_AM_I})"
            raise OutputError(f"port: {self._port} does not answer as a Harp device does; {wanted}") from error
        name = self._name()
        if kind != WHO_AM_I:
            found = f"found the Harp device '{name}' (WhoAmI {kind}) at {self._port}"
            raise OutputError(f"port: {found}; expected a Harp Behavior (WhoAmI {WHO_AM_I})")
        version = self.read(FIRMWARE[0]).value, self.read(FIRMWARE[1]).value
        if version < OLDEST_FIRMWARE:
            oldest = ".".join(map(str, OLDEST_FIRMWARE))
            found = f"found firmware {version[0]}.{version[1]} on the Harp Behavior at {self._port}"
            raise OutputError(f"port: {found}; expected {oldest} or later, which ends pulses itself. Update it")
        return f"Harp Behavior '{name}', firmware {version[0]}.{version[1]}, at {self._port}"

    def _name(self) -> str:
        """The name that its users gave it; empty where it has none."""
        from harp.protocol import RegisterU8Array

        with suppress(OutputError):
            reply = self._ask(f"DeviceName ({NAME_ADDRESS})", RegisterU8Array(NAME_ADDRESS, length=NAME_LENGTH))
            return bytes(reply.payload).partition(b"\0")[0].decode("ascii", errors="replace")
        return ""

    # Lines.

    def take(self, line: Line) -> None:
        """Takes a line, whose pulses the board ends itself from now on; it is not switched.

        Raises:
            OutputError: another output has it, or something else on the board drives it.
        """
        with self._taking:  # two at once would undo each other's PULSE_ENABLE
            if line.name in self._taken:
                raise OutputError(f"line: {line.name} of the {self.description}, has another output already")
            if line.timer:
                self._not_driven(line)
            taken = _Taken(line, jumps=self._jumps)
            self.write(PULSE_ENABLE, self.read(PULSE_ENABLE).value | line.bit)
            self._set_width(taken, _UNUSED_WIDTH, PATIENT)
            taken.looked = time.monotonic()
            self._taken[line.name] = taken

    def _not_driven(self, line: Line) -> None:
        self.write(PWM_STOP, line.timer)
        for register, what in ((CAMERAS, "triggers a camera"), (SERVOS, "drives a servo motor")):
            if self.read(register).value & line.timer:
                raise OutputError(
                    f"line: {line.name} of the {self.description}, {what} ({register.name}); expected a line that "
                    "nothing drives. Switch that off in the program that uses it, or choose another line"
                )

    def give_back(self, line: Line) -> None:
        """Another output may have it."""
        with self._taking:
            self._taken.pop(line.name, None)

    def look(self, line: Line, timeout: float) -> None:
        """Asks now and then whether the board is there and still ends the line's pulses, as it was told.

        Raises:
            OutputError: it is gone, does not answer, or was restarted; also between two questions.
        """
        if self._transport.failed:
            raise OutputError(self._gone(self._transport.failed))
        taken = self._taken.get(line.name)
        if taken is None:
            return
        if not taken.restarted and time.monotonic() - taken.looked >= _LOOK:
            self._look(taken, timeout)
        self._confirm(taken, timeout)

    def prepare(self, line: Line, width: int, timeout: float) -> None:
        """Makes sure that the board will end what is switched on next after `width` milliseconds.

        Raises:
            OutputError: as of `look`; nothing may be switched on then.
        """
        taken = self._taken[line.name]
        self._confirm(taken, timeout)
        if taken.width != width:
            self._check_width(taken, timeout)  # what is written now would hide a restart
            self._set_width(taken, width, timeout)
            self._confirm(taken, timeout)

    def confirm(self, line: Line, timeout: float) -> None:
        """Looks at a line at once if the board's clock has jumped since the last look, as after a restart.

        Raises:
            OutputError: as of `look`; nothing may be switched on then.
        """
        self._confirm(self._taken[line.name], timeout)

    def _confirm(self, taken: _Taken, timeout: float) -> None:
        if taken.trouble:
            raise OutputError(taken.trouble)
        if taken.jumps != self._jumps:
            self._look(taken, timeout)

    def _look(self, taken: _Taken, timeout: float) -> None:
        taken.looked, jumps = time.monotonic(), self._jumps
        try:
            if not self.read(PULSE_ENABLE, timeout).value & taken.line.bit:
                self._was_restarted(f"{PULSE_ENABLE.name} has no {taken.line.name} any more")
            self._check_width(taken, timeout)
        except OutputError as error:
            taken.unanswered = str(error)
            raise
        taken.jumps, taken.unanswered = jumps, ""

    def _check_width(self, taken: _Taken, timeout: float) -> None:
        """SupplyPort0 to 2 are in OutputPulseEnable after a restart, too, with pulses of another width."""
        with self._lock:  # another thread may be setting it
            found = self.read(taken.line.pulse, timeout).value
            if taken.width and found != taken.width:
                self._was_restarted(f"{taken.line.pulse.name} is {found}; expected {taken.width}, as it was set")

    def _set_width(self, taken: _Taken, width: int, timeout: float) -> None:
        with self._lock:
            taken.width = 0
            self.write(taken.line.pulse, width, timeout)
            taken.width = width

    def _was_restarted(self, found: str) -> NoReturn:
        """Of all lines, as each has lost what it was told: also one that is by chance as it should be."""
        text = f"the {self.description}, was restarted, and everything on it is off: {found}. Restart the rig"
        for taken in list(self._taken.values()):
            taken.restarted = taken.restarted or text
        raise OutputError(text)

    # Registers.

    def read(self, register: Register, timeout: float = PATIENT) -> Answered:
        """Asks for a register.

        Raises:
            OutputError: the board refuses it, does not answer within `timeout` seconds, or is gone.
        """
        return self._answered(register, None, timeout)

    def write(self, register: Register, value: int, timeout: float = PATIENT) -> Answered:
        """Writes a register; returns once the board has said that it has this value.

        Raises:
            OutputError: as of `read`, or the board answers with another value.
        """
        return self._answered(register, value, timeout)

    def _answered(self, register: Register, value: int | None, timeout: float) -> Answered:
        from harp.protocol import RegisterU8, RegisterU16

        kind = (RegisterU8 if register.bits == 8 else RegisterU16)(register.address)
        with self._lock:
            begin, sent = now(), time.monotonic()
            reply = self._ask(f"{register.name} ({register.address})", kind, value, timeout)
            end, came = now(), time.monotonic()
            found = int(reply.payload)
            if value is not None and (found ^ value) & register.kept:
                raise OutputError(
                    f"the Harp board at {self._port} answered {register.name} = {found}; expected {value}. What it "
                    "does is not known"
                )
            if reply.timestamp is None:
                raise OutputError(f"the Harp board at {self._port} answered {register.name} without its time")
            ticks = round(reply.timestamp * TICKS)
            if (jump := self._clock.add(ticks, begin, end)) is not None:  # restarted, or set by a synchroniser
                self._jumps += 1  # a count, as lines may be taken and given back meanwhile
                self._log(f"{self._port}: {jump.text}")
            return Answered(found, ticks, sent, came, self._clock.to_host(ticks))

    def _ask(self, what: str, register: Any, value: int | None = None, timeout: float = PATIENT) -> Any:
        """The board's reply."""
        from harp.device.client import DeviceError, TransportError
        from harp.protocol import HarpParseError

        self._device.REPLY_TIMEOUT = timeout
        try:
            return self._device.read(register) if value is None else self._device.write(register, value)
        except DeviceError as error:
            told = "" if value is None else f" = {value}"
            raise OutputError(f"the Harp board at {self._port} refused the register {what}{told}") from error
        except TimeoutError as error:
            self._transport.resync()
            raise OutputError(
                f"the Harp board at {self._port} did not answer for the register {what} within {timeout:g} s; is it "
                "without power, or its cable loose?"
            ) from error
        except HarpParseError as error:
            raise OutputError(f"the Harp board at {self._port} answered wrongly for {what} ({error})") from error
        except TransportError as error:
            raise OutputError(self._gone(str(error))) from error

    def _gone(self, reason: str) -> str:
        return f"the Harp board at {self._port} is gone ({reason}); is it unplugged?"

    def close(self) -> None:
        """Closes the port; switches nothing."""
        self._device.close()


def _reason(port: str, error: BaseException) -> str:
    absent = ". Plug the board in, and look with: ls -l /dev/serial/by-id"
    return why_not_opened(port, error, absent, "a second rig, Bonsai")
