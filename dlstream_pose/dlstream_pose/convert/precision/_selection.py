"""Which frames calibrate, and which prove: the first differ from one another, the others are none of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._frames import Sample

_LEAST = 10
"""Frames to prove on, at least."""
_SAME = 4.0
"""Grey levels, of 255: two frames that nowhere differ by more are the same picture. Most of a picture is the arena,
which never changes: a mean over it would hide the animal."""


@dataclass(frozen=True)
class Selection:
    """Frames for the calibration, and frames for the proof."""

    calibration: list[Sample]
    proof: list[Sample]


def select(samples: Sequence[Sample], calibration: int = 40, proves: bool = True) -> Selection:
    """Takes frames for the calibration one by one, each as different as can be from those taken; the others prove.

    A frame that shows the same picture as one of the calibration does not prove anything, and is left out.

    Args:
        calibration: how many calibrate at most; half of the samples at most where the others prove.
        proves: whether the others prove; else all may calibrate.

    Raises:
        NetworkError: too few frames are left for the proof.
    """
    small = np.stack([_small(sample.image) for sample in samples]) if samples else np.zeros((0, 1), np.float32)
    nearest = np.full(len(samples), np.inf)  # root mean square of the difference
    change = np.full(len(samples), np.inf)  # the largest difference anywhere
    chosen: list[int] = []
    for _ in range(min(calibration, len(samples) // 2 if proves else len(samples))):
        # The first is the one farthest from the mean picture.
        farthest = int(np.argmax(nearest if chosen else _difference(small, small.mean(axis=0))))
        if chosen and change[farthest] <= _SAME:
            break
        chosen.append(farthest)
        nearest = np.minimum(nearest, _difference(small, small[farthest]))
        change = np.minimum(change, np.abs(small - small[farthest]).max(axis=1))
    proof = [number for number in range(len(samples)) if change[number] > _SAME] if proves else []
    if proves and len(proof) < _LEAST:
        raise NetworkError(
            f"--frames: found {len(samples)} frames, of which {len(proof)} differ from the {len(chosen)} that "
            f"calibrate; expected at least {_LEAST} to prove on. Give a longer video, or several"
        )
    return Selection([samples[number] for number in sorted(chosen)], [samples[number] for number in proof])


def unlike(samples: Sequence[Sample], taken: Sequence[Sample]) -> list[Sample]:
    """Those samples that show the same picture as none of the taken.

    Raises:
        NetworkError: too few are left for the proof.
    """
    known = np.stack([_small(sample.image) for sample in taken])
    left = [sample for sample in samples if np.abs(known - _small(sample.image)).max(axis=1).min() > _SAME]
    if len(left) < _LEAST:
        raise NetworkError(
            f"--proof: found {len(samples)} frames, of which {len(left)} differ from those that calibrate; expected at "
            f"least {_LEAST}"
        )
    return left


def _difference(pictures: NDArray[np.float32], picture: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(((pictures - picture) ** 2).mean(axis=1)), np.float64)


def _small(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (64, 48), interpolation=cv2.INTER_AREA), np.float32).reshape(-1)
