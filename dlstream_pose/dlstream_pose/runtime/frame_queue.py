"""The newest frame of each camera, waiting for the workers that serve them all."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class QueuedFrame(Generic[T]):
    """A frame's message on its way into the estimator.

    Attributes:
        camera: whose frame it is.
        message: the frame as it came.
        sequence: 0, 1, 2, ... as the camera published it.
        received: nanoseconds since the epoch.
        dropped: frames of this camera left out so far, because a newer one had come.
    """

    camera: str
    message: T
    sequence: int
    received: int
    dropped: int


class LatestFrameQueue(Generic[T]):
    """Keeps one frame per camera: a newer one replaces one that still waits, and the older one is counted.

    Cameras take turns, so that a fast one cannot keep the others waiting. Any number of threads put and take; two
    frames of one camera are never out at the same time, so that its poses come in order and its filter has one user.

    Args:
        gets_all: whether every frame comes here, so that a gap in their numbers is a loss on the way; else the
            middleware keeps the newest only, and a gap is frames left out.
    """

    def __init__(self, cameras: Iterable[str], gets_all: bool = False) -> None:
        self._gets_all = gets_all
        self._turns = list(cameras)
        self._waiting: dict[str, QueuedFrame[T]] = {}
        self._last: dict[str, int] = {}
        self._dropped = dict.fromkeys(self._turns, 0)
        self._lost = dict.fromkeys(self._turns, 0)
        self._served: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, camera: str, message: T, number: int, received: int) -> None:
        """A frame has come.

        Args:
            number: 1, 2, 3, ... as its publisher counted it; 0 if unknown. A gap is frames that did not come, a
                number not higher than the last a publisher that started again.
        """
        with self._changed:
            number = self._numbered(camera, number)
            self._dropped[camera] += camera in self._waiting
            dropped = self._dropped[camera]
            self._waiting[camera] = QueuedFrame(camera, message, number - 1, received, dropped)
            self._changed.notify()

    def skip(self, camera: str, number: int) -> None:
        """A frame has come that is not to be served: it counts as left out, and not as lost. `number`: see `put`."""
        with self._changed:
            self._numbered(camera, number)
            self._dropped[camera] += 1

    def pass_over(self, camera: str, number: int) -> None:
        """A frame has come that can't be used: it is neither left out nor lost. `number`: see `put`."""
        with self._changed:
            self._numbered(camera, number)

    def _numbered(self, camera: str, number: int) -> int:
        """The number of a frame that has come; what is missing before it is counted."""
        last = self._last.get(camera, 0)
        number = number or last + 1
        missing = number - last - 1 if last and number > last else 0
        self._lost[camera] += missing if self._gets_all else 0
        self._dropped[camera] += 0 if self._gets_all else missing
        self._last[camera] = number
        return number

    def get(self) -> QueuedFrame[T] | None:
        """Waits for a frame and takes it, from the camera served longest ago; None once closed.

        The camera gets no other turn before `done`.
        """
        with self._changed:
            while not self._closed:
                for camera in self._turns:
                    if camera in self._waiting and camera not in self._served:
                        self._turns.remove(camera)
                        self._turns.append(camera)
                        self._served.add(camera)
                        return self._waiting.pop(camera)
                self._changed.wait()
            return None

    def done(self, frame: QueuedFrame[T]) -> None:
        """Marks the taken frame as served."""
        with self._changed:
            self._served.discard(frame.camera)
            self._changed.notify()

    def dropped(self, camera: str) -> int:
        """Frames of a camera left out so far."""
        with self._changed:
            return self._dropped[camera]

    def lost(self, camera: str) -> int:
        """Frames of a camera lost on the way so far; 0 where that can't be told from those left out."""
        with self._changed:
            return self._lost[camera]

    def close(self) -> None:
        """Ends the waiting; waiting frames are left out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
