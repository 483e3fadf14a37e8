"""The measurement: trial flashes that show where the light is, then flashes at drawn times."""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dlstream.latency.flashes import Flash
from dlstream.latency.light import Light, LightError, find_light
from dlstream.latency.node import Answer, Fault, LatencyNode, PoseArrived
from dlstream_common import OFF, DlstreamError, Frame, Image

_TRIALS = 5
_SETTLE = 0.25
"""Seconds that a trial flash, or the dark before one, is left to show in the pictures."""
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
        with_pose: wait for the pose of the first picture with the light, and switch off by it.
        region: where to look for the light: x, y, width, height in pixels; empty: everywhere.
        seed: of the drawn times.
        stopped: whether the rig has ended, or the user has.
    """

    def __init__(
        self,
        node: LatencyNode,
        action: str,
        values: Mapping[str, str],
        with_pose: bool,
        region: Sequence[int],
        seed: int,
        stopped: Callable[[], bool],
    ) -> None:
        self._node, self._action, self._values = node, action, values
        self._with_pose, self._region, self._stopped = with_pose, region, stopped
        self._random = random.Random(seed)
        self._light: Light | None = None
        self._last: Frame | None = None
        self._flash = Flash(0)
        self._on = self._off = 0
        self._poses: dict[int, int] = {}
        self.faults: list[str] = []
        """Faults that the rig's nodes reported meanwhile: a flash that one cut short shows in the figures."""
        self.flashes: list[Flash] = []
        """What has been measured so far."""

    def wait_for_rig(self) -> None:
        """Waits until the camera, the pose node and the output are there, and pictures arrive.

        Raises:
            MeasurementError: one of them is not there in time.
        """
        end = time.monotonic() + _START
        while self._node.lacks or self._last is None:
            self._refuse_the_end()
            if time.monotonic() > end:
                raise MeasurementError(f"waited {_START:g} s for {self._node.lacks or 'a first picture'}")
            self._look(0.1)

    def find(self) -> Light:
        """Finds the light by a few trial flashes.

        Raises:
            LightError: none is seen.
            MeasurementError: the output refuses the command, or the rig has ended.
        """
        pairs: list[tuple[Image, Image]] = []
        for _ in range(_TRIALS):
            self._refuse_the_end()
            dark = self._picture_after(_SETTLE)
            self._send_on()
            lit = self._picture_after(_SETTLE)
            self._node.send(OFF, {})
            pairs.append((dark, lit))
        self._light = find_light(pairs, self._region)
        return self._light

    def run(self, count: int, progress: Progress = lambda done, total: None) -> None:
        """Measures so many flashes; fewer if the user or the rig ends it.

        Raises:
            MeasurementError: the output refuses a command, as when it is ending; what was measured is in `flashes`.
        """
        if self._light is None:
            raise LightError("no light was found yet; call find() first")
        while len(self.flashes) < count and not self._is_ending():
            progress(len(self.flashes), count)
            self._pause(self._random.uniform(*_PAUSE))
            flash = self._one()
            if flash.complete or not self._is_ending():  # else the end of the rig has cut it short
                self.flashes.append(flash)
        progress(len(self.flashes), count)

    def _one(self) -> Flash:
        self._poses.clear()
        self._flash, self._off = Flash(0), 0
        sent = self._send_on()
        self._flash = replace(self._flash, sent=sent)
        self._until(lambda: bool(self._flash.lit))
        if self._flash.lit and self._with_pose:
            self._until(lambda: bool(self._pose_of_light()))
            self._flash = replace(self._flash, pose=self._pose_of_light())
        self._off, off_sent = self._node.send(OFF, {})
        self._flash = replace(self._flash, off_sent=off_sent)
        self._until(lambda: bool(self._flash.dark_again) or not self._flash.lit)
        self._until(lambda: bool(self._flash.applied and self._flash.off_applied))
        return self._flash

    def _pose_of_light(self) -> int:
        """When a first pose of a picture with the light arrived; 0: not yet. A busy pose node leaves pictures out."""
        return min((arrived for frame, arrived in self._poses.items() if frame >= self._flash.lit), default=0)

    def _send_on(self) -> int:
        self._on, sent = self._node.send(self._action, self._values)
        return sent

    def _is_ending(self) -> bool:
        return self._stopped() or bool(self._node.lacks)

    def _refuse_the_end(self) -> None:
        if self._stopped():
            raise MeasurementError("the rig has ended before anything was measured")

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopped() and (left := end - time.monotonic()) > 0:
            self._look(left)

    def _picture_after(self, seconds: float) -> Image:
        self._pause(seconds)
        assert self._last is not None
        return self._last.image

    def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + _ANSWER_TIMEOUT
        while not condition() and not self._stopped() and (left := end - time.monotonic()) > 0:
            self._look(min(left, 0.1))

    def _look(self, seconds: float) -> None:
        """Takes one thing that was seen, waiting so long at most."""
        try:
            seen = self._node.seen.get(timeout=seconds)
        except queue.Empty:
            return
        match seen:
            case Frame():
                self._on_frame(seen)
            case PoseArrived(frame, arrived):
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

    def _on_frame(self, frame: Frame) -> None:
        before, self._last = self._last, frame
        if self._light is None or before is None or not self._flash.sent:
            return
        flash, is_on = self._flash, self._light.is_on(frame.image)
        if is_on and not flash.lit:
            self._flash = replace(flash, lit=frame.stamp, dark=before.stamp)
        elif flash.lit and not is_on and flash.off_sent and not flash.dark_again:
            self._flash = replace(flash, dark_again=frame.stamp, still_lit=before.stamp)
