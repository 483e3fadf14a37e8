"""Pictures of an experiment: the protocol's states and what leads from one to another, and the regions on a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Curve
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath

from dlstream_common import Image
from dlstream_experiment.describe.layout import Position, lay_out
from dlstream_experiment.describe.target_drawing import draw_targets
from dlstream_experiment.describe.targets import Target
from dlstream_experiment.model.protocols import Box, Diagram
from dlstream_experiment.model.regions import Region

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8F6B00", "#56B4E9", "#7A4FBF", "#444444")
"""Distinguishable for people who see no red or no green (Okabe and Ito, darkened where text needs it)."""
_HEADS = {"state": "#33506B", "start": "#007A5A", "end": "#3A3A3A"}
_TEXT, _HEAD_TEXT = 9.0, 10.5
_LINE, _PAD, _HEAD = 12.5, 8.0, 20.0
_WRAP = 34
_MARGIN = 26.0
_DOT = 2.6


@dataclass
class _Drawn:
    """A box with its texts, wrapped: what is on in it, and a row for each arrow that leaves it."""

    box: Box
    body: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    size: tuple[float, float] = (0.0, 0.0)
    middles: dict[int, float] = field(default_factory=dict)
    """Of each arrow's row, from the box's upper edge."""


def draw_states(diagram: Diagram, files: Sequence[Path], title: str = "") -> None:
    """Draws a protocol into files, in the format of their suffixes (.png, .svg, .pdf).

    Each box lists what leads out of it; the line from there has the row's colour and ends at where it leads.
    """
    drawn = {box.name: _texts(box, diagram) for box in diagram.boxes}
    layout = lay_out(diagram, {name: item.size for name, item in drawn.items()})
    width, height = layout.size[0] + 2 * _MARGIN, layout.size[1] + 2 * _MARGIN + (18 if title else 0)
    figure, axes = _page(width, height)
    if title:
        axes.text(_MARGIN, 20, title, fontsize=12, fontweight="bold", va="center", color="#222222")
    moved = {name: (x + _MARGIN, y + height - layout.size[1] - _MARGIN) for name, (x, y) in layout.boxes.items()}
    lift = height - layout.size[1] - _MARGIN
    arrivals = _arrivals(diagram, layout.columns)
    for number, arrow in enumerate(diagram.arrows):
        source, target = drawn[arrow.start], drawn[arrow.end]
        ahead = layout.columns[arrow.end] - layout.columns[arrow.start]
        (x, y), (to_x, to_y) = moved[arrow.start], moved[arrow.end]
        begin = (x + source.size[0] if ahead >= 0 else x, y + source.middles[number])
        goal = (to_x if ahead > 0 else to_x + target.size[0], to_y + arrivals[number])
        color, points = COLORS[number % len(COLORS)], layout.lanes[number]
        if points is None:
            axes.plot(*begin, marker="s", ms=2 * _DOT, color=color, zorder=6)
            continue
        lanes = [(lane_x + _MARGIN, lane_y + lift) for lane_x, lane_y in points]
        _curve(axes, [begin, *lanes, goal], (1 if ahead >= 0 else -1, -1 if ahead > 0 else 1), color)
    for name, item in drawn.items():
        _box(axes, item, moved[name])
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


def _texts(box: Box, diagram: Diagram) -> _Drawn:
    drawn = _Drawn(box, ["from every state, when"] if box.kind == "end" and box.lines else [])
    words = "or " if box.kind == "end" else ""
    for number, line in enumerate(box.lines):
        drawn.body += wrap(f"{words if number else ''}{line}", _WRAP, subsequent_indent="   ") or [""]
    for number, arrow in enumerate(diagram.arrows):
        if arrow.start == box.name:
            label = f"{arrow.label or 'always'} \u2192 {arrow.end}"
            drawn.rows.append((number, wrap(label, _WRAP, subsequent_indent="   ")))
    texts = [*drawn.body, *(line for _, lines in drawn.rows for line in lines)]
    width = max([_width(box.name, _HEAD_TEXT, True) + 6, 60.0, *(_width(text, _TEXT, False) for text in texts)])
    y = _HEAD + (_PAD * 0.6 + len(drawn.body) * _LINE if drawn.body else 0) + _PAD * 0.6
    for number, lines in drawn.rows:
        drawn.middles[number] = y + len(lines) * _LINE / 2
        y += len(lines) * _LINE + 3
    drawn.size = (width + 2 * _PAD + 4, y + (_PAD * 0.3 if drawn.rows or drawn.body else 0))
    return drawn


def _arrivals(diagram: Diagram, columns: Mapping[str, int]) -> dict[int, float]:
    """How far below its goal's upper edge each arrow ends: spread over the head, so that they can be distinguished."""
    by_side: dict[tuple[str, bool], list[int]] = {}
    for number, arrow in enumerate(diagram.arrows):
        by_side.setdefault((arrow.end, columns[arrow.end] > columns[arrow.start]), []).append(number)
    places = {}
    for numbers in by_side.values():
        for index, number in enumerate(numbers):
            places[number] = _HEAD * (index + 1) / (len(numbers) + 1)
    return places


