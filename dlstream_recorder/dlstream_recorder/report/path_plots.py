"""Pictures of trajectory and occupancy. Imported only for drawing, as matplotlib takes long to load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from dlstream_recorder.report._plots import GREY, STYLE, save
from dlstream_recorder.report.paths import Walk, occupancy

Outline = tuple[str, NDArray[np.float32]]
_MOST = 20_000
"""Steps of a way that are drawn; of a longer one, every second, third, ..."""
_HALO = [withStroke(linewidth=2, foreground="white")]
_PANEL = 5.2  # inches
_LEFT, _RIGHT, _BELOW, _ABOVE, _TITLE = 0.6, 1.15, 0.5, 0.3, 0.55


def plot_trajectory(
    path: Path,
    title: str,
    walks: Sequence[Walk],
    size: tuple[int, int],
    background: NDArray[np.uint8] | None = None,
    outlines: Sequence[Outline] = (),
) -> None:
    """Draws the way of each animal, its colour from the start (dark) to the end (bright).

    Args:
        size: width and height of the image.
        background: a frame, (height, width, 3), blue, green, red; drawn palely.
        outlines: regions to draw.
    """
    figure, panels = _panels(title, walks, size)
    for walk, axes in zip(walks, panels, strict=True):
        _prepare(axes, size, background, outlines)
        axes.set_title(_about(walk), fontsize=9, color=GREY, loc="left")
        step = max(1, len(walk.middle) // _MOST)
        points, seconds = walk.middle[::step], walk.seconds[::step]
        lines = np.stack([points[:-1], points[1:]], axis=1)
        whole = ~np.isnan(lines).any(axis=(1, 2))
        drawn = LineCollection(list(lines[whole]), cmap="plasma", linewidths=1.1, capstyle="round")
        drawn.set_array(seconds[:-1][whole])
        drawn.set_clim(*_limits(walk.seconds))
        axes.add_collection(drawn)
        _bar(figure, axes, drawn, "seconds since the first frame")
    save(figure, path)


def plot_occupancy(
    path: Path,
    title: str,
    walks: Sequence[Walk],
    size: tuple[int, int],
    background: NDArray[np.uint8] | None = None,
    outlines: Sequence[Outline] = (),
) -> None:
    """Draws for how long each animal was in each part of the image. Arguments as for `plot_trajectory`."""
    figure, panels = _panels(title, walks, size)
    for walk, axes in zip(walks, panels, strict=True):
        _prepare(axes, size, background, outlines)
        axes.set_title(_about(walk), fontsize=9, color=GREY, loc="left")
        found = occupancy(walk, size)
        top = float(np.percentile(found[found > 0], 99.5)) if (found > 0).any() else 1.0
        strength = np.clip(found / top, 0, 1)
        drawn = axes.imshow(
            found,
            cmap="inferno",
            vmin=0,
            vmax=top,
            alpha=np.clip(strength * 6, 0, 0.92),
            extent=(-0.5, size[0] - 0.5, size[1] - 0.5, -0.5),
            interpolation="bilinear",
            zorder=1.5,
        )
        _bar(figure, axes, drawn, f"seconds in a square of {size[0] / found.shape[1]:.0f} px")
    save(figure, path)


def _panels(title: str, walks: Sequence[Walk], size: tuple[int, int]) -> tuple[Figure, list[Axes]]:
    columns = min(max(1, len(walks)), 3)
    rows = -(-max(1, len(walks)) // columns)
    scale = _PANEL / max(size)
    wide, high = size[0] * scale, size[1] * scale
    width = columns * (_LEFT + wide + _RIGHT)
    height = rows * (_ABOVE + high + _BELOW) + _TITLE
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=140, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(_LEFT / width, 1 - 0.2 / height, title, va="top", fontsize=12, fontweight="bold")
        panels = []
        for index in range(len(walks)):
            row, column = divmod(index, columns)
            left = column * (_LEFT + wide + _RIGHT) + _LEFT
            below = height - _TITLE - (row + 1) * (_ABOVE + high + _BELOW) + _BELOW
            panels.append(figure.add_axes((left / width, below / height, wide / width, high / height)))
    return figure, panels


def _prepare(
    axes: Axes, size: tuple[int, int], background: NDArray[np.uint8] | None, outlines: Sequence[Outline]
) -> None:
    if background is not None:
        pale = 255 - (255 - background[:, :, ::-1].astype(float)) * 0.45
        axes.imshow(pale.astype(np.uint8), zorder=0)
    for name, points in outlines:
        closed = np.vstack([points, points[:1]])
        axes.plot(closed[:, 0], closed[:, 1], color="#2f6f4f", linewidth=1.2, zorder=2)
        place = (float(points[:, 0].mean()), float(points[:, 1].min()) + 0.015 * size[1])
        axes.annotate(name, place, color="#2f6f4f", fontsize=8, ha="center", va="top", zorder=3, path_effects=_HALO)
    axes.set_xlim(-0.5, size[0] - 0.5)
    axes.set_ylim(size[1] - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8)
    axes.set_xlabel("x, pixels", fontsize=8)
    axes.set_ylabel("y, pixels", fontsize=8)


def _limits(seconds: NDArray[np.float64]) -> tuple[float, float]:
    """The first and the last time; a clock that was set back may have put the first in the middle."""
    if not len(seconds):
        return 0.0, 1.0
    first = min(0.0, float(np.nanmin(seconds)))
    return first, max(float(np.nanmax(seconds)), first + 1e-9)


def _about(walk: Walk) -> str:
    name = f"{walk.name}: " if walk.name else ""
    return f"{name}seen in {walk.seen:.0%} of {len(walk.middle)} analysed frames; path length {walk.length:.0f} px"


def _bar(figure: Figure, axes: Axes, drawn: Any, label: str) -> None:
    place = axes.get_position()
    bar = figure.add_axes(
        (place.x1 + 0.12 / figure.get_figwidth(), place.y0, 0.13 / figure.get_figwidth(), place.height)
    )
    figure.colorbar(drawn, cax=bar)
    bar.set_ylabel(label, fontsize=8)
    bar.tick_params(labelsize=8)
