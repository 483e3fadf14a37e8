"""The training: views of frames in, the teacher's answers as targets, by the clock; interrupted, it goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.convert._weights import load_numbers
from dlstream_pose.convert.distill._augment import Augmentation
from dlstream_pose.convert.distill._batches import Batches
from dlstream_pose.convert.distill._jumps import SURE
from dlstream_pose.convert.distill._kept import write_torch
from dlstream_pose.convert.distill._lessons import Lessons
from dlstream_pose.convert.distill._schedule import Schedule
from dlstream_pose.convert.distill._student import batch_of, build, maps_shape, poses_of_images
from dlstream_pose.convert.distill._workers import Workers
from dlstream_pose.convert.progress import Tell

_PEAK_RATE = 2e-3
_BATCH, _WHOLE_BATCH = 16, 4
"""Views in a step, of each worker."""
_AVERAGED = 0.997
"""How much of the averaged weights a step keeps, once there were a thousand."""
_OFFSETS = 0.1
"""How much offsets count, relative to heat maps."""
_EVEN = 0.05
"""Offsets beyond this, in units of LOCREF_STD, count by their distance, nearer ones by its square."""
_CAPPED = 20.0
"""Pixels: a keypoint farther away is no worse."""
_VALIDATIONS = 15


@dataclass(frozen=True)
class Look:
    """What a validation saw.

    Attributes:
        median: distance to the teacher, in pixels of the network's image.
        images, teacher, student: of some frames, to be drawn.
        history: minutes and median of each validation so far.
    """

    median: float
    images: list[NDArray[np.uint8]]
    teacher: NDArray[np.float32]
    student: NDArray[np.float32]
    history: list[tuple[float, float]]


class Training:
    """A student and its way.

    Args:
        lessons: of each video.
        size: of the student.
        lag: as for `moved_points`.
        seconds: how long it learns, altogether.
        checkpoint: where the state is kept; if the file is there, the training goes on from it.
        look: called after each validation, when the state is kept.
        start: as for `build`.
        clock: in seconds.
    """

    def __init__(
        self,
        lessons: Sequence[Lessons],
        size: str,
        how: Augmentation,
        lag: float,
        seconds: float,
        checkpoint: Path,
        look: Callable[[Look], None],
        threads: int = 0,
        start: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        import torch

        torch.manual_seed(0)
        if threads:
            torch.set_num_threads(threads)
        self._lessons, self._look = lessons, look
        self._checkpoint, self._clock = checkpoint, clock
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = build(size, lessons[0].poses.shape[1], start).to(self.device, memory_format=torch.channels_last)
        self._batches = Batches(lessons, how, lag, lambda size: maps_shape(self.model, size, self.device))
        self._workers = Workers(self.model, threads or os.cpu_count() or 1)
        self.averaged = torch.optim.swa_utils.AveragedModel(self.model, multi_avg_fn=_average, use_buffers=True)
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=_PEAK_RATE, weight_decay=1e-4)
        self.schedule = Schedule(seconds)
        self.elapsed, self.processor, self.steps = 0.0, 0.0, 0
        self._counted = 0.0
        self._medians: list[tuple[float, float]] = []
        self.best: dict[str, Any] = self._weights()
        if checkpoint.exists():
            self._resume()

    def run(self, tell: Tell) -> None:
        """Trains until the time is over. Ctrl-C keeps the state, and goes through.

        Raises:
            NetworkError: the state can't be written; the former one is kept.
        """
        import torch

        begun, before = self._clock(), self.elapsed
        self._counted = time.process_time()
        self._workers.start(self.steps)
        pause = self.schedule.seconds / _VALIDATIONS
        due = self.elapsed + pause
        self.model.train()
        try:
            while self.elapsed < self.schedule.end:
                whole = self.schedule.whole(self.elapsed)
                for group in self._optimizer.param_groups:
                    group["lr"] = _PEAK_RATE * self.schedule.rate(self.elapsed)
                self._workers.step(partial(self._learn, whole))
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self._optimizer.step()
                self.averaged.update_parameters(self.model)
                self.steps += 1
                self.elapsed = before + self._clock() - begun
                if self.elapsed >= due or self.elapsed >= self.schedule.end:
                    seen = self._validate()
                    self.elapsed = before + self._clock() - begun
                    due = self.elapsed + pause
                    self._save()
                    self._look(seen)
                minutes, median = self.elapsed / 60, self._medians[-1][1] if self._medians else float("nan")
                text = (
                    f"training, {median:.2f} px from the teacher on frames to validate" if self._medians else "training"
                )
                tell(text, int(minutes * 60), int(self.schedule.end))
        except KeyboardInterrupt:
            self._workers.end()
            self._save()
            raise
        self._workers.end()

    def _learn(self, whole: bool, model: Any, random: np.random.Generator) -> None:
        import torch

        images, targets = self._batches.draw(_WHOLE_BATCH if whole else _BATCH, whole, random)
        names = ("heat", "heat_weight", "offset", "offset_weight")
        stacked = [np.stack([getattr(one, name) for one in targets]) for name in names]
        wanted = [torch.from_numpy(array).to(self.device) for array in stacked]
        self._loss(model, batch_of(images, self.device), wanted).backward()

    def _loss(self, model: Any, images: Any, targets: list[Any]) -> Any:
        import torch

        heat, heat_weight, offset, offset_weight = targets
        found = model(images)["bodypart"]
        on_heat = (heat_weight * (found["heatmap"] - heat) ** 2).mean()
        apart = torch.nn.functional.smooth_l1_loss(found["locref"], offset, reduction="none", beta=_EVEN)
        return on_heat + _OFFSETS * (offset_weight * apart).sum() / offset_weight.sum().clamp(min=1.0)

    def _validate(self) -> Look:
        distances, shown = [], None
        for one in self._lessons:
            images = [np.asarray(one.images[place]) for place in one.validation.tolist()]
            student = poses_of_images(self.averaged.module, images, self.device)
            teacher = np.asarray(one.poses[one.validation])
            counted = (teacher[..., 2] >= SURE) & ~one.jumped[one.validation]
            distances.append(np.hypot(*np.moveaxis(student[..., :2] - teacher[..., :2], -1, 0))[counted])
            shown = shown or (images, teacher, student)
        self.model.train()
        every = np.concatenate(distances)
        every = every if len(every) else np.array([_CAPPED])
        self.schedule.validated(self.elapsed, float(np.minimum(every, _CAPPED).mean()))
        if self.schedule.best:
            self.best = self._weights()
        self._medians.append((self.elapsed / 60, float(np.median(every))))
        assert shown is not None
        return Look(self._medians[-1][1], *shown, list(self._medians))

    def _weights(self) -> dict[str, Any]:
        return {name: value.detach().clone() for name, value in self.averaged.module.state_dict().items()}

    def _save(self) -> None:
        now = time.process_time()
        self.processor, self._counted = self.processor + now - self._counted, now
        write_torch(
            self._checkpoint,
            {
                "model": self.model.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "best": self.best,
                "elapsed": self.elapsed,
                "processor": self.processor,
                "steps": self.steps,
                "schedule": self.schedule.kept,
                "medians": self._medians,
            },
        )

    def _resume(self) -> None:
        kept = load_numbers(self._checkpoint, "the state of a distillation")
        self.model.load_state_dict(kept["model"])
        self.averaged.load_state_dict(kept["averaged"])
        self._optimizer.load_state_dict(kept["optimizer"])
        self.best, self.elapsed, self.steps = kept["best"], kept["elapsed"], kept["steps"]
        self.processor = kept["processor"]
        self._medians = [(float(a), float(b)) for a, b in kept["medians"]]
        self.schedule.resume(kept["schedule"])


def _average(averaged: Any, current: Any, count: Any) -> None:
    """Moves the averaged weights a little towards those of now; further while there were few steps."""
    import torch

    steps = float(count)
    step = 1 - min(_AVERAGED, (1 + steps) / (10 + steps))
    if torch.is_floating_point(averaged[0]):
        torch._foreach_lerp_(averaged, current, step)
    else:  # counters of batches
        for one, new in zip(averaged, current, strict=True):
            one.copy_(new)
