"""An output whose mistakes end in one message: whatever it raises unforeseen or returns wrongly is a PartFault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlstream_common import DlstreamError, now
from dlstream_common.part_faults import Author, PartFault, is_stamp
from dlstream_outputs.actions import Action
from dlstream_outputs.outputs._base import Output, OutputSettings, Report

_STAMP = "when it took effect, a whole number of nanoseconds since the epoch, such as dlstream_common.now()"


class GuardedOutput(Output[OutputSettings]):
    """Calls an output. After its first fault, further ones are not reported: `off` and `close` are still called.

    Args:
        kind: the output's class.
        author: whose it is.

    Raises:
        PartFault: it can't be made.
    """

    def __init__(
        self, kind: type[Output[Any]], author: Author, settings: OutputSettings, log: Callable[[str], None]
    ) -> None:
        super().__init__(settings, log)
        self._author, self._failed = author, 0
        with author.calling("__init__"):
            self._own = kind(settings, log)

    def open(self) -> None:
        with self._author.calling("open"):
            self._own.open()

    def apply(self, action: Action) -> int:
        return self._stamp("apply", lambda: self._own.apply(action))

    def off(self) -> int:
        try:
            return self._stamp("off", self._own.off)
        except PartFault:
            if self._failed > 1:
                return now()
            raise

    def close(self) -> None:
        try:
            with self._author.calling("close"):
                self._own.close()
        except PartFault:
            if not self._failed:
                raise

    def keep_alive(self) -> None:
        with self._author.calling("keep_alive"):
            self._own.keep_alive()

    def has_ended(self) -> bool:
        with self._author.calling("has_ended"):
            found = self._own.has_ended()
        if not isinstance(found, bool):
            raise self._author.returned("has_ended", found, "True or False")
        return found

    def fault(self) -> str:
        with self._author.calling("fault"):
            found = self._own.fault()
        if not isinstance(found, str):
            raise self._author.returned("fault", found, "text, empty if nothing is wrong")
        return found

    def report(self) -> Report | None:
        with self._author.calling("report"):
            found = self._own.report()
        if found is not None and not (isinstance(found, Report) and is_stamp(found.stamp)):
            raise self._author.returned("report", found, "a Report with a time, or None")
        return found

    @property
    def hardware_id(self) -> str:
        with self._author.calling("hardware_id"):
            found = self._own.hardware_id
        if not isinstance(found, str):
            raise self._author.returned("hardware_id", found, "text")
        return found

    def _stamp(self, method: str, call: Callable[[], int]) -> int:
        try:
            stamp = call()
        except DlstreamError:
            raise
        except (Exception, SystemExit) as error:
            self._failed += 1
            raise self._author.raised(method, error, _STAMP) from error
        if not is_stamp(stamp):
            self._failed += 1
            raise self._author.returned(method, stamp, _STAMP)
        return int(stamp)
