"""The connection to a board: numbered lines, answers to them, and a thread that reads what the board says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dlstream_common import now
from dlstream_outputs.board.errors import BoardError
from dlstream_outputs.board.lines import Answer, Report, framed, read_line

WINDOW = 8
"""Lines that may be on their way; the board's memory holds no more."""
ANSWER_TIMEOUT = 0.1
"""Seconds within which the board answers a line."""
_REASONS = {
    "load": "load; its trains would have more than 4000 pulses a second together, expected fewer or slower ones at once"
}
"""What the board says why it refuses a line, in more words where it needs them."""
_LAST_NUMBER = 65535
_LONGEST_RUBBISH = 4096


@dataclass
class Pending:
    """A line that was sent, until it is answered."""

    number: int
    payload: str
    sent: int
    steady: float
    on_answer: Callable[[Answer], None] | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None


class Link:
    """Sends lines over an open port.

    Args:
        port: a `serial.Serial` with a short timeout; the link closes it.
        on_report: called in the link's thread with what the board says by itself.
        on_time: called in the link's thread for each answer: the board's microseconds, and the nanoseconds since the
            epoch before the question and after the answer.
        on_refusal: called in the link's thread with each answer that refuses a line, also one that nobody waits for.
        said: what the board has said already.

    Attributes:
        damaged: lines of the board that were not whole.
        heard: when the board said its last whole line, in seconds of the steady clock.
        fault: why nothing can be sent any more; empty while all is well.
    """

    def __init__(
        self,
        port: Any,
        on_report: Callable[[Report], None],
        on_time: Callable[[int, int, int], object],
        on_refusal: Callable[[Answer], object] = lambda answer: None,
        said: bytes = b"",
    ) -> None:
        self._port = port
        self._on_report, self._on_time, self._on_refusal = on_report, on_time, on_refusal
        self._said = said
        self._lock = threading.Lock()
        self._waiting: dict[int, Pending] = {}
        self._number = 0
        self.damaged = 0
        self.heard = time.monotonic()
        self.fault = ""
        self._closing = False
        self._thread = threading.Thread(target=self._read, name="board", daemon=True)

    def start(self) -> None:
        """Starts to read."""
        self._thread.start()

    def ask(self, payload: str, timeout: float = ANSWER_TIMEOUT, urgent: bool = False) -> Answer:
        """Sends a command and waits for its answer; see `send`.

        Raises:
            BoardError: the board does not answer in time, refuses it, or is gone.
        """
        return self.answer_to(self.send(payload, urgent), timeout)

    def send(self, payload: str, urgent: bool = False, on_answer: Callable[[Answer], None] | None = None) -> Pending:
        """Sends a command without waiting for its answer.

        Args:
            payload: the command.
            urgent: it is sent to a board, too, that is slow to answer what was sent before.
            on_answer: called in the link's thread when it was carried out, before anything that the board says later.

        Raises:
            BoardError: the board does not answer what was sent before, or is gone.
        """
        with self._lock:
            self._check(urgent)
            self._number = self._number % _LAST_NUMBER + 1
            number = self._number
            self._waiting[number] = pending = Pending(number, payload, now(), time.monotonic(), on_answer)
            try:
                self._port.write(framed(f"{number} {payload}"))
            except OSError as error:
                self._lose(error)
                raise BoardError(self.fault) from error
            if self.fault:  # the thread that reads has just found out
                pending.answered.set()
        return pending

    def answer_to(self, pending: Pending, timeout: float = ANSWER_TIMEOUT) -> Answer:
        """Waits for the answer to a line that was sent; see `ask`."""
        if not pending.answered.wait(timeout):
            raise BoardError(f"the board has not answered '{pending.payload}' within {1000 * timeout:g} ms")
        answer = pending.answer
        if answer is None:
            raise BoardError(self.fault)
        if not answer.done:
            reason = " ".join(answer.words) or "no reason"
            raise BoardError(f"the board refuses '{pending.payload}': {_REASONS.get(reason, reason)}")
        return answer

    def close(self) -> None:
        """Ends the thread and closes the port."""
        self._closing = True
        if self._thread.ident is not None and threading.current_thread() is not self._thread:
            self._thread.join(5)
        self._port.close()

    def _check(self, urgent: bool) -> None:
        """Whether one more line may be sent; the lock is held."""
        if self.fault:
            raise BoardError(self.fault)
        for number, waiting in list(self._waiting.items()):
            if time.monotonic() - waiting.steady > 10 * ANSWER_TIMEOUT or waiting.answered.is_set():
                del self._waiting[number]  # nobody waits for it any more
        if len(self._waiting) >= WINDOW and not urgent:
            raise BoardError(f"the board has answered none of {len(self._waiting)} lines; is its cable loose?")

    def _read(self) -> None:
        rest = self._said
        while not self._closing:
            try:
                rest += self._port.read(self._port.in_waiting or 1)
            except (OSError, TypeError) as error:  # TypeError: the port was closed meanwhile
                self._lose(error)
                return
            arrived = now()
            *lines, rest = rest.split(b"\n")
            if len(rest) > _LONGEST_RUBBISH:
                rest = b""
            for line in lines:
                self._take(line, arrived)

    def _take(self, line: bytes, arrived: int) -> None:
        if not line:
            return  # a board that starts ends what its reset has cut
        said = read_line(line)
        if said is None:
            self.damaged += 1
            return
        self.heard = time.monotonic()
        if isinstance(said, Report):
            self._on_report(said)
        else:
            waiting = self._waiting.get(said.number)
            if waiting is None or waiting.answered.is_set():
                return  # it was given up
            if said.done:
                self._on_time(said.us, waiting.sent, arrived)
                if waiting.on_answer is not None:
                    waiting.on_answer(said)
            else:
                self._on_refusal(said)
            waiting.answer = said
            waiting.answered.set()

    def _lose(self, error: Exception) -> None:
        if not self._closing and not self.fault:
            self.fault = f"{self._port.port}: the board is gone ({error}); is it unplugged?"
        for waiting in list(self._waiting.values()):
            waiting.answered.set()
