"""The training: views of frames in, the teacher's answers as targets, by the clock; interrupted, it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.convert._weights import load_numbers
from dlstream_pose.convert.distill._augment import Augmentation, draw_view, relit, viewed, window_size
from dlstream_pose.convert.distill._jumps import SURE
from dlstream_pose.convert.distill._lessons import Lessons
from dlstream_pose.convert.distill._schedule import Schedule
from dlstream_pose.convert.distill._student import STRIDE, batch_of, build, maps_shape, poses_of_images
from dlstream_pose.convert.distill._targets import target
from dlstream_pose.convert.progress import Tell

_PEAK_RATE = 1e-3
_BATCH, _WHOLE_BATCH = 16, 6
_OFFSETS = 0.1
"""How much offsets count, relative to heat maps."""
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
        look: called after each validation.
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

        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._lessons, self._how, self._lag, self._look = lessons, how, lag, look
        self._checkpoint, self._clock = checkpoint, clock
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = build(size, lessons[0].poses.shape[1], start).to(self.device, memory_format=torch.channels_last)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
        )
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=_PEAK_RATE, weight_decay=1e-4)
        self.schedule = Schedule(seconds)
        self.elapsed, self.processor, self.steps = 0.0, 0.0, 0
        self._counted = 0.0
        self._medians: list[tuple[float, float]] = []
        self.best: dict[str, Any] = self._weights()
        self._shapes: dict[tuple[int, int], tuple[int, int]] = {}
        self._places = [(which, place) for which, one in enumerate(lessons) for place in one.training.tolist()]
        self._windows = [window_size(one.poses[one.training], one.size) for one in lessons]
        if checkpoint.exists():
            self._resume()

    def run(self, tell: Tell) -> None:
        """Trains until the time is over. Ctrl-C keeps the state, and goes through."""
        import torch

        begun, before = self._clock(), self.elapsed
        self._counted = time.process_time()
        random = np.random.default_rng((1, self.steps))
        pause = self.schedule.seconds / _VALIDATIONS
        due = self.elapsed + pause
        self.model.train()
        try:
            while self.elapsed < self.schedule.end:
                whole = self.schedule.whole(self.elapsed)
                for group in self._optimizer.param_groups:
                    group["lr"] = _PEAK_RATE * self.schedule.rate(self.elapsed)
                loss = self._loss(*self._batch(whole, random))
                self._optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self._optimizer.step()
                self.averaged.update_parameters(self.model)
                self.steps += 1
                self.elapsed = before + self._clock() - begun
                if self.elapsed >= due or self.elapsed >= self.schedule.end:
                    self._validate()
                    self.elapsed = before + self._clock() - begun
                    due = self.elapsed + pause
                    self._save()
                minutes, median = self.elapsed / 60, self._medians[-1][1] if self._medians else float("nan")
                text = (
                    f"training, {median:.2f} px from the teacher on frames to validate" if self._medians else "training"
                )
                tell(text, int(minutes * 60), int(self.schedule.end))
        except KeyboardInterrupt:
            self._save()
            raise

    def _batch(self, whole: bool, random: np.random.Generator) -> tuple[Any, list[Any]]:
        import torch

        which = int(random.choice(len(self._lessons), p=self._shares()))
        one = self._lessons[which]
        window = None if whole else self._windows[which]
        shown = one.size if whole else self._windows[which]
        if shown not in self._shapes:
            self._shapes[shown] = maps_shape(self.model, shown, self.device)
        images, targets = [], []
        for place in random.choice(one.training, _WHOLE_BATCH if whole else _BATCH).tolist():
            answer = one.answer(place)
            view, size, mirror = draw_view(answer, one.size, window, self._how, random)
            images.append(relit(viewed(np.asarray(one.images[place]), view, size), random))
            order = self._how.mirrored if mirror else None
            targets.append(target(answer, view, self._shapes[shown], STRIDE, self._lag, order))
        names = ("heat", "heat_weight", "offset", "offset_weight")
        stacked = [np.stack([getattr(one, name) for one in targets]) for name in names]
        return batch_of(images, self.device), [torch.from_numpy(array).to(self.device) for array in stacked]

    def _shares(self) -> NDArray[np.float64]:
        counts = np.array([len(one.training) for one in self._lessons], np.float64)
        return np.asarray(counts / counts.sum(), np.float64)

    def _loss(self, images: Any, targets: list[Any]) -> Any:
        import torch

        heat, heat_weight, offset, offset_weight = targets
        found = self.model(images)["bodypart"]
        on_heat = (heat_weight * (found["heatmap"] - heat) ** 2).mean()
        apart = torch.nn.functional.smooth_l1_loss(found["locref"], offset, reduction="none", beta=0.3)
        return on_heat + _OFFSETS * (offset_weight * apart).sum() / offset_weight.sum().clamp(min=1.0)

    def _validate(self) -> None:
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
        self._look(Look(self._medians[-1][1], *shown, list(self._medians)))

    def _weights(self) -> dict[str, Any]:
        return {name: value.detach().clone() for name, value in self.averaged.module.state_dict().items()}

    def _save(self) -> None:
        import torch

        now = time.process_time()
        self.processor, self._counted = self.processor + now - self._counted, now
        partial = self._checkpoint.with_name(self._checkpoint.name + ".partial")
        torch.save(
            {
                "model": self.model.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "best": self.best,
                "elapsed": self.elapsed,
                "processor": self.processor,
                "steps": self.steps,
                "scores": self.schedule.scores,
                "medians": self._medians,
            },
            partial,
        )
        partial.replace(self._checkpoint)

    def _resume(self) -> None:
        kept = load_numbers(self._checkpoint, "the state of a distillation")
        self.model.load_state_dict(kept["model"])
        self.averaged.load_state_dict(kept["averaged"])
        self._optimizer.load_state_dict(kept["optimizer"])
        self.best, self.elapsed, self.steps = kept["best"], kept["elapsed"], kept["steps"]
        self.processor = kept["processor"]
        self._medians = [(float(a), float(b)) for a, b in kept["medians"]]
        self.schedule.scores = [(float(a), float(b)) for a, b in kept["scores"]]
