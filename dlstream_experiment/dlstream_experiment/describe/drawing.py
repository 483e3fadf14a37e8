"""Pictures of an experiment: the protocol's states and what leads from one to another, and the regions on a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Curve
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath

from dlstream_common import Image
from dlstream_experiment.describe.layout import Position
from dlstream_experiment.describe.sketch import HEAD, HEAD_TEXT, LINE, PAD, TEXT, SketchedBox, sketch
from dlstream_experiment.describe.target_drawing import draw_targets
from dlstream_experiment.describe.targets import Target
from dlstream_experiment.model.protocols import Diagram
from dlstream_experiment.model.regions import Region

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8F6B00", "#56B4E9", "#7A4FBF", "#444444")
"""Distinguishable for people who see no red or no green (Okabe and Ito, darkened where text needs it)."""
_HEADS = {"state": "#33506B", "start": "#007A5A", "end": "#3A3A3A"}
_MARGIN = 26.0
_DOT = 2.6


def draw_states(diagram: Diagram, files: Sequence[Path], title: str = "") -> None:
    """Draws a protocol into files, in the format of their suffixes (.png, .svg, .pdf).

    Each box lists what leads out of it; the line from there has the row's colour and ends at where it leads.
    """
    drawn = sketch(diagram, _width)
    lift = _MARGIN + (18 if title else 0)
    width, height = drawn.size[0] + 2 * _MARGIN, drawn.size[1] + lift + _MARGIN
    figure, axes = _page(width, height)
    if title:
        axes.text(_MARGIN, 20, title, fontsize=12, fontweight="bold", va="center", color="#222222")
    for curve in drawn.curves:
        color = COLORS[curve.arrow % len(COLORS)]
        points = [(x + _MARGIN, y + lift) for x, y in curve.points]
        if len(points) == 1:
            axes.plot(*points[0], marker="s", ms=2 * _DOT, color=color, zorder=6)
        else:
            _curve(axes, points, curve.heading[0], color)
    for item in drawn.boxes:
        _box(axes, item, (item.corner[0] + _MARGIN, item.corner[1] + lift))
    _save(figure, files)


def draw_regions(
    regions: Mapping[str, Region],
    files: Sequence[Path],
    image: Image | None,
    size: tuple[int, int] | None = None,
    targets: Sequence[Target] = (),
) -> None:
    """Draws the outlines and names of regions on a frame of their camera, and what its triggers aim at.

    Args:
        image: (height, width, 3) uint8, blue, green, red; None: an empty picture of `size`, or around the regions.
    """
    if image is None:
        points = [target.point for target in targets if target.point is not None]
        right = max([*(region.bounds[2] for region in regions.values()), *(x for x, _ in points)], default=640.0)
        bottom = max([*(region.bounds[3] for region in regions.values()), *(y for _, y in points)], default=480.0)
        width, height = size or (int(min(max(right * 1.1, 640), 4000)), int(min(max(bottom * 1.1, 480), 4000)))
        image = np.full((height, width, 3), 235, np.uint8)
    height, width = image.shape[:2]
    figure = Figure(figsize=(9, 9 * height / width + 0.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(image[..., ::-1] if image.ndim == 3 else image, cmap="gray", interpolation="nearest")
    for number, (name, region) in enumerate(regions.items()):
        color = COLORS[number % len(COLORS)]
        corners = region.outline()
        axes.add_patch(Polygon(list(corners), closed=True, facecolor=color, alpha=0.18, edgecolor="none"))
        axes.add_patch(
            Polygon(
                list(corners),
                closed=True,
                fill=False,
                edgecolor=color,
                linewidth=2,
                path_effects=[withStroke(linewidth=4, foreground="white")],
            )
        )
        left, top, right, bottom = region.bounds
        axes.text(
            (left + right) / 2,
            (top + bottom) / 2,
            name,
            color=color,
            ha="center",
            va="center",
            fontweight="bold",
            fontsize=12,
            path_effects=[withStroke(linewidth=3, foreground="white")],
            clip_on=True,
        )
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xlabel="x (pixels)", ylabel="y (pixels)")
    if targets:
        draw_targets(axes, targets, COLORS[len(regions) % len(COLORS) :] + COLORS, width, height)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, files)


def _page(width: float, height: float) -> tuple[Figure, Axes]:
    """Axes in points, y downwards, over the whole of a figure."""
    figure = Figure(figsize=(width / 72, height / 72), dpi=120)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    return figure, axes


def _save(figure: Figure, files: Sequence[Path]) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        dates = {"Date": None} if file.suffix == ".svg" else {"Software": None} if file.suffix == ".png" else None
        figure.savefig(file, facecolor="white", metadata=dates)


def _box(axes: Axes, item: SketchedBox, corner: Position) -> None:
    (x, y), (width, height), color = corner, item.size, _HEADS[item.box.kind]
    rounded = "round,pad=0,rounding_size=5"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=rounded, fc="white", ec=color, lw=1.3, zorder=3))
    head = FancyBboxPatch((x, y), width, HEAD, boxstyle=rounded, fc=color, ec=color, lw=1.3, zorder=4)
    axes.add_patch(head)
    name = f"\u25b6 {item.box.name}" if item.box.kind == "start" else item.box.name
    axes.text(
        x + PAD,
        y + HEAD / 2 + 0.5,
        name,
        fontsize=HEAD_TEXT,
        fontweight="bold",
        color="white",
        va="center",
        zorder=5,
    )
    below = y + HEAD + PAD * 0.6
    for line in item.body:
        axes.text(x + PAD, below + LINE / 2, line, fontsize=TEXT, color="#222222", va="center", zorder=5)
        below += LINE
    if item.body and item.rows:
        axes.plot([x, x + width], [below + PAD * 0.3] * 2, color="#D5DADF", lw=0.8, zorder=4)
    for number, lines in item.rows:
        top = y + item.middles[number] - len(lines) * LINE / 2
        for index, line in enumerate(lines):
            place = top + (index + 0.5) * LINE
            axes.text(x + PAD, place, line, fontsize=TEXT, color=COLORS[number % len(COLORS)], va="center", zorder=5)


def _curve(axes: Axes, points: Sequence[Position], heading: float, color: str) -> None:
    path = Curve(list(points), [Curve.MOVETO, *[Curve.CURVE4] * (len(points) - 1)])
    axes.add_patch(PathPatch(path, fill=False, ec="white", lw=3.6, zorder=2, capstyle="butt"))
    axes.add_patch(PathPatch(path, fill=False, ec=color, lw=1.5, zorder=2.1))
    end_x, end_y = points[-1]
    axes.add_patch(
        FancyArrowPatch(
            (end_x - heading * 7, end_y),
            (end_x, end_y),
            arrowstyle="-|>,head_width=3,head_length=6",
            color=color,
            lw=0,
            shrinkA=0,
            shrinkB=0,
            mutation_scale=1,
            zorder=6,
        )
    )
    axes.plot(*points[0], marker="o", ms=2 * _DOT, color=color, zorder=6)


@lru_cache(maxsize=4096)
def _width(text: str, size: float, bold: bool) -> float:
    """Points that a text takes."""
    if not text.strip():
        return 0.0
    font = FontProperties(weight="bold" if bold else "normal")
    return 1.04 * float(TextPath((0, 0), text.replace("$", "S"), size=size, prop=font).get_extents().width)


def pictures_of(folder: Path, name: str, what: str) -> Iterator[Path]:
    """The files of a picture of an experiment, as PNG for looking and SVG for papers."""
    for ending in ("png", "svg"):
        yield folder / f"{name}.{what}.{ending}"
