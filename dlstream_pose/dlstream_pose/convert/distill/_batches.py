"""What a step learns from: views of frames by chance, with their targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.convert.distill._augment import Augmentation, after, draw_view, relit, viewed, window_size
from dlstream_pose.convert.distill._lessons import Lessons
from dlstream_pose.convert.distill._student import STRIDE
from dlstream_pose.convert.distill._targets import Target, target

_ASKED = 0.75
"""Share of the views about which the teacher was asked; the others are the frames as they are."""


class Batches:
    """Draws views; several threads may.

    Args:
        lessons: of each video.
        lag: as for `moved_points`.
        shape_of: rows and columns of the student's maps for images of a width and a height.
    """

    def __init__(
        self,
        lessons: Sequence[Lessons],
        how: Augmentation,
        lag: float,
        shape_of: Callable[[tuple[int, int]], tuple[int, int]],
    ) -> None:
        self._lessons, self._how, self._lag = lessons, how, lag
        self._windows = [window_size(one.poses[one.training], one.size) for one in lessons]
        self._shapes = {size: shape_of(size) for size in {*self._windows, *(one.size for one in lessons)}}
        counts = np.array([len(one.training) for one in lessons], np.float64)
        self._shares = counts / counts.sum()

    def draw(
        self, count: int, whole: bool, random: np.random.Generator
    ) -> tuple[list[NDArray[np.float32]], list[Target]]:
        """Images and targets of views of one video, all of whole frames or all of parts that mostly show the animal."""
        which = int(random.choice(len(self._lessons), p=self._shares))
        one, how = self._lessons[which], self._how
        window = None if whole else self._windows[which]
        shape = self._shapes[window or one.size]
        plenty = how.mirrored is None and one.views is not None and one.views.count >= len(one.training)
        images, targets = [], []
        for _ in range(count):
            image, turned, answer = one.draw(_ASKED if how.mirrored is None else _ASKED / 2, random)
            upright = True if plenty or turned is not None else None
            view, size, mirror = draw_view(answer, one.size, window, how, random, upright)
            shown = view if turned is None else after(view, turned)
            images.append(relit(viewed(np.asarray(image), shown, size), random))
            targets.append(target(answer, view, shape, STRIDE, self._lag, how.mirrored if mirror else None))
        return images, targets
