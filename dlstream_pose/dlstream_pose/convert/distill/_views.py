"""Views of the frames, turned, nearer or shifted, with what the teacher itself says of each of them.

A network answers otherwise if its picture is shifted or turned: an answer to the frame, moved along, is not what the
teacher would have said. Where it says so itself, every view teaches the student what the proof will ask.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.convert.distill._augment import Answer, Augmentation, Matrix, moved_points, turned, viewed
from dlstream_pose.convert.distill._kept import flush, make_array, reserve, write_text
from dlstream_pose.convert.distill._teacher import Teacher
from dlstream_pose.convert.progress import Tell

MOST = 12
"""Views of a frame, at most."""
_DISAGREES = 12.0
"""Pixels: a keypoint that the teacher sees so far from where it saw it in the frame is wrong in one of the two."""
_SAVED_EVERY = 100


class Views:
    """On disk, so that they need no memory and an interrupted work goes on.

    Attributes:
        count: how many there are.
        seconds: how long the teacher took for them.
    """

    def __init__(self, folder: Path, frames: int, how: Augmentation, lag: float, stride: float) -> None:
        self._folder, self._how, self._lag, self._stride = folder, how, lag, stride
        self._frames = frames
        self.count, self.seconds = 0, 0.0
        self._reserved = 0
        self._order: NDArray[np.int64] = np.zeros(0, np.int64)
        self._poses: NDArray[np.float32] = np.zeros((0, 1, 3), np.float32)
        self._maps: NDArray[np.uint8] | None = None

    def place(self, which: int) -> int:
        """The frame that a view is of: in each round every one, in another order."""
        while which >= len(self._order):
            rounds = len(self._order) // self._frames
            more = np.random.default_rng((2, rounds)).permutation(self._frames)
            self._order = np.concatenate([self._order, more])
        return int(self._order[which])

    def matrix(self, which: int, frame: Answer, size: tuple[int, int]) -> Matrix:
        """The view with this number, which is always the same."""
        return turned(frame, size, self._how, np.random.default_rng((3, which)))

    def ask(
        self,
        teacher: Teacher,
        images: NDArray[np.uint8],
        answers: Callable[[int], Answer],
        seconds: float,
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Runs the teacher on new views until so many seconds were spent on them, these and earlier ones together."""
        self._resume()
        size = images.shape[2], images.shape[1]
        begun, before = clock(), self.seconds
        while self.count < MOST * self._frames and self.seconds < seconds:
            tell("asking the teacher about turned views", int(self.seconds), int(seconds))
            place = self.place(self.count)
            view = self.matrix(self.count, answers(place), size)
            self._keep(*teacher.answer(viewed(np.asarray(images[place]), view, size)))
            self.seconds = before + clock() - begun
            if self.count % _SAVED_EVERY == 0:
                self._save()
        self._save()

    def answer(self, which: int, frame: Answer, view: Matrix) -> Answer:
        """What the teacher says of a view.

        Args:
            frame: its answer to the frame itself.
        """
        poses = np.asarray(self._poses[which])
        expected = moved_points(np.nan_to_num(frame.poses[:, :2]), view, self._lag)
        with np.errstate(invalid="ignore"):
            apart = np.hypot(*(poses[:, :2] - expected).T) > _DISAGREES
        sure = (poses[:, 2] >= 0.5) & (frame.poses[:, 2] >= 0.5)
        maps = None if self._maps is None else self._maps[which].astype(np.float32) / 255
        return Answer(poses, maps, self._stride, frame.keep & ~(apart & sure))

    def _paths(self) -> tuple[Path, Path, Path]:
        return self._folder / "view_poses.npy", self._folder / "view_maps.npy", self._folder / "views.json"

    def _keep(self, poses: NDArray[np.float32], maps: NDArray[np.float32] | None) -> None:
        if self.count == 0:
            most = MOST * self._frames
            shapes: list[tuple[Path, Any, Any]] = [(self._paths()[0], (most, *poses.shape), np.float32)]
            if maps is not None:
                shapes.append((self._paths()[1], (most, *maps.shape), np.uint8))
            for path, shape, kind in shapes:
                make_array(path, shape, kind)
            self._open()
        if self.count >= self._reserved:  # a slow teacher is asked about a small part of the most
            for array in (self._poses, self._maps):
                if array is not None:
                    reserve(array, self.count, _SAVED_EVERY)
            self._reserved = self.count + _SAVED_EVERY
        self._poses[self.count] = poses
        if self._maps is not None and maps is not None:
            self._maps[self.count] = np.round(255 * maps)
        elif self._maps is not None:  # what seemed to be heat maps was none
            self._paths()[1].unlink(missing_ok=True)
            self._maps = None
        self.count += 1

    def _open(self) -> None:
        poses, maps, _ = self._paths()
        self._poses = np.load(poses, mmap_mode="r+")
        self._maps = np.load(maps, mmap_mode="r+") if maps.exists() else None

    def _save(self) -> None:
        for kept in (self._poses, self._maps):
            flush(kept)
        write_text(self._paths()[2], json.dumps({"count": self.count, "seconds": self.seconds}))

    def _resume(self) -> None:
        try:
            kept = json.loads(self._paths()[2].read_text())
            count, seconds = int(kept["count"]), float(kept["seconds"])
            if count:
                self._open()
        except (OSError, ValueError, KeyError):
            return
        self.count, self.seconds, self._reserved = count, seconds, count
