"""Joins a camera's pictures with the poses and regions of that very frame, by the time of its acquisition."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Poses = Mapping[str, Any]
"""`sequence`, `latency` (ms), and `individuals`, each with `id` and `points`: [x, y, confidence] or None."""

_KEPT = 60
"""Pictures and poses that wait for each other: 2 s at 30 frames a second, as poses of a busy machine are late."""
_POSES_END = 1.0
"""Seconds without poses after which pictures are shown without them."""
_NONE_FITS = 2.0
"""Seconds without a picture that has its poses, after which one is shown without: better than none."""
_CHANGES = 256


@dataclass(frozen=True)
class Picture:
    """A picture with what belongs to it.

    Attributes:
        stamp: of the acquisition, in nanoseconds since the epoch.
        poses: of that very frame; None: no poses come.
    """

    stamp: int
    jpeg: bytes
    poses: Poses | None


class Joiner:
    """Of one camera. Whatever arrives first waits for the other; what is older than a joined picture is dropped."""

    def __init__(self) -> None:
        self._pictures: dict[int, bytes] = {}
        self._poses: dict[int, Poses] = {}
        self._last_pose = -_POSES_END
        self._since: float | None = None
        self._shown = 0

    def picture(self, stamp: int, jpeg: bytes, steady: float) -> Picture | None:
        """Takes a picture; the joined one, if its poses are there or none come."""
        if stamp <= self._shown:
            return None
        poses = self._poses.get(stamp)
        none_comes = steady - self._last_pose >= _POSES_END
        if poses is not None or none_comes or (self._since is not None and steady - self._since >= _NONE_FITS):
            return self._joined(stamp, jpeg, poses)
        self._since = steady if self._since is None else self._since
        self._pictures[stamp] = jpeg
        _keep_newest(self._pictures)
        return None

    def poses(self, stamp: int, poses: Poses, steady: float) -> Picture | None:
        """Takes poses; the joined picture, if that is there."""
        self._last_pose = steady
        jpeg = self._pictures.get(stamp)
        if jpeg is not None:
            return self._joined(stamp, jpeg, poses)
        if stamp > self._shown:
            self._poses[stamp] = poses
            _keep_newest(self._poses)
        return None

    def _joined(self, stamp: int, jpeg: bytes, poses: Poses | None) -> Picture:
        self._shown = stamp
        self._since = None
        for waiting in (self._pictures, self._poses):
            for old in [other for other in waiting if other <= stamp]:
                del waiting[old]
        return Picture(stamp, jpeg, poses)


def _keep_newest(waiting: dict[int, Any]) -> None:
    while len(waiting) > _KEPT:
        del waiting[min(waiting)]


class RegionHistory:
    """Which regions of a camera were active on which frame."""

    def __init__(self) -> None:
        self._changes: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=_CHANGES)

    def changed(self, stamp: int, active: Sequence[str]) -> None:
        """Notes which regions are active from the frame of this stamp on."""
        self._changes.append((stamp, tuple(active)))

    def active(self, stamp: int) -> tuple[str, ...]:
        """The regions that were active on the frame of this stamp."""
        for since, names in reversed(self._changes):
            if since <= stamp:
                return names
        return ()
