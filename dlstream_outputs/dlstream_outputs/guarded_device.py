"""A device under its guard: carries out orders, and switches off without one. No ROS: the node listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from dlstream_common import OFF, DlstreamError, Problem, event_kinds
from dlstream_common.part_faults import PartFault
from dlstream_outputs.actions import Action
from dlstream_outputs.guard import Guard, Order
from dlstream_outputs.memory import MemoryFile
from dlstream_outputs.outputs import NotNowError, Output, OutputError, OutputSettings


class Log(Protocol):
    """Where lines for the reader of the log go, such as the logger of a node."""

    def info(self, message: str) -> object:
        """A line that all is well."""

    def warning(self, message: str) -> object:
        """A line about what may be wrong."""

    def error(self, message: str) -> object:
        """A line about what is wrong."""


class Listener(Protocol):
    """What hears of a device: its node. It is called in the thread in which the device is used."""

    def now(self) -> int:
        """The time in nanoseconds since the epoch."""

    def get_logger(self) -> Log:
        """The log."""

    def changed(self) -> None:
        """The guard may be in another state."""

    def happened(self, stamp: int, kind: str, values: Mapping[str, str]) -> None:
        """An event of the device; `stamp` in nanoseconds since the epoch."""

    def fail(self, error: Exception) -> None:
        """The device can't be used any longer: its node has to end."""


