"""The measurement: trial flashes that show where the light is, then flashes at drawn times."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from dlstream.latency.detectors import Change, Detector
from dlstream.latency.flashes import Flash
from dlstream.latency.node import Answer, Fault, LatencyNode, PoseArrived
from dlstream_common import OFF, DlstreamError, Frame

_PAUSE = (0.2, 0.5)
"""Seconds of dark before a flash, drawn each time, so that flashes fall anywhere between two pictures."""
_ANSWER_TIMEOUT = 3.0
"""Seconds after which a light, a pose or an answer is not waited for any longer."""
_START = 60.0

Progress = Callable[[int, int], None]
"""Called with the number of flashes that are done, and of all."""


class MeasurementError(DlstreamError):
    """The measurement can't go on."""


class Measurement:
    """Flashes the light and notes when it is seen.

    Args:
        action, values: the command that switches the light on; "off" switches it off.
        with_pose: wait for a pose of a picture that was taken while the light was on, and switch off by it.
        detector: sees the light.
        seed: of the drawn times.
        stopped: whether the rig has ended, or the user has.
    """

    def __init__(
        self,
        node: LatencyNode,
        action: str,
        values: Mapping[str, str],
        with_pose: bool,
        detector: Detector,
        seed: int,
        stopped: Callable[[], bool],
    ) -> None:
        self._node, self._action, self._values = node, action, values
        self._with_pose, self._detector, self._stopped = with_pose, detector, stopped
        self._random = random.Random(seed)
        self._found = False
        self._flash = Flash(0)
        self._on = self._off = 0
        self._switching, self._ended = threading.Lock(), False
        self._poses: dict[int, int] = {}
        self._posed = False
        self.faults: list[str] = []
        """Faults that the rig's nodes reported meanwhile: a flash that one cut short shows in the figures."""
        self.flashes: list[Flash] = []
        """What has been measured so far."""

    def wait_for_rig(self) -> None:
        """Waits until the detector, the pose node and the output are there, and what they send arrives.

        Raises:
            MeasurementError: one of them is not there in time.
        """
        end = time.monotonic() + _START
        while lacks := self._lacks():
            self._refuse_the_end()
            if time.monotonic() > end:
                raise MeasurementError(f"waited {_START:g} s for {lacks}")
            self._look(0.1)

    def _lacks(self) -> str:
        first_pose = "" if self._posed or not self._with_pose else "a first pose"
        return self._node.lacks or self._detector.lacks or first_pose

    def find(self) -> str:
        """Finds the light by a few trial flashes; says where it is.

        Raises:
            LightError: none is seen.
            MeasurementError: the output refuses the command, or the rig has ended.
        """
        where = self._detector.find(self)
        self._found = True
        return where

    def switch(self, on: bool) -> None:
        """Switches the light of a trial flash."""
        self._refuse_the_end()
        if on:
            self._send_on()
        else:
            self._node.send(OFF, {})

    def run(self, count: int, progress: Progress = lambda done, total: None) -> None:
        """Measures so many flashes; fewer if the user or the rig ends it.

        Raises:
            MeasurementError: the output refuses a command, as when it is ending; what was measured is in `flashes`.
        """
        if not self._found:
            raise MeasurementError("no light was found yet; call find() first")
        while len(self.flashes) < count and not self._is_ending():
            progress(len(self.flashes), count)
            self.pause(self._random.uniform(*_PAUSE))
            if self._is_ending():
                break
            flash = self._one()
            if flash.complete or not self._is_ending():  # else the end of the rig has cut it short
                self.flashes.append(flash)
        progress(len(self.flashes), count)

    def _one(self) -> Flash:
        self._poses.clear()
        self._flash, self._off = Flash(0), 0
        sent = self._send_on()
        self._flash = replace(self._flash, sent=sent)
        self.until(lambda: bool(self._flash.lit))
        if self._flash.lit and self._with_pose:
            self.until(lambda: bool(self._pose_of_light()))
            self._flash = replace(self._flash, pose=self._pose_of_light())
        self._off, off_sent = self._node.send(OFF, {})
        self._flash = replace(self._flash, off_sent=off_sent)
        self.until(lambda: bool(self._flash.dark_again) or not self._flash.lit)
        self.until(lambda: bool(self._flash.applied and self._flash.off_applied))
        return self._flash

    def _pose_of_light(self) -> int:
        """When a first pose of a picture with the light arrived; 0: not yet. A busy pose node leaves pictures out."""
        return min((arrived for frame, arrived in self._poses.items() if frame >= self._flash.lit), default=0)

    def end(self) -> None:
        """Switches the light off, and never on again; from any thread, as soon as the rig is to end."""
        with self._switching:
            self._ended = True
            self._node.send(OFF, {})

    def _send_on(self) -> int:
        with self._switching:
            if self._ended:
                raise MeasurementError("the rig has ended in the middle of a flash")
            self._on, sent = self._node.send(self._action, self._values)
        return sent

    def _is_ending(self) -> bool:
        return self._stopped() or bool(self._node.lacks)

    def _refuse_the_end(self) -> None:
        if self._stopped():
            raise MeasurementError("the rig has ended before anything was measured")

    def pause(self, seconds: float) -> None:
        """Takes what is seen for so long."""
        end = time.monotonic() + seconds
        while not self._stopped() and (left := end - time.monotonic()) > 0:
            self._look(left)

    def until(self, condition: Callable[[], bool]) -> bool:
        """Takes what is seen until the condition holds; whether it does in time."""
        end = time.monotonic() + _ANSWER_TIMEOUT
        while not condition() and not self._stopped() and (left := end - time.monotonic()) > 0:
            self._look(min(left, 0.1))
        return condition()

    def _look(self, seconds: float) -> None:
        """Takes one thing that was seen, waiting so long at most."""
        try:
            seen = self._node.seen.get(timeout=seconds)
        except queue.Empty:
            return
        match seen:
            case Frame() | Change():
                self._flash = self._detector.see(seen, self._flash)
            case PoseArrived(frame, arrived):
                self._posed = True
                self._poses[frame] = arrived
            case Answer(_, _, problem) if problem:
                raise MeasurementError(f"the output refused a command: {problem}")
            case Answer(identity, applied, _) if identity == self._on and self._flash.sent:
                self._flash = replace(self._flash, applied=applied)
            case Answer(identity, applied, _) if identity == self._off:
                self._flash = replace(self._flash, off_applied=applied)
            case Fault(text):
                self.faults.append(text)
            case _:
                pass
