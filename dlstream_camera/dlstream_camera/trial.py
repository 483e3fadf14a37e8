"""Tries a camera for some seconds, without ROS: its pictures, its rate and jitter, and what it loses."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_camera.camera import Camera
from dlstream_camera.sources import Format, Notice, SourceSettings, SourceState
from dlstream_common import Image

_SLOW = 0.9
"""A camera that delivers less than this part of the rate that it should have is bad."""


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Attributes:
        picture: the last frame; None if there was none.
        encoding: of the picture.
        stamps: of all frames, nanoseconds since the epoch.
        notices: what the camera reported meanwhile: lost frames, a picture that can't be right.
        asked_frames: how many should have come; 0: any number.
    """

    format: Format
    asked_fps: float
    picture: Image | None
    encoding: str
    stamps: tuple[int, ...]
    dropped: int
    state: SourceState
    notices: tuple[Notice, ...]
    asked_frames: int = 0

    @property
    def intervals(self) -> NDArray[np.float64]:
        """(N-1,) milliseconds from each frame to the next one."""
        return np.diff(np.array(self.stamps, np.int64)).astype(np.float64) / 1e6

    @property
    def fps(self) -> float:
        """Frames per second that came; 0 with fewer than two."""
        return 1e3 / float(self.intervals.mean()) if len(self.stamps) > 1 and self.intervals.mean() > 0 else 0.0

    @property
    def lost(self) -> Mapping[str, int]:
        """Frames lost, by how; "unknown" what the source counts without saying how."""
        lost: dict[str, int] = dict(self.state.lost.items())
        unknown = self.dropped - sum(lost.values())
        return {**lost, "unknown": unknown} if unknown > 0 else lost

    def problems(self) -> list[str]:
        """What is wrong, a sentence each; empty if the camera can be used."""
        found = []
        if not self.stamps:
            what = f": it waits for {self.state.waiting}, and none came" if self.state.waiting else ""
            return [f"no frame came{what}"]
        if len(self.stamps) < self.asked_frames:
            found.append(f"{len(self.stamps)} of {self.asked_frames} frames came")
        wanted = self.asked_fps or self.format.fps
        if wanted and len(self.stamps) > 1 and self.fps < _SLOW * wanted:
            found.append(f"{self.fps:.1f} frames per second came; expected {wanted:g}")
        if self.lost:
            found.append(f"{sum(self.lost.values())} frames were lost")
        if bool((self.intervals <= 0).any()):
            found.append("stamps did not rise from frame to frame")
        found += [
            notice.text for notice in self.notices if notice.kind in ("remark", "picture", "disconnected", "clock")
        ]
        return found


def try_camera(
    name: str, settings: SourceSettings, seconds: float, frames: int = 0, enough: threading.Event | None = None
) -> Trial:
    """Opens a camera, reads it for some seconds, or until it has given so many frames, and closes it.

    Args:
        seconds: how long to read; with `frames`, how long to wait for each of them.
        enough: ends the trial as soon as it is set, by any thread; then fewer frames are no problem.

    Raises:
        PartError: its library is not installed.
        SourceError: it can't be opened, does not do what is asked for, or is gone meanwhile.
    """
    notices: list[Notice] = []
    camera = Camera(name, settings, notices.append)
    enough, over, ended = enough or threading.Event(), threading.Event(), threading.Event()
    delivered = camera.open()
    end = _End(time.monotonic() + seconds)
    stopper = threading.Thread(target=_stop_after, args=(camera, end, enough, over, ended), daemon=True)
    stamps: list[int] = []
    picture, encoding, dropped = None, "", 0
    try:
        stopper.start()
        while not over.is_set() and (shot := camera.read()) is not None:
            stamps.append(shot.frame.stamp)
            picture, encoding, dropped = shot.frame.image, shot.frame.encoding, shot.dropped
            if frames:
                end.at = time.monotonic() + seconds
                if len(stamps) >= frames:
                    break
        state = camera.state()
    finally:
        ended.set()
        camera.stop()
        stopper.join()
        camera.close()
    asked = getattr(settings, "fps", 0.0) if getattr(settings, "pace", True) else 0.0
    due = 0 if enough.is_set() else frames
    return Trial(delivered, asked, picture, encoding, tuple(stamps), dropped, state, tuple(notices), due)


@dataclass
class _End:
    """When the time is over, as time.monotonic() has it."""

    at: float


def _stop_after(
    camera: Camera, end: _End, enough: threading.Event, over: threading.Event, ended: threading.Event
) -> None:
    """Wakes a waiting read when the time is over; again, since it may come before the read begins to wait."""
    while not enough.is_set() and (left := end.at - time.monotonic()) > 0:
        if ended.wait(min(left, 0.05)):
            return
    over.set()
    while not ended.wait(0.05):
        camera.stop()
