"""The fault events of poses that can't be used, at most one every few seconds of each kind and camera."""

from __future__ import annotations

from collections.abc import Collection

from dlstream_common import Cause, Event, event_kinds, suggest
from dlstream_experiment.model.names import SECOND
from dlstream_experiment.runtime.inputs import Poses

_REPORT_EVERY = 5 * SECOND
"""A fault that goes on is reported again after this time, with a count."""


class PoseFaults:
    """Makes the fault events of one run.

    Attributes:
        stale: how many poses were too old, or stamped too early.
    """

    def __init__(self, max_age: float) -> None:
        self.stale = 0
        self._max_age = max_age
        self._reported: dict[tuple[str, str], tuple[int, int]] = {}  # when it was reported, and how often not since

    def clock_set_back(self, stamp: int, clock: str, back: int) -> Event:
        """A clock, such as "this machine", was set back by some nanoseconds."""
        reason = f"the clock of {clock} was set back by {back / SECOND:.3f} s; the run's own time goes on without that"
        return Event(stamp, event_kinds.FAULT, "clock", {"reason": reason})

    def too_early(self, stamp: int, now: int, cause: Cause, item: Poses) -> list[Event]:
        """A frame is stamped later than its pose came."""
        self.stale += 1
        ahead = (cause.stamp - item.ahead - stamp) / SECOND
        reason = f"a frame of camera '{cause.camera}' is stamped {ahead:.3f} s later than its pose came"
        limit = f"{self._limit(item)}, and the clocks of camera and experiment differ by more"
        return self._repeated("early", stamp, now, f"{reason}; {limit}", cause)

    def too_old(self, stamp: int, now: int, cause: Cause, item: Poses) -> list[Event]:
        """A pose came too long after its frame, or the pose node found so."""
        self.stale += 1
        age = (stamp - cause.stamp + item.ahead) / SECOND
        reason = f"a pose of camera '{cause.camera}' came {age:.3f} s after its frame"
        limit = "the pose node calls it stale" if item.poses.stale else self._limit(item)
        return self._repeated("old", stamp, now, f"{reason}; {limit}", cause)

    def out_of_order(self, stamp: int, now: int, behind: int, cause: Cause) -> list[Event]:
        """A frame is stamped no later than one before it."""
        order = f"is stamped {behind / SECOND:.3f} s before" if behind else "has the stamp of"
        reason = f"a frame of camera '{cause.camera}' {order} one that came before it: no motion is measured on it"
        return self._repeated("order", stamp, now, reason, cause)

    def malformed(self, stamp: int, now: int, reason: str, cause: Cause) -> list[Event]:
        """Poses whose arrays do not fit their keypoints."""
        return self._repeated("malformed", stamp, now, reason, cause)

    def silent(self, stamp: int, camera: str, timeout: float) -> Event:
        """A camera sent no pose for `timeout` seconds."""
        values = {"camera": camera, "reason": f"no pose of camera '{camera}' for {timeout:g} s: outputs off"}
        return Event(stamp, event_kinds.FAULT, "pose", values)

    def missing_keypoint(self, stamp: int, keypoint: str, trigger: str, known: Collection[str], cause: Cause) -> Event:
        """The poses lack a keypoint that a trigger needs."""
        reason = (
            f"the poses of camera '{cause.camera}' have no keypoint '{keypoint}', which trigger '{trigger}' needs. "
            + suggest(keypoint, list(known))
        ).rstrip()
        return Event(stamp, event_kinds.FAULT, "pose", {"camera": cause.camera, "reason": reason}, cause)

    def _limit(self, item: Poses) -> str:
        """The limit, and how well the clocks of the camera's host and this one are known, where they are two."""
        known = f" (the hosts' clocks are compared to within {item.doubt / SECOND:.3f} s)" if item.doubt else ""
        return f"max_age is {self._max_age:g} s{known}"

    def _repeated(self, kind: str, stamp: int, now: int, reason: str, cause: Cause) -> list[Event]:
        """`count` says how many faults the event stands for."""
        key = (kind, cause.camera)
        last, unreported = self._reported.get(key, (now - _REPORT_EVERY, 0))
        if now - last < _REPORT_EVERY:
            self._reported[key] = (last, unreported + 1)
            return []
        self._reported[key] = (now, 0)
        values = {"camera": cause.camera, "reason": reason, "count": str(unreported + 1)}
        return [Event(stamp, event_kinds.FAULT, "pose", values, cause)]
