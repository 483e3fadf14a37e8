"""A look at what a network finds in a video: figures, and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import Individual
from dlstream_pose.convert import Sample, frames_of
from dlstream_pose.convert.progress import Tell, silent
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.overlay import draw_overlay

_TILE = 480
"""Pixels: the width of one frame in the picture, and half the height of a tall one."""
_COLUMNS = 3


@dataclass(frozen=True)
class Check:
    """What a network found.

    Attributes:
        frames: how many frames were looked at.
        seen: for each keypoint, the share of frames in which at least one individual has it.
        confidence: for each keypoint, the median of its best confidence in a frame.
        individuals: how many individuals were found in a frame, on average.
        milliseconds: median and 95th percentile of the time per frame, including the resize.
        size: width and height of a frame.
        picture: (H, W, 3) uint8, blue, green, red: some of the frames, with the keypoints found.
    """

    frames: int
    seen: tuple[float, ...]
    confidence: tuple[float, ...]
    individuals: float
    milliseconds: tuple[float, float]
    size: tuple[int, int]
    picture: NDArray[np.uint8]


def check_network(
    estimator: Estimator,
    video: Path,
    count: int = 60,
    tiles: int = 6,
    min_confidence: float = 0.5,
    tell: Tell = silent,
) -> Check:
    """Runs a network on frames spread over a video.

    Args:
        estimator: the network, with its scale.
        video: a video or an image.
        count: how many frames to look at.
        tiles: how many of them to draw.
        min_confidence: a keypoint with at least this confidence counts as seen, and is drawn.
        tell: called with the progress.

    Raises:
        SourceError: the video can't be read.
        NetworkError: the network can't run on its frames.
    """
    samples = frames_of([video], max(count, tiles), tell=tell)
    estimator.estimate(samples[0].image)  # the first run prepares memory
    found, times = [], []
    for done, sample in enumerate(samples):
        tell("looking at frames", done, len(samples))
        start = perf_counter()
        found.append(estimator.estimate(sample.image))
        times.append((perf_counter() - start) * 1000)
    keypoints = len(estimator.info.keypoints)
    best = np.array([_best(individuals, keypoints) for individuals in found])
    drawn = sorted({int(place) for place in np.linspace(0, len(samples) - 1, min(tiles, len(samples)))})
    pictures = [
        _tile(estimator, samples[place], found[place], min_confidence, legend=number == 0)
        for number, place in enumerate(drawn)
    ]
    height, width = samples[0].image.shape[:2]
    return Check(
        len(samples),
        tuple((best >= min_confidence).mean(axis=0).tolist()),
        tuple(np.median(best, axis=0).tolist()),
        sum(_shown(one, min_confidence) for individuals in found for one in individuals) / len(found),
        (float(np.median(times)), float(np.percentile(times, 95))),
        (width, height),
        _grid(pictures),
    )


def _best(individuals: tuple[Individual, ...], keypoints: int) -> NDArray[np.float32]:
    """For each keypoint the best confidence that any individual has."""
    values = [np.zeros(keypoints, np.float32), *(np.nan_to_num(one.confidence) for one in individuals)]
    return np.asarray(np.max(values, axis=0), np.float32)


def _shown(individual: Individual, min_confidence: float) -> bool:
    return bool((np.nan_to_num(individual.confidence) >= min_confidence).any())


def _tile(
    estimator: Estimator, sample: Sample, individuals: tuple[Individual, ...], min_confidence: float, legend: bool
) -> NDArray[np.uint8]:
    """One frame at the tiles' size: drawn after the resize, so that points and lines stay fine."""
    height, width = sample.image.shape[:2]
    ratio = min(_TILE / width, 2 * _TILE / height)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    small = np.asarray(cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA if ratio < 1 else 1), np.uint8)
    moved = [Individual(one.id, one.x * ratio, one.y * ratio, one.confidence, one.score) for one in individuals]
    return draw_overlay(
        small,
        moved,
        estimator.info.edges,
        min_confidence=min_confidence,
        caption=sample.name.rpartition(", ")[2],
        legend=estimator.info.keypoints if legend else (),
    )


def _grid(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    columns = min(_COLUMNS, len(pictures))
    height, width = pictures[0].shape[:2]
    gap = 4
    rows = -(-len(pictures) // columns)
    grid = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 24, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        grid[top : top + height, left : left + width] = picture
    return grid