class GuardedDevice:
    """An open output, which does only what its guard lets it do.

    Attributes:
        guard: what it may do, and what it is doing.
        memory: what it has done, for the next process of this output.
        problem: what went wrong last; empty if the last command went well.
    """

    def __init__(self, settings: OutputSettings, output: Output[Any], guard: Guard, listener: Listener) -> None:
        self.guard = guard
        self.memory = MemoryFile(settings.memory, self._say)
        self.problem = ""
        self._settings = settings
        self._output = output
        self._listener = listener
        self._failure = ""
        self._ending = False

    @contextmanager
    def changes(self) -> Iterator[None]:
        """Encloses whatever may change the guard: the listener hears of it at once."""
        yield
        self._listener.changed()

    # By an order.

    def apply(self, order: Order, ahead: int, doubt: int) -> int:
        """Carries out an order; returns when it took effect, in nanoseconds since the epoch.

        Args:
            order: what to do.
            ahead: nanoseconds by which the sender's clock is ahead of this computer's.
            doubt: greatest error of that.

        Raises:
            NotNowError: it is refused, and would not be at another moment.
            DlstreamError: it is refused, or the device failed.
        """
        if self._ending and order.action != OFF:
            raise OutputError(f"found '{order.action}' while the output is ending; expected only '{OFF}'")
        came = self._listener.now()
        if refusal := self.guard.refusal(order, came, ahead, doubt, time.monotonic()):
            raise (NotNowError if refusal.again else OutputError)(refusal.text)
        if order.action == OFF:
            applied = self._drive(OFF, self._output.off)
            self.guard.carried_out(order, time.monotonic())
            return applied
        action = self._action(order)
        self.memory.expect(self.guard, action)
        begin = time.monotonic()
        try:
            applied = self._drive(order.action, lambda: self._output.apply(action))
        except DlstreamError:
            self.guard.may_have_begun(action, begin)
            raise
        known = order.sent and self._settings.max_command_age
        self.guard.carried_out(order, time.monotonic(), action, (came - order.sent + ahead) / 1e9 if known else 0.0)
        return applied

    def _action(self, order: Order) -> Action:
        action = self._settings.read(order.action, order.values)
        if isinstance(action, Problem):
            raise OutputError(str(action))
        if exhausted := self.guard.exhausted(action, time.monotonic(), order.by_hand):
            raise OutputError(exhausted)
        return action

    def _drive(self, action: str, step: Callable[[], int]) -> int:
        """What a command makes the device do. If it fails, nobody knows what the device does: `off_after_failure`."""
        try:
            return step()
        except PartFault as fault:
            self._fail(fault)
            raise
        except DlstreamError as error:
            self._failure = f"'{action}' failed: {error}"
            raise

    def _fail(self, fault: PartFault) -> None:
        """A mistake in the output's code: the device is switched off, and the node ends."""
        with suppress(DlstreamError):
            self._output.off()
        self._listener.happened(self._listener.now(), event_kinds.FAULT, {"reason": str(fault)})
        self._listener.fail(fault)

    # By hand, and at the end.

    def arm(self) -> str:
        """Arms it by hand; returns why that can't be."""
        if self._ending:
            return "the output's node is ending"
        self.guard.arm()
        return ""

    def disarm(self, reason: str, lasts: bool = True) -> str:
        """Switches off, and stays off until it is armed by hand; returns what failed.

        Args:
            lasts: also in the output's next process.
        """
        self._off_now()
        if not self._failure:  # else `off_after_failure` tells it
            self.tell_off(reason, event_kinds.FAULT if lasts else event_kinds.OUTPUT_REPORT)
        self.guard.disarm(reason, lasts)
        return self._failure

    def tell_off(self, reason: str, kind: str = event_kinds.OUTPUT_REPORT) -> None:
        """An event that what was on was switched off; no fault at the end of a node or of a test."""
        if self.guard.on:
            kind = event_kinds.OUTPUT_REPORT if self.guard.order.source == "test" else kind
            told = f"'{self.guard.state}' was switched off: {reason}"
            self._listener.happened(self._listener.now(), kind, {"reason": told, "state": OFF})

    def end(self) -> None:
        """Switches off for good, the first time that it is called: from then on only "off" is carried out."""
        if not self._ending:
            self._ending = True
            with self.changes():
                self.disarm("its node is ending", lasts=False)
            self.off_after_failure()

    # Off without an order.

    def check(self) -> None:
        """Looks whether the device is well and whether its action is over, and takes what it has measured."""
        self.switch_off(self._fault())
        if self.guard.finished(time.monotonic()) or (self.guard.on and self._has_ended()):
            self._off_now()
            with self.changes():
                self.guard.went_off()
            if self.guard.order.source == "test":
                self._listener.get_logger().info("the test has ended: off")
            self.off_after_failure()
        self.take_reports()

    def _fault(self) -> str:
        """What is wrong with the device; its watchdog is fed if nothing is."""
        try:
            problem = self._output.fault()
            if not problem and self.guard.on:
                self._output.keep_alive()
        except PartFault as fault:
            self._fail(fault)
            return ""
        except DlstreamError as error:
            return str(error)
        return problem

    def _has_ended(self) -> bool:
        """Whether the device has said so."""
        try:
            return self._output.has_ended()
        except PartFault as fault:
            self._fail(fault)
        except DlstreamError:
            pass  # what is wrong with it is its fault
        return False

    def take_reports(self) -> None:
        """Passes on what the device measured; a remark of it is a fault, too, but ends nothing."""
        try:
            while (report := self._output.report()) is not None:
                self._listener.happened(report.stamp, event_kinds.OUTPUT_REPORT, report.values)
                if report.remark:
                    self._say(report.remark)
                    self._listener.happened(report.stamp, event_kinds.FAULT, {"reason": report.remark})
        except PartFault as fault:
            self._fail(fault)

    def switch_off(self, reason: str, told: str = "") -> None:
        """Switches off without an order if there is a reason; status, event and diagnostics report it, as `told`."""
        if not reason:
            return
        guard = self.guard
        told = told or (f"'{guard.state}' was switched off: {reason}" if guard.on else f"it was off already: {reason}")
        values = {"state": OFF}
        gone: DlstreamError | None = None
        try:
            self._output.off()
        except DlstreamError as error:
            values = {}
            gone, why = error, "" if str(error) in reason else f" ({error})"
            told = f"{reason}; it could not be switched off{why}, and its node ends"
        self.problem = told
        with self.changes():
            guard.went_off(told)
        self._listener.get_logger().error(told)
        self._listener.happened(self._listener.now(), event_kinds.FAULT, {"reason": told, **values})
        if gone is not None:
            self._listener.fail(gone)

    def off_after_failure(self) -> None:
        """Switches off after a command that the device may or may not have carried out; its "off" gets a second try."""
        failure, self._failure = self._failure, ""
        self.switch_off(failure, f"{failure}; the output was switched off")

    def _say(self, text: str) -> None:
        self.problem = text
        self._listener.get_logger().warning(text)

    def _off_now(self) -> None:
        """Switches off; a failure is kept for `off_after_failure`."""
        with suppress(DlstreamError):
            self._drive(OFF, self._output.off)
