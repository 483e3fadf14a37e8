"""What is learned from: frames and the teacher's answers, kept on disk, so that an interrupted work goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_common.video import VideoFrame, open_frames
from dlstream_pose.convert._frames import bgr, scaled
from dlstream_pose.convert.distill._augment import Answer, Augmentation, Matrix
from dlstream_pose.convert.distill._choice import Choice, choose
from dlstream_pose.convert.distill._jumps import SURE, jumps
from dlstream_pose.convert.distill._kept import flush, make_array, reserve, write_text, writing
from dlstream_pose.convert.distill._teacher import Teacher
from dlstream_pose.convert.distill._views import Views
from dlstream_pose.convert.progress import Tell, silent

_SAVED_EVERY = 50


class Lessons:
    """Frames of one video and the teacher's answers to them; on disk, so that they need no memory.

    Attributes:
        video: the file.
        choice: which of its frames are for what.
        training, validation: places of these frames in here.
        views: turned frames of the training that the teacher was asked about, too; None: none.
    """

    def __init__(self, folder: Path, video: Path, choice: Choice, stride: float) -> None:
        self.video, self.choice, self._folder, self._stride = video, choice, folder, stride
        self.numbers = np.array([*choice.training, *choice.validation], np.int64)
        self.training = np.arange(len(choice.training))
        self.validation = np.arange(len(choice.training), len(self.numbers))
        self.images: NDArray[np.uint8] = np.zeros((0, 1, 1, 3), np.uint8)
        self.poses: NDArray[np.float32] = np.zeros((0, 1, 3), np.float32)
        self.maps: NDArray[np.float16] | None = None
        self.jumped: NDArray[np.bool_] = np.zeros((0, 1), np.bool_)
        self.views: Views | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, as the network looks at them."""
        return self.images.shape[2], self.images.shape[1]

    @property
    def left_out(self) -> int:
        """How many keypoints of the training jumped."""
        return int(self.jumped[self.training].sum())

    def answer(self, place: int) -> Answer:
        """What the teacher says of a frame."""
        maps = None if self.maps is None else np.asarray(self.maps[place], np.float32)
        return Answer(np.asarray(self.poses[place]), maps, self._stride, ~self.jumped[place])

    def draw(self, asked: float, random: np.random.Generator) -> tuple[NDArray[np.uint8], Matrix | None, Answer]:
        """A frame of the training by chance, the view of it, and the teacher's answer to that; None: as it is.

        Args:
            asked: share of the views, if the teacher was asked about one of each frame.
        """
        views = self.views
        if views is not None and random.random() < asked * min(1.0, views.count / len(self.training)):
            which = int(random.integers(views.count))
            place = views.place(which)
            frame = self.answer(place)
            view = views.matrix(which, frame, self.size)
            return self.images[place], view, views.answer(which, frame, view)
        place = int(random.choice(self.training))
        return self.images[place], None, self.answer(place)

    def ask_views(self, teacher: Teacher, how: Augmentation, lag: float, seconds: float, tell: Tell = silent) -> None:
        """Asks the teacher about turned frames of the training, too, for so many seconds.

        Args:
            lag: as for `moved_points`.
        """
        self.views = Views(self._folder, len(self.training), how, lag, self._stride)
        self.views.ask(teacher, self.images, self.answer, seconds, tell)

    def ask(self, teacher: Teacher, scale: float, tell: Tell = silent) -> None:
        """Runs the teacher on each frame that it has not been asked about, and looks for jumps.

        Raises:
            SourceError: the video can't be read.
            NetworkError: frames of it can't be decoded, the teacher is sure of nothing in it, or the disk is full.
        """
        done, wanted = self._done(), {number: place for place, number in enumerate(self.numbers.tolist())}
        if done < len(wanted):
            what = f"asking the teacher about {self.video.name}"
            for place, image in _of(self.video, wanted, scale):
                if place < done:
                    continue
                tell(what, place, len(wanted))
                poses, maps = teacher.answer(image)
                self._keep(place, image, poses, maps)
                if place % _SAVED_EVERY == _SAVED_EVERY - 1:
                    self._save(place + 1)
            self._save(len(wanted))
        self._open()
        order = np.argsort(self.numbers)
        self.jumped = np.zeros(self.poses.shape[:2], np.bool_)
        self.jumped[order] = jumps(np.asarray(self.poses)[order], self.numbers[order])
        sure = float((self.poses[self.training, :, 2].max(axis=1) >= SURE).mean())
        if sure < 0.1:
            raise NetworkError(
                f"{self.video}: the teacher is sure of a keypoint in {sure:.0%} of the frames; expected at least 10%. "
                "Give videos of the animal and the scene that it was trained for, and its --scale"
            )

    def _paths(self) -> tuple[Path, Path, Path, Path]:
        return tuple(self._folder / name for name in ("images.npy", "poses.npy", "maps.npy", "done.json"))  # type: ignore[return-value]

    def _done(self) -> int:
        try:
            kept = json.loads(self._paths()[3].read_text())
            done = int(kept["done"]) if kept["numbers"] == self.numbers.tolist() else 0
            self._open()
        except (OSError, ValueError, KeyError):
            return 0
        return done

    def _open(self, mode: Any = "r+") -> None:
        images, poses, maps, _ = self._paths()
        self.images, self.poses = np.load(images, mmap_mode=mode), np.load(poses, mmap_mode=mode)
        self.maps = np.load(maps, mmap_mode=mode) if maps.exists() else None

    def _keep(self, place: int, image: NDArray[np.uint8], poses: NDArray[np.float32], maps: Any) -> None:
        if place == 0:
            with writing(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
            count = len(self.numbers)
            shapes = [((count, *image.shape), np.uint8), ((count, *poses.shape), np.float32)]
            shapes += [((count, *maps.shape), np.float16)] if maps is not None else []
            for path, (shape, kind) in zip(self._paths(), shapes, strict=False):
                make_array(path, shape, kind)
            self._open()
            for array in (self.images, self.poses, self.maps):
                if array is not None:
                    reserve(array, 0, count)
        if image.shape != self.images.shape[1:]:
            raise NetworkError(f"{self.video}: frames of different sizes; expected one size")
        self.images[place], self.poses[place] = image, poses
        if self.maps is not None and maps is not None:
            self.maps[place] = maps
        elif self.maps is not None:  # what seemed to be heat maps was none
            self._paths()[2].unlink(missing_ok=True)
            self.maps = None

    def _save(self, done: int) -> None:
        for kept in (self.images, self.poses, self.maps):
            flush(kept)
        write_text(self._paths()[3], json.dumps({"done": done, "numbers": self.numbers.tolist()}))


def lessons_of(video: Path, folder: Path, count: int, held_back: float, stride: float, tell: Tell) -> Lessons:
    """Chooses the frames of a video.

    Raises:
        SourceError: it can't be read.
        NetworkError: it is too short.
    """
    tell(f"counting frames of {video.name}", 0, 0)
    file = open_frames(video)
    numbers = [item.number for item in file.frames() if isinstance(item, VideoFrame)]
    try:
        return Lessons(folder, video, choose(numbers, count, held_back), stride)
    except NetworkError as error:
        raise NetworkError(f"{video}: {error}") from error


def _of(video: Path, wanted: dict[int, int], scale: float) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for number, image in frames_with(video, list(wanted)):
        yield wanted[number], scaled(image, scale)


def frames_with(video: Path, numbers: Sequence[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The frames with these numbers, in order, whole.

    Raises:
        NetworkError: one of them can't be decoded.
    """
    wanted, last = set(numbers), max(numbers)
    for item in open_frames(video).frames():
        if item.number in wanted:
            if not isinstance(item, VideoFrame):
                raise NetworkError(f"{video}: frame {item.number} can't be decoded ({item.reason})")
            yield item.number, bgr(item.image)
        if item.number >= last:
            return
