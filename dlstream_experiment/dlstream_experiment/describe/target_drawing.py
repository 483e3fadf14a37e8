"""Targets of triggers on a frame: the point, and from where an animal looks at it the angles that are true."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, degrees, hypot

from matplotlib.axes import Axes
from matplotlib.patches import Wedge
from matplotlib.patheffects import withStroke

from dlstream_experiment.describe.targets import Target

_AWAY, _REACH = 0.32, 0.24  # of the image's shorter side: from the point to the animal, and how far its wedge goes
_WHITE = [withStroke(linewidth=3, foreground="white")]


def draw_targets(axes: Axes, targets: Sequence[Target], colors: Sequence[str], width: int, height: int) -> None:
    """Draws each target as a cross, and a wedge from an animal beside it: the directions in which the trigger is true.

    Targets outside of the image are drawn where they are, as far as one image away; the axes grow by what they need.
    """
    left, top, right, bottom = -0.5, -0.5, width - 0.5, height - 0.5
    by_place: dict[object, int] = {}
    for number, target in enumerate(targets):
        color = colors[number % len(colors)]
        x, y = target.point if target.point is not None else _middle_of(target.direction, width, height)
        same = by_place[(x, y)] = by_place.get((x, y), -1) + 1
        size = min(width, height) / 2
        margin = 0.06 * size
        x, y = min(max(x, -size), width + size), min(max(y, -size), height + size)
        left, right = min(left, x - margin), max(right, x + margin)
        top, bottom = min(top, y - margin), max(bottom, y + margin)
        animal = _animal(x, y, width, height)
        if target.point is None:
            animal = width / 2, height / 2
            axes.annotate(
                "", (x, y), animal, arrowprops={"arrowstyle": "-|>", "color": color, "linestyle": "--"}, zorder=5
            )
        else:
            axes.plot(x, y, marker="o", ms=11, mfc="none", mec=color, mew=2, path_effects=_WHITE, zorder=6)
            axes.plot(x, y, marker="+", ms=15, color=color, mew=2, path_effects=_WHITE, zorder=6)
            axes.plot([animal[0], x], [animal[1], y], color=color, lw=1, ls="--", zorder=5)
        heading = degrees(atan2(y - animal[1], x - animal[0]))
        for first, last in _ranges(target, heading):
            wedge = Wedge(animal, _REACH * min(width, height), first, last, fc=color, ec=color, alpha=0.28, zorder=4)
            axes.add_patch(wedge)
        axes.plot(*animal, marker="o", ms=4, color=color, zorder=6)
        beside = (10 if x < width * 0.6 else -10, 14 + 16 * same if y > height / 2 else -12 - 16 * same)
        text = str(target) if target.point is not None else f"{target} (whatever the place)"
        axes.annotate(
            text,
            (x, y),
            beside,
            textcoords="offset points",
            color=color,
            ha="left" if beside[0] > 0 else "right",
            va="center",
            fontsize=10,
            fontweight="bold",
            path_effects=_WHITE,
            zorder=7,
        )
    axes.set(xlim=(left, right), ylim=(bottom, top))
    if (left, top, right, bottom) != (-0.5, -0.5, width - 0.5, height - 0.5):
        xs, ys = [-0.5, width - 0.5], [-0.5, height - 0.5]
        axes.plot([xs[0], xs[1], xs[1], xs[0], xs[0]], [ys[0], ys[0], ys[1], ys[1], ys[0]], color="#666666", lw=1)


def _middle_of(direction: tuple[int, int], width: int, height: int) -> tuple[float, float]:
    x, y = direction
    return (width - 1) / 2 * (1 + 0.92 * x), (height - 1) / 2 * (1 + 0.92 * y)


def _animal(x: float, y: float, width: int, height: int) -> tuple[float, float]:
    """A place from which an animal may look at a point: towards the middle of the image."""
    across, down = (width - 1) / 2 - x, (height - 1) / 2 - y
    far, side = hypot(across, down), min(width, height)
    if far < 0.05 * side:
        across, down, far = -1.0, 0.0, 1.0
    away = max(_AWAY * side, far - 0.5 * side)
    return x + across / far * away, y + down / far * away


def _ranges(target: Target, heading: float) -> list[tuple[float, float]]:
    if target.least <= 0:
        return [(heading - target.most, heading + target.most)]
    if target.most >= 180:
        return [(heading + target.least, heading + 360 - target.least)]
    return [
        (heading + target.least, heading + target.most),
        (heading - target.most, heading - target.least),
    ]
