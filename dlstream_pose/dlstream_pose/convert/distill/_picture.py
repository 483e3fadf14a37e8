"""The picture as it goes: how far the student is from its teacher, and both on frames."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import Individual, NetworkError
from dlstream_pose.convert.distill._kept import replacing
from dlstream_pose.runtime.overlay import draw_overlay

_WIDTH, _TILE, _CHART = 1200, 400, 240
_INK, _PAPER, _LINE = (24, 24, 24), (235, 235, 235), (115, 200, 20)


def draw(
    path: Path,
    history: Sequence[tuple[float, float]],
    images: Sequence[NDArray[np.uint8]],
    teacher: NDArray[np.float32],
    student: NDArray[np.float32],
    edges: Sequence[tuple[int, int]] = (),
) -> None:
    """Writes the picture: a chart above, six frames below, the teacher's keypoints as rings around the student's dots.

    Where it can't be written, the former one stays: a training does not end for a picture.

    Args:
        history: minutes, and the median distance in pixels of the network's image.
        teacher, student: (N, K, 3) of the images.
    """
    places = np.linspace(0, len(images) - 1, min(6, len(images))).astype(int).tolist()
    tiles = [_tile(images[place], teacher[place], student[place], edges) for place in places]
    rows = [np.hstack(_filled(tiles[start : start + 3])) for start in range(0, len(tiles), 3)]
    picture = np.vstack([_chart(history), *rows])
    with suppress(NetworkError), replacing(path) as partial:
        partial.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def _tile(
    image: NDArray[np.uint8],
    teacher: NDArray[np.float32],
    student: NDArray[np.float32],
    edges: Sequence[tuple[int, int]],
) -> NDArray[np.uint8]:
    ratio = _TILE / image.shape[1]
    big = np.asarray(cv2.resize(image, (_TILE, round(image.shape[0] * ratio))), np.uint8)
    for x_there, y_there, confidence in teacher.tolist():
        if confidence >= 0.5:
            place = round(x_there * ratio), round(y_there * ratio)
            cv2.circle(big, place, 7, _INK, 3, cv2.LINE_AA)
            cv2.circle(big, place, 7, _PAPER, 1, cv2.LINE_AA)
    x, y, sure = student.T
    animal = Individual("student", x * ratio, y * ratio, sure, float(sure.mean()))
    return draw_overlay(big, [animal], edges, min_confidence=0.5)  # above the rings


def _filled(tiles: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    return tiles + [np.full_like(tiles[0], 24) for _ in range(3 - len(tiles))]


def _chart(history: Sequence[tuple[float, float]]) -> NDArray[np.uint8]:
    """Median distance by minutes, from the left edge to the right one."""
    chart = np.full((_CHART, _WIDTH, 3), 24, np.uint8)
    minutes, medians = np.array(history, np.float64).reshape(-1, 2).T
    top = float(min(medians.max(), 4 * np.median(medians))) or 1.0
    left, right, low, high = 60, _WIDTH - 20, _CHART - 40, 20
    x = left + (right - left) * minutes / max(float(minutes.max()), 1e-6)
    y = low - (low - high) * np.minimum(medians, top) / top
    cv2.line(chart, (left, low), (right, low), _PAPER, 1)
    cv2.line(chart, (left, low), (left, high), _PAPER, 1)
    line = np.column_stack([x, y]).round().astype(np.int32)
    cv2.polylines(chart, [line], False, _LINE, 2, cv2.LINE_AA)
    for point in line.tolist():
        cv2.circle(chart, (point[0], point[1]), 4, _LINE, -1, cv2.LINE_AA)
    for text, place in (
        (f"{top:.1f}", (8, high + 10)),
        ("0", (36, low)),
        (f"median distance to the teacher: {medians[-1]:.2f} px after {minutes[-1]:.1f} min", (left + 8, _CHART - 12)),
    ):
        cv2.putText(chart, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, _PAPER, 1, cv2.LINE_AA)
    return chart
