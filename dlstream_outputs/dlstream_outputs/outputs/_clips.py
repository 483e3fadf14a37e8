"""Videos for a screen: the first frames are ready before the run, the others are decoded ahead by a thread."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlstream_common import SourceError
from dlstream_common.video import LostFrame, VideoFile
from dlstream_outputs.outputs._base import OutputError
from dlstream_outputs.outputs._pictures import Picture
from dlstream_outputs.outputs._stimuli import Stimulus
from dlstream_outputs.outputs._window import pygame_module

if TYPE_CHECKING:
    from pygame import Surface

_READY = 12
"""Frames that are decoded before the run."""
_AHEAD = 24
"""Frames that the thread is ahead at most."""
_POLL = 0.1


def open_video(name: str, path: Path) -> VideoFile:
    """A video file.

    Raises:
        OutputError: it can't be read, or its length is not known.
    """
    try:
        video = VideoFile(path)
    except SourceError as error:
        raise OutputError(f"video '{name}': {error}") from error
    if video.seconds <= 0:
        raise OutputError(f"video '{name}': {path} does not say how long it is; save it again: ffmpeg -i FILE NEW.mp4")
    return video


@dataclass(frozen=True)
class _Frame:
    """A frame, (height, width, 3) red, green, blue, and the seconds after the video's begin at which it is due."""

    due: float
    picture: Picture


class Video:
    """A video that is ready to be played at once.

    Args:
        fit: makes a frame, blue, green, red, as large as it is shown.

    Raises:
        OutputError: see `open_video`; or a frame can't be decoded.
    """

    def __init__(self, name: str, path: Path, fit: Callable[[Picture], Picture]) -> None:
        self._name, self._file, self._fit = name, open_video(name, path), fit
        self.seconds = self._file.seconds
        self.ready = list(islice(self._frames(), _READY))

    def once_again(self, loop: bool) -> Iterator[_Frame]:
        """All frames but those in `ready`; with `loop`, the whole video follows again and again."""
        yield from islice(self._frames(), len(self.ready), None)
        turn = 1
        while loop:
            for frame in self._frames():
                yield _Frame(turn * self.seconds + frame.due, frame.picture)
            turn += 1

    def _frames(self) -> Iterator[_Frame]:
        for item in self._file.frames():
            if isinstance(item, LostFrame):
                raise OutputError(f"video '{self._name}': frame {item.number} can't be decoded: {item.reason}")
            image = item.image if item.image.ndim == 3 else np.repeat(item.image[..., np.newaxis], 3, axis=2)
            yield _Frame(item.time / 1e9, np.ascontiguousarray(self._fit(np.asarray(image, np.uint8))[..., ::-1]))


class Clip(Stimulus):
    """A video. A frame is put up on the refresh that is nearest to its time; one that is late is counted.

    Args:
        size: of the window in pixels.
    """

    def __init__(self, video: Video, size: tuple[int, int], rate: float, length: float, loop: bool) -> None:
        self.length, self._size, self._rate = length, size, rate
        self._waiting: queue.Queue[_Frame | Exception | None] = queue.Queue(_AHEAD)
        self._ready = iter(video.ready)
        self._ended = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(video, loop), name="video", daemon=True)
        self._thread.start()
        self._following = self._next()

    def draw(self, window: Surface, refresh: int) -> None:
        shown: _Frame | None = None
        while self._following is not None and self._at(self._following) <= refresh:
            shown = self._following
            self._following = self._next()
        if shown is not None:
            pygame, picture = pygame_module(), shown.picture
            height, width = picture.shape[:2]
            corner = ((self._size[0] - width) // 2, (self._size[1] - height) // 2)
            window.blit(pygame.image.frombuffer(picture.tobytes(), (width, height), "RGB"), corner)

    def next_change(self, refresh: int) -> float:
        if refresh >= self.length:
            return math.inf
        if self._following is None and not self._ended:
            self._following = self._next()
            if self._following is not None and self._at(self._following) <= refresh:
                self.late += refresh + 1 - self._at(self._following)
        if self._following is not None:
            return min(self.length, max(refresh + 1, self._at(self._following)))
        return self.length if self._ended else refresh + 1

    def close(self) -> None:
        self._closed.set()

    def _at(self, frame: _Frame) -> int:
        return round(frame.due * self._rate)

    def _next(self) -> _Frame | None:
        """The next frame; None: it is not decoded yet, or there is none.

        Raises:
            OutputError: it can't be decoded.
        """
        ready = next(self._ready, None)
        if ready is not None or self._ended:
            return ready
        try:
            found = self._waiting.get_nowait()
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            raise found
        self._ended = found is None
        return found

    def _read(self, video: Video, loop: bool) -> None:
        try:
            for frame in video.once_again(loop):
                if not self._put(frame):
                    return
            self._put(None)
        except Exception as error:
            self._put(error)

    def _put(self, item: _Frame | Exception | None) -> bool:
        while not self._closed.is_set():
            try:
                self._waiting.put(item, timeout=_POLL)
                return True
            except queue.Full:
                continue
        return False
