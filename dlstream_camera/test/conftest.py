from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from genicam_tools import Watched
from numpy.typing import NDArray

Frames = list[NDArray[np.uint8]]


def write_clip(path: Path, count: int, fourcc: str = "MJPG") -> None:
    """A small video whose frames differ."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), 30.0, (96, 64))
    generator = np.random.default_rng(0)
    for number in range(count):
        image = cv2.resize(generator.integers(0, 256, (8, 12, 3), np.uint8), (96, 64))
        cv2.putText(image, str(number), (5, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
        writer.write(image)
    writer.release()


def read_clip(path: Path) -> Frames:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while True:
        ok, image = capture.read()
        if not ok:
            return frames
        frames.append(image)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Frames]:
    """A video of 50 frames, and the frames as OpenCV decodes them."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    write_clip(path, 50)
    return path, read_clip(path)


@pytest.fixture(scope="session")
def damaged_clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A video of 200 frames, whole at both ends, with garbage in its middle; the number of its frames."""
    path = tmp_path_factory.mktemp("clip") / "damaged.mp4"
    write_clip(path, 200, "mp4v")
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 4
    end = content.index(b"moov")
    first, last = begin + (end - begin) // 2, begin + (end - begin) * 3 // 4
    content[first:last] = bytes(last - first)
    path.write_bytes(content)
    return path, 200


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    opened: list[Watched] = []

    def make(**keys: object) -> Watched:
        opened.append(Watched(**keys))
        return opened[-1]

    yield make
    for one in opened:
        one.camera.close()
