"""A Harp Behavior board at the far end of a pseudo-terminal, by Harp's documents: binary protocol, device, device.yml.

It shares no code with harp-protocol. Its pulses end as those of the firmware: each command that switches a line on
counts from the line's pulse register, in 16 bits, where OutputPulseEnable has the line; a clear does not end the count.
"""

from __future__ import annotations

import os
import pty
import select
import struct
import threading
import time
import tty
from collections.abc import Iterable

READ, WRITE, EVENT, ERROR = 1, 2, 3, 8
U8, U16, U32 = 1, 2, 4
TIMED = 0x10
SIZES = {U8: 1, U16: 2, U32: 4}
_NAMES = "DOPort0 DOPort1 DOPort2 SupplyPort0 SupplyPort1 SupplyPort2 Led0 Led1 Rgb0 Rgb1 DO0 DO1 DO2 DO3"
LINES = {name: bit for bit, name in enumerate(_NAMES.split())}
"""The bit of each output."""
SET, CLEAR, TOGGLE, STATE, PULSE_ENABLE, FIRST_PULSE = 34, 35, 36, 37, 45, 46
PWM_START, PWM_STOP, START_CAMERAS, ENABLE_SERVOS = 68, 69, 78, 80


class HarpBehavior:
    """The board and its port.

    Args:
        who: what it says that it is.
        firmware: its version.
        name: that its users gave it.

    Attributes:
        port: its near end, a serial port like any other.
        edges: of each line, when it changed and to what: microseconds of the board's clock, and 0 or 1.
        got: the messages that it took: type, address, number.
        refused: addresses that it answers with an error.
        dropped: addresses for which it carries out what is written, and says nothing.
        damaged: addresses whose answers arrive with a wrong checksum.
        wrong: what it answers in place of the register's number, by the address.
        stuck: lines that stay on whatever it is told.
    """

    def __init__(self, who: int = 1216, firmware: tuple[int, int] = (3, 3), name: str = "Behavior") -> None:
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        self.port = os.ttyname(self._near)
        self.edges: dict[str, list[tuple[int, int]]] = {line: [] for line in LINES}
        self.got: list[tuple[int, int, int]] = []
        self.refused: set[int] = set()
        self.dropped: set[int] = set()
        self.damaged: set[int] = set()
        self.wrong: dict[int, int] = {}
        self.stuck = 0
        self._who, self._firmware, self._name = who, firmware, name
        self._lock = threading.Lock()
        self._boot(time.monotonic() - 1000.5)
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _boot(self, since: float) -> None:
        self._since = since  # when its clock was 0
        self._on = 0
        self._ends: dict[int, int] = {}  # of each bit, when its count is over
        self._registers = {
            0: (U16, self._who),
            6: (U8, self._firmware[0]),
            7: (U8, self._firmware[1]),
            8: (U32, 0),
            10: (U8, 0b1110_0000),
            32: (U8, 0),
            **dict.fromkeys((SET, CLEAR, TOGGLE, STATE), (U16, 0)),
            PULSE_ENABLE: (U16, 0b11_1000),
            **{FIRST_PULSE + bit: (U16, 15 if 3 <= bit <= 5 else 250) for bit in range(14)},
            **dict.fromkeys((PWM_START, PWM_STOP, START_CAMERAS, 79, ENABLE_SERVOS, 81), (U8, 0)),
        }

    # What a test sees and does.

    @property
    def now(self) -> int:
        """Its clock in microseconds."""
        return int(1e6 * (time.monotonic() - self._since))

    def line(self, name: str) -> int:
        """Whether a line is on now."""
        with self._lock:
            self._count_down()
            return self._on >> LINES[name] & 1

    def levels(self, name: str) -> list[int]:
        """What a line did until now, one level after the other."""
        self.line(name)
        return [level for _, level in self.edges[name]]

    def widths(self, name: str) -> list[float]:
        """Milliseconds of each of a line's pulses that are over."""
        self.line(name)
        edges = self.edges[name]
        return [(off - on) / 1000 for (on, _), (off, _) in zip(edges[::2], edges[1::2], strict=False)]

    def register(self, address: int) -> int:
        """A register's number."""
        with self._lock:
            return self._registers[address][1]

    def put(self, address: int, value: int) -> None:
        """What another program has left in a register."""
        with self._lock:
            self._registers[address] = (self._registers[address][0], value)

    def switch(self, name: str, on: bool = True) -> None:
        """What another program has left on a line."""
        with self._lock:
            self._to(LINES[name], on, self.now)

    def restart(self) -> None:
        """Without power for a moment; its USB adapter, which has power from the computer, stays."""
        with self._lock:
            self._change(0)
            self._boot(time.monotonic())

    def synchronise(self, seconds: float) -> None:
        """Another device has set its clock; what counts down goes on."""
        with self._lock:
            ahead = int(1e6 * seconds) - self.now
            self._since = time.monotonic() - seconds
            self._ends = {bit: end + ahead for bit, end in self._ends.items()}

    def says(self, data: bytes) -> None:
        """Bytes that it sends though nobody asked."""
        os.write(self._far, data)

    def event(self, address: int, value: int) -> bytes:
        """A message of its own accord."""
        return self._message(EVENT, address, self._registers[address][0], value)

    def unplug(self) -> None:
        """The port is gone; the board runs on."""
        if self._far >= 0:
            os.write(self._ended, b".")
            self._thread.join()
            for end in (self._near, self._far, self._end, self._ended):
                os.close(end)
            self._far = -1

    # Its lines.

    def _count_down(self) -> None:
        for bit, end in sorted(self._ends.items(), key=lambda item: item[1]):
            if end <= self.now:
                del self._ends[bit]
                self._to(bit, False, end)

    def _to(self, bit: int, on: bool, moment: int) -> None:
        before, self._on = self._on, (self._on & ~(1 << bit)) | (on << bit) | self.stuck
        name = next(name for name, known in LINES.items() if known == bit)
        if before >> bit & 1 != self._on >> bit & 1:
            self.edges[name].append((moment, self._on >> bit & 1))

    def _change(self, wanted: int, begin: int = 0) -> None:
        """Sets all lines; those of `begin` count down from now."""
        moment = self.now
        for bit in range(14):
            if begin >> bit & 1 and self._registers[PULSE_ENABLE][1] >> bit & 1:
                count = (self._registers[FIRST_PULSE + bit][1] + 1) & 0xFFFF
                self._ends.pop(bit, None)
                if count:
                    self._ends[bit] = moment + 1000 * (count - 1)
            self._to(bit, bool(wanted >> bit & 1), moment)

    # Its messages.

    def _serve(self) -> None:
        buffer = b""
        while True:
            ready, _, _ = select.select([self._far, self._end], [], [])
            if self._end in ready:
                return
            buffer += os.read(self._far, 256)
            while len(buffer) >= 2 and len(buffer) >= buffer[1] + 2:
                message, buffer = buffer[: buffer[1] + 2], buffer[buffer[1] + 2 :]
                if sum(message[:-1]) & 0xFF == message[-1]:
                    with self._lock:
                        self._count_down()
                        answer = self._answer(message)
                    os.write(self._far, answer)

    def _answer(self, message: bytes) -> bytes:
        kind, _, address, port, size = message[:5]
        payload = message[5:-1]
        assert port == 0xFF, "not for a hub's device"
        assert not size & TIMED
        if address == 12 and kind == READ and size == U8:
            return self._framed(READ, address, U8, self._name.encode().ljust(25, b"\0"))
        known = self._registers.get(address)
        value = int.from_bytes(payload, "little")
        self.got.append((kind, address, value))
        if address in self.refused or known is None or known[0] != size or not self._takes(kind, address, payload):
            return self._framed(kind | ERROR, address, size, payload)
        if kind == WRITE:
            self._write(address, value)
        if address == STATE:
            self._registers[STATE] = (U16, self._on)
        if address in self.dropped or self._registers[10][1] & 0x10:
            return b""
        answer = self._message(kind, address, size, self.wrong.get(address, self._registers[address][1]))
        return answer[:-1] + bytes([answer[-1] ^ 0x55]) if address in self.damaged else answer

    def _takes(self, kind: int, address: int, payload: bytes) -> bool:
        if kind == READ:
            return not payload
        is_pulse = FIRST_PULSE <= address < FIRST_PULSE + 14
        return len(payload) == SIZES[self._registers[address][0]] and not (is_pulse and not any(payload))

    def _write(self, address: int, value: int) -> None:
        self._registers[address] = (self._registers[address][0], value)
        if address == SET:
            self._change(self._on | value, value)
        elif address == CLEAR:
            self._change(self._on & ~value)
        elif address == TOGGLE:
            self._change(self._on ^ value, ~self._on & value)
        elif address == STATE:
            self._change(value, value)
        elif address == PWM_STOP:
            running = self._registers[PWM_START][1]
            self._change(self._on & ~((running & value) << LINES["DO0"]))
            self._registers[PWM_START] = (U8, running & ~value)

    def _message(self, kind: int, address: int, size: int, value: int) -> bytes:
        return self._framed(kind, address, size, value.to_bytes(SIZES[size], "little"))

    def _framed(self, kind: int, address: int, size: int, payload: Iterable[int]) -> bytes:
        seconds, micros = divmod(self.now, 1_000_000)
        body = bytes([address, 0xFF, size | TIMED]) + struct.pack("<IH", seconds, micros // 32) + bytes(payload)
        message = bytes([kind, len(body) + 1]) + body
        return message + bytes([sum(message) & 0xFF])
