"""A board whose lines several outputs use: its handshake, its clock, its lines, and what it reports of each."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from dlstream_common import now
from dlstream_common.device_clock import ClockJump, RoundTripClock
from dlstream_outputs.board.errors import BoardError
from dlstream_outputs.board.handshake import shake_hands
from dlstream_outputs.board.lines import Answer, Numbers, Report
from dlstream_outputs.board.link import ANSWER_TIMEOUT, Link, Pending
from dlstream_outputs.board.pins import BoardEvent, Line, Rereading, in_steps

BAUD_RATE = 115_200
HANDSHAKE = 4.0
"""Seconds for which the handshake is tried: an Arduino Uno resets when its port is opened, and then waits in its
bootloader for 1 to 2 s."""
PATIENT = 2.0
"""Seconds for an answer while nothing is on: before a run, a busy computer is no fault."""
_FEED_PERIOD = 0.02
_TELL_AGAIN = 10.0
_TIME_PERIOD = 1.0
"""Seconds after which the clocks are compared again; the count wraps after 71 minutes."""
SILENCE = 2.0
"""Seconds after which a board that has not told its time no longer answers, where nobody waits for an answer."""
_LAST_CHANCE = 0.25
"""Seconds for the thread that reads: where the whole program stood still, the answer has long been there."""
_NOT_GREETED = ("hello", "first")
"""Why a board that was reset refuses each line: it has forgotten that it was greeted."""
_WAS_RESET = "the board was reset, and everything on it is off; restart the rig"


class Board:
    """A board that runs dlstream's firmware.

    Args:
        port: an open `serial.Serial`, which the board closes.
        log: writes a line for the user.

    Raises:
        BoardError: it does not answer, or runs another firmware.

    Attributes:
        version: of the firmware.
        kind: the board's chip, such as atmega328p.
        pins: what it says about its pins.
    """

    def __init__(self, port: Any, log: Callable[[str], None]) -> None:
        self.port = str(port.port)
        self.session = secrets.token_hex(4)
        self._log = log
        self._lock = threading.Lock()  # of the clock; held by nobody who waits for an answer
        self._configuring = threading.Lock()
        self._clock = RoundTripClock(nanoseconds_per_tick=1000, bits=32, max_drift=0.01)
        self._lines: dict[int, Line] = {}
        self._inputs: dict[int, str] = {}
        self._faults: dict[int, str] = {}
        self._commands: dict[int, int] = {}  # of each line, the number of the last command
        self._ended: dict[int, int] = {}  # of each line, the number of the train that has ended last
        self._hungry: set[int] = set()
        self._fed = 0.0
        self._feed_lock = threading.Lock()
        self._listeners: list[Callable[[BoardEvent], None]] = []
        self._jump_told = -_TELL_AGAIN
        self._asked_time = -math.inf
        self._asked: Pending | None = None
        self._question = -math.inf  # when the first was sent that nothing was heard after
        self._silent = self._was_reset = False
        self._doubtful: set[int] = set()  # lines that may be off by the board's own doing
        self._rereading: Rereading | None = None
        try:
            answer, rest = shake_hands(port, self.session, HANDSHAKE)
        except Exception:
            port.close()
            raise
        self.version, self.kind = answer.words[2], answer.words[3]
        self.pins, _, next_event = " ".join(answer.words[5:]).partition(" events ")
        self._reports = Numbers(int(next_event) if next_event.isdecimal() else None)
        self._levels: dict[int, str] = {}  # of the inputs, as the board told them last
        self._told = now()  # when the last report was
        self._link = Link(port, self._on_report, self._on_time, self._on_refusal, rest)
        self._link.start()
        try:
            for _ in range(5):  # the clock's first round trips
                self._link.ask("time", PATIENT)
        except BoardError:
            self._link.close()
            raise

    # Lines.

    def configure(self, line: Line) -> None:
        """Takes a pin as an output: it is off, and disarmed.

        Raises:
            BoardError: the board refuses it, or another output has the pin.
        """
        with self._configuring:
            if line.pin in self._lines:
                if self._lines[line.pin] != line:
                    raise BoardError(
                        f"pin {line.pin} of {self.port} is configured differently already; restart the rig"
                    )
                self._link.ask(f"disarm {line.pin}", PATIENT)
                return
            if len(self._lines) == 8:
                raise BoardError(f"{self.port} has 8 outputs already; expected at most 8")
            try:
                self._link.ask(line.command, PATIENT)
            except BoardError as error:
                raise BoardError(f"pin {line.pin} can't be an output: {error}; the board has {self.pins}") from error
            self._lines[line.pin] = line

    def command(self, pin: int, command: str, timeout: float = ANSWER_TIMEOUT) -> int:
        """Arms a line and carries out a command on it; returns when it took effect, nanoseconds since the epoch.

        Args:
            pin: of the line.
            command: for it, as the protocol has it.
            timeout: seconds to wait for the answer.

        Raises:
            BoardError: the board refuses it, does not answer, or is gone.
        """
        self._faults.pop(pin, None)
        doubtful = pin in self._doubtful
        self._doubtful.discard(pin)
        try:
            armed = self._link.send(f"arm {pin}")
            self._ended.pop(pin, None)
            done = self._link.send(command)
            self._commands[pin] = done.number
            self._link.answer_to(armed, timeout)
            return self._stamp(self._link.answer_to(done, timeout))
        except BoardError:
            if doubtful:  # it is no less so than before
                self._doubtful.add(pin)
            raise

    def off(self, pin: int, timeout: float = ANSWER_TIMEOUT) -> int:
        """Switches a line off and disarms it; returns when, as `command` does."""
        with self._feed_lock:
            self._hungry.discard(pin)
        return self._stamp(self._link.ask(f"disarm {pin}", timeout, urgent=True))

    def has_ended(self, pin: int) -> bool:
        """Whether the board has said that the train is over which the last command began."""
        return self._ended.get(pin, 0) == self._commands.get(pin)

    def feed(self, pin: int) -> None:
        """Says that the commander of a line is alive; the board hears it at most 20 ms after the next call.

        Nothing is sent by a thread of its own: a program that hangs no longer feeds.
        """
        with self._feed_lock:
            self._hungry.add(pin)
            if time.monotonic() - self._fed < _FEED_PERIOD:
                return
            self._fed = time.monotonic()
            try:
                self._link.send(f"alive {' '.join(map(str, sorted(self._hungry)))}")
            except BoardError as error:
                self._faults.setdefault(pin, str(error))
            self._hungry.clear()

    def fault(self, pin: int, answer_timeout: float = 0.0) -> str:
        """What has gone wrong with a line since the last call; empty if nothing has. To be asked again and again.

        Args:
            pin: of the line.
            answer_timeout: seconds that the board may take for an answer, where that is more than `SILENCE`.
        """
        self._keep_time(max(SILENCE, answer_timeout))
        if self._link.fault:
            reported = self._faults.get(pin) == ""
            self._faults[pin] = ""  # reported once
            return "" if reported else self._link.fault
        return self._faults.pop(pin, "")

    # Time and events.

    def _keep_time(self, silence: float) -> None:
        """Compares the clocks about once a second: nothing else does where no output is commanded.

        Nor would anything else notice there that the board is silent. A question without an answer is asked again: a
        single line may be damaged on its way.
        """
        self._read_again()
        steady = time.monotonic()
        unanswered = steady - self._question if self._question > self._link.heard else 0.0
        if unanswered >= silence:
            if self._asked is not None:
                self._asked.answered.wait(_LAST_CHANCE)
            if self._question > self._link.heard:
                self._silent, self._question = True, steady
                self._fail_all(f"{self.port}: the board no longer answers; is its cable loose, or is it without power?")
        elif not unanswered:
            self._silent = False
        if steady - self._asked_time < (_TIME_PERIOD / 2 if unanswered else _TIME_PERIOD):
            return
        self._asked_time = steady
        if self._question <= self._link.heard:
            self._question = steady
        with suppress(BoardError):  # what is wrong with the link is its fault
            self._asked = self._link.send("time")

    def _fail_all(self, reason: str) -> None:
        """A fault of everything on the board."""
        self._doubtful.update(self._lines)
        for pin in (*self._lines, *self._inputs):
            self._faults[pin] = reason

    def _on_refusal(self, answer: Answer) -> None:
        """Where the line of its boot was lost, what a board refuses after a reset tells it."""
        if answer.words == _NOT_GREETED and not self._was_reset:
            self._was_reset = True
            self._fail_all(_WAS_RESET)

    @property
    def is_gone(self) -> bool:
        """Whether it is unplugged, or has been silent until now."""
        return bool(self._link.fault) or self._silent

    def may_be_off(self, pin: int) -> bool:
        """Whether the board has ended what the last command began on a line, or may have and its report was lost."""
        return pin in self._doubtful

    def round_trip(self) -> float:
        """Asks the board for its time; returns the seconds that this took."""
        began = time.perf_counter()
        self._link.ask("time")
        return time.perf_counter() - began

    def listen(self, listener: Callable[[BoardEvent], None]) -> None:
        """Calls `listener` for each of the board's events, in the link's thread."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[BoardEvent], None]) -> None:
        """Calls it no more."""
        self._listeners = [known for known in self._listeners if known != listener]

    @property
    def uncertainty(self) -> int:
        """The greatest error of a stamp, in nanoseconds."""
        return self._clock.uncertainty()

    def add_input(self, pin: int, *, pull_up: bool = True, debounce: float = 0.005) -> None:
        """Reports both edges of a digital pin as events `in`; `debounce` in seconds."""
        self._add(pin, f"input {pin} {int(pull_up)} {round(debounce * 1e6)}")

    def add_threshold(self, pin: int, low: float, high: float) -> None:
        """Reports when an analog pin goes above `high` and below `low`, shares of the supply from 0 to 1."""
        self._add(pin, f"analog {pin} {in_steps(low)} {in_steps(high)}")

    def _add(self, pin: int, command: str) -> None:
        with self._configuring:
            if self._inputs.get(pin, command) != command:
                raise BoardError(f"pin {pin} of {self.port} is configured differently already; restart the rig")
            if pin not in self._inputs:
                try:
                    self._link.ask(command, PATIENT)
                except BoardError as error:
                    raise BoardError(f"pin {pin} can't be an input: {error}; the board has {self.pins}") from error
                self._inputs[pin] = command

    def read(self, pin: int) -> bool:
        """Whether an input is high.

        Raises:
            BoardError: it is no input, or the board does not answer.
        """
        pending = self._link.send(f"read {pin}", on_answer=partial(self._know, pin))
        return self._link.answer_to(pending, PATIENT).words[:1] == ("1",)

    def _know(self, pin: int, answer: Answer, at: BoardEvent | None = None) -> None:
        """Notes an input's level, in the link's thread; tells one that nobody has heard of, of `at` the latest."""
        level, known = answer.words[0] if answer.words else "", self._levels.get(pin)
        self._levels[pin] = level
        if at is not None and known is not None and level != known:
            self._tell(replace(at, word="in", values=(str(pin), level)))

    def _stamp(self, answer: Answer) -> int:
        with self._lock:
            return self._clock.to_host(answer.us)

    def _on_time(self, us: int, before: int, after: int) -> None:
        with self._lock:
            jump: ClockJump | None = self._clock.add(us, before, after)
        if jump is not None and time.monotonic() - self._jump_told > _TELL_AGAIN:
            self._jump_told = time.monotonic()
            self._log(f"{self.port}: {jump.text}")

    def _on_report(self, report: Report) -> None:
        missing = self._reports.missing_before(report.number)
        if report.word in ("watchdog", "max_on") and report.values:
            pin = int(report.values[0])
            limit = self._lines.get(pin, Line(pin))
            self._doubtful.add(pin)
            self._faults[pin] = (
                f"the board switched pin {pin} off: not fed for {limit.watchdog / 1000:g} s"
                if report.word == "watchdog"
                else f"the board switched pin {pin} off: on for {limit.max_on / 1000:g} s, its max_on"
            )
        elif report.word == "boot":
            self._was_reset = True
            self._fail_all(_WAS_RESET)
        elif report.word in ("lost", "damaged"):
            self._log(f"{self.port}: {report.word} {' '.join(report.values)}".rstrip())
        elif report.word == "end" and len(report.values) == 2:
            self._ended[int(report.values[0])] = int(report.values[1])
        elif report.word == "in" and len(report.values) == 2:
            self._levels[int(report.values[0])] = report.values[1]
        with self._lock:
            stamp = self._clock.to_host(report.us) if self._clock.is_set else now()
            event = BoardEvent(report.word, report.values, stamp, self._clock.uncertainty(report.us), report.us)
        before, self._told = self._told, stamp
        self._tell(event)
        if missing:
            doubt = event.uncertainty + max(0, stamp - before)
            self._on_gap(replace(event, word="gap", values=(str(missing),), uncertainty=doubt))

    def _on_gap(self, event: BoardEvent) -> None:
        """Reports were lost, which may have said that the board switched something off, or what an input did."""
        lost = f"{event.values[0]} of the board's reports were lost on the way"
        for pin in list(self._lines):
            self._doubtful.add(pin)
            self._faults[pin] = f"{lost}, and one may say that pin {pin} is off; is the cable of {self.port} loose?"
        self._tell(event)
        self._rereading = Rereading(set(self._inputs), event)
        self._read_again()

    def _read_again(self) -> None:
        """Asks for the next input's level after a loss, unless its answer may still come; until all are known."""
        left = self._rereading
        if left is None or (left.asked is not None and left.asked.steady + _TIME_PERIOD > time.monotonic()):
            return
        pin = min(left.pins, default=None)  # the link's thread takes them out
        if pin is None:
            return

        def on_answer(answer: Answer) -> None:
            self._know(pin, answer, at=left.event)
            left.pins.discard(pin)
            left.asked = None
            self._read_again()

        with suppress(BoardError):  # too much is under way: at the next look
            left.asked = self._link.send(f"read {pin}", on_answer=on_answer)

    def _tell(self, event: BoardEvent) -> None:
        for listener in self._listeners:
            listener(event)

    def close(self) -> None:
        """Switches everything off and lets go of the port."""
        with suppress(BoardError):  # its watchdogs do it then
            self._link.ask("off", PATIENT, urgent=True)
        self._link.close()
