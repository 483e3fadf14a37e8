"""Draws poses, regions and a caption on a frame, legible on bright and on dark ground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import Individual

Colour = tuple[int, int, int]
"""Blue, green, red."""

# Distinguishable for most colour-blind people as well (Okabe and Ito 2008), brightened.
PALETTE: tuple[Colour, ...] = (
    (66, 212, 255),
    (233, 180, 86),
    (115, 200, 20),
    (190, 130, 225),
    (60, 110, 245),
    (230, 230, 90),
    (255, 140, 140),
    (240, 240, 240),
)
ACTIVE: Colour = (80, 200, 40)
INACTIVE: Colour = (60, 60, 225)
_INK: Colour = (24, 20, 18)
_PAPER: Colour = (245, 245, 245)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SHIFT = 4  # sub-pixel bits of OpenCV's drawing functions
_FILL = 0.14
_LIMITS = (-4096, 65536)
"""Coordinates that OpenCV can draw to."""


@dataclass(frozen=True)
class OverlayRegion:
    """The outline of a region: (N, 2) x, y in pixels; `active` turns its border green.

    Where each of many frames has it, use one of these for all: where to draw is worked out once.
    """

    name: str
    points: NDArray[np.float32]
    active: bool = False

    @cached_property
    def outline(self) -> NDArray[np.int32]:
        """The points, as OpenCV draws them."""
        return _fixed(self.points)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """What encloses them, in whole pixels: left, top, and the first pixels beyond right and bottom."""
        points = np.clip(np.nan_to_num(self.points), *_LIMITS)
        left, top = np.floor(points.min(axis=0)).tolist()
        right, bottom = np.ceil(points.max(axis=0)).tolist()
        return int(left), int(top), int(right) + 1, int(bottom) + 1

    @cached_property
    def label_at(self) -> tuple[float, float]:
        """Where its name stands: the middle, and the uppermost point."""
        return float(self.points[:, 0].mean()), float(self.points[:, 1].min())


def draw_overlay(
    image: NDArray[np.uint8],
    individuals: Iterable[Individual],
    edges: Sequence[tuple[int, int]] = (),
    regions: Iterable[OverlayRegion] = (),
    *,
    min_confidence: float = 0.5,
    caption: str = "",
    legend: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """A copy of a frame with everything drawn on it.

    Args:
        image: (height, width, 3) uint8, blue, green, red; not altered.
        individuals: poses in pixels of this image; keypoints below `min_confidence` are left out.
        edges: the skeleton, as pairs of keypoint indices.
        regions: outlines, green where active and red otherwise.
        caption: one line at the top left, such as time and rate.
        legend: names of the keypoints, listed with their colours at the bottom left.
    """
    picture = image.copy()
    unit = max(0.6, min(picture.shape[0] / 480, picture.shape[1] / 640))
    for region in regions:
        _region(picture, region, unit)
    for individual in individuals:
        _individual(picture, individual, edges, min_confidence, unit)
    if caption:
        _label(picture, caption, (round(8 * unit), round(8 * unit)), unit)
    if legend:
        _legend(picture, legend, unit)
    return picture


def _fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.asarray(np.rint(np.clip(points, *_LIMITS) * (1 << _SHIFT)), np.int32)


def _region(picture: NDArray[np.uint8], region: OverlayRegion, unit: float) -> None:
    if len(region.points) < 2:
        return
    colour = ACTIVE if region.active else INACTIVE
    outline = region.outline
    height, width = picture.shape[:2]
    left, top, right, bottom = region.box
    left, top = max(0, left), max(0, top)
    part = picture[top : min(bottom, height), left : min(right, width)] if right > 0 and bottom > 0 else picture[:0]
    if part.size:
        tinted = part.copy()
        offset = -left << _SHIFT, -top << _SHIFT
        cv2.fillPoly(tinted, [outline + np.array(offset, np.int32)], colour, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(tinted, _FILL, part, 1 - _FILL, 0, dst=part)
    cv2.polylines(picture, [outline], True, _INK, round(4 * unit), cv2.LINE_AA, _SHIFT)
    cv2.polylines(picture, [outline], True, colour, max(1, round(2 * unit)), cv2.LINE_AA, _SHIFT)
    if region.name:
        x, y = region.label_at
        _label(picture, region.name, (round(x), round(y + 8 * unit)), 0.85 * unit, colour, centred=True)


def _individual(
    picture: NDArray[np.uint8],
    individual: Individual,
    edges: Sequence[tuple[int, int]],
    min_confidence: float,
    unit: float,
) -> None:
    points = np.stack([individual.x, individual.y], axis=1)
    shown = (individual.confidence >= min_confidence) & np.isfinite(points).all(axis=1)
    fixed = _fixed(np.where(shown[:, None], points, 0.0))
    bones = [fixed[[a, b]] for a, b in edges if shown[a] and shown[b]]
    cv2.polylines(picture, bones, False, _INK, max(2, round(3.6 * unit)), cv2.LINE_AA, _SHIFT)
    cv2.polylines(picture, bones, False, _PAPER, max(1, round(1.6 * unit)), cv2.LINE_AA, _SHIFT)
    for index in np.flatnonzero(shown).tolist():
        _dot(picture, fixed[index].tolist(), PALETTE[index % len(PALETTE)], unit)


def _dot(picture: NDArray[np.uint8], centre: Sequence[int], colour: Colour, unit: float) -> None:
    for radius, ink in ((5.2, _INK), (3.9, _PAPER), (3.3, colour)):
        size = round(radius * unit * (1 << _SHIFT))
        cv2.circle(picture, (centre[0], centre[1]), size, ink, -1, cv2.LINE_AA, _SHIFT)


def _panel(picture: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> None:
    """Darkens a rectangle, so that bright text on it can be read."""
    part = picture[max(0, y) : y + height, max(0, x) : x + width]
    if part.size:
        cv2.addWeighted(part, 0.38, np.full_like(part, _INK), 0.62, 0, dst=part)


def _label(
    picture: NDArray[np.uint8],
    text: str,
    corner: tuple[int, int],
    unit: float,
    colour: Colour = _PAPER,
    centred: bool = False,
) -> None:
    """Text on a dark panel. `corner` is its top left, or the middle of its top edge."""
    text = text.encode("ascii", "replace").decode()  # OpenCV's fonts have no other letters
    size, thickness = 0.5 * unit, max(1, round(unit))
    (width, height), _ = cv2.getTextSize(text, _FONT, size, thickness)
    pad = round(6 * unit)
    x = corner[0] - width // 2 - pad if centred else corner[0]
    x = max(0, min(x, picture.shape[1] - width - 2 * pad))
    y = max(0, corner[1])
    _panel(picture, x, y, width + 2 * pad, height + 2 * pad)
    bright = tuple(round(0.45 * c + 0.55 * 255) for c in colour) if centred else colour
    cv2.putText(picture, text, (x + pad, y + pad + height), _FONT, size, bright, thickness, cv2.LINE_AA)


def _legend(picture: NDArray[np.uint8], names: Sequence[str], unit: float) -> None:
    line, pad = round(18 * unit), round(7 * unit)
    size, thickness = 0.42 * unit, max(1, round(unit))
    widths = [cv2.getTextSize(name, _FONT, size, thickness)[0][0] for name in names]
    width, height = max(widths) + 3 * pad + round(8 * unit), line * len(names) + pad
    x, y = round(8 * unit), picture.shape[0] - height - round(8 * unit)
    _panel(picture, x, y, width, height)
    for index, name in enumerate(names):
        middle = y + pad // 2 + line * index + line // 2
        _dot(picture, ((x + 2 * pad) << _SHIFT, middle << _SHIFT), PALETTE[index % len(PALETTE)], 0.85 * unit)
        place = (x + 3 * pad, middle + round(4.5 * unit))
        cv2.putText(picture, name, place, _FONT, size, _PAPER, thickness, cv2.LINE_AA)
