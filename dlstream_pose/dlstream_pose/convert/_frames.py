"""Frames to compare networks on: from videos and images, or synthetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import Image, encoding_of, to_bgr
from dlstream_common.video import open_frames, spread_frames
from dlstream_pose.convert.progress import Tell, silent

MADE_UP = "made-up textures"


@dataclass(frozen=True)
class Sample:
    """An image (H, W, 3), blue, green, red, and where it is from."""

    image: NDArray[np.uint8]
    name: str


def frames_of(paths: Sequence[Path], count: int, scale: float = 1.0, tell: Tell = silent) -> list[Sample]:
    """Frames spread over each video, or images, resized by the scale. `tell` is called with the progress.

    Raises:
        SourceError: nothing can be read from one of the files, or a stream has no times and no rate.
    """
    samples = []
    for path in paths:
        file = open_frames(path)
        found = list(spread_frames(file, count, partial(tell, f"reading {path.name}")))
        for where, image in found:
            name = path.name if len(found) == 1 else f"{path.name}, {where}"
            samples.append(Sample(scaled(bgr(image), scale), name))
    return samples


def bgr(image: Image) -> NDArray[np.uint8]:
    """Blue, green, red, 8 bits each."""
    return to_bgr(image, encoding_of(image))


def scaled(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """As in the estimator: rounded down."""
    if scale == 1:
        return image
    size = max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def textures(size: tuple[int, int] | None = None) -> list[Sample]:
    """Smooth blobs on noise: of a given size, or in sizes that are and are not multiples of the usual strides."""
    random = np.random.default_rng(0)
    samples: list[Sample] = []
    for width, height in ((320, 240), (256, 256), (317, 203), (640, 480)) if size is None else (size,) * 4:
        coarse = random.uniform(0, 255, (6, 8, 3)).astype(np.float32)
        smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
        samples.append(Sample(noisy, f"made-up texture {len(samples) + 1}, {width}x{height}"))
    return samples