def _box(axes: Axes, item: _Drawn, corner: Position) -> None:
    (x, y), (width, height), color = corner, item.size, _HEADS[item.box.kind]
    rounded = "round,pad=0,rounding_size=5"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=rounded, fc="white", ec=color, lw=1.3, zorder=3))
    head = FancyBboxPatch((x, y), width, _HEAD, boxstyle=rounded, fc=color, ec=color, lw=1.3, zorder=4)
    axes.add_patch(head)
    name = f"\u25b6 {item.box.name}" if item.box.kind == "start" else item.box.name
    axes.text(
        x + _PAD,
        y + _HEAD / 2 + 0.5,
        name,
        fontsize=_HEAD_TEXT,
        fontweight="bold",
        color="white",
        va="center",
        zorder=5,
    )
    below = y + _HEAD + _PAD * 0.6
    for line in item.body:
        axes.text(x + _PAD, below + _LINE / 2, line, fontsize=_TEXT, color="#222222", va="center", zorder=5)
        below += _LINE
    if item.body and item.rows:
        axes.plot([x, x + width], [below + _PAD * 0.3] * 2, color="#D5DADF", lw=0.8, zorder=4)
    for number, lines in item.rows:
        top = y + item.middles[number] - len(lines) * _LINE / 2
        for index, line in enumerate(lines):
            place = top + (index + 0.5) * _LINE
            axes.text(x + _PAD, place, line, fontsize=_TEXT, color=COLORS[number % len(COLORS)], va="center", zorder=5)


def _curve(axes: Axes, points: Sequence[Position], sides: tuple[int, int], color: str) -> None:
    """A smooth line through the points that leaves and arrives horizontally; `sides`: -1 left, 1 right of the box."""
    corners, codes = [points[0]], [Curve.MOVETO]
    for index, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        first, last = index == 0, index == len(points) - 2
        reach = max(24.0, min(60.0, abs(to_x - x) * 0.5 + abs(to_y - y) * 0.12))
        heading = 1 if to_x > x else -1
        out = sides[0] if first else heading
        into = sides[1] if last else -heading
        corners += [(x + out * reach, y), (to_x + into * reach, to_y), (to_x, to_y)]
        codes += [Curve.CURVE4] * 3
    path = Curve(corners, codes)
    axes.add_patch(PathPatch(path, fill=False, ec="white", lw=3.6, zorder=2, capstyle="butt"))
    axes.add_patch(PathPatch(path, fill=False, ec=color, lw=1.5, zorder=2.1))
    end_x, end_y = points[-1]
    axes.add_patch(
        FancyArrowPatch(
            (end_x + sides[1] * 7, end_y),
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
