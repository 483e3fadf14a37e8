"""The latency plot. Imported only for drawing, as matplotlib takes long to load."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from dlstream_recorder.report.summary import HOPS

_COLOURS = {
    "capture_to_received": "#8da0b3",
    "received_to_inference": "#b0bec9",
    "inference": "#6c8ebf",
    "capture_to_pose": "#0072b2",
    "pose_to_decision": "#56b4e9",
    "decision_to_sent": "#b8860b",
    "capture_to_command": "#e69f00",
    "sent_to_received": "#d9a3c3",
    "received_to_applied": "#a05195",
    "command_to_acknowledgement": "#cc79a7",
    "capture_to_applied": "#009e73",
}
_MARKERS = {"capture_to_command": "D", "command_to_acknowledgement": "s", "capture_to_applied": "o"}
_INK, GREY, _GRID, _FAULT = "#24292f", "#57606a", "#d8dee4", "#d1242f"
_HEAD, _GAP, _FOOT = 1.05, 0.75, 0.55  # inches above, between and below the two plots
_COLUMNS = (1.11, 1.21, 1.31, 1.43, 1.53)
_FEW = 40
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def plot_latency(
    path: Path, title: str, subtitle: str, hops: Mapping[str, pd.DataFrame], faults: Sequence[int], start: int
) -> None:
    """Draws each hop's distribution, and below it the latencies over the session.

    Args:
        path: of the figure.
        title, subtitle: at the top.
        hops: as returned by `all_hops`.
        faults: times of the faults, in nanoseconds since the epoch.
        start: time 0 of the lower plot, in nanoseconds since the epoch.
    """
    shown = {name: hops[name] for name in HOPS if len(hops[name])}
    with matplotlib.rc_context(STYLE):
        rows = max(1, len(shown))
        heights = [0.55 * rows + 0.2, 2.6]
        height = _HEAD + heights[0] + _GAP + heights[1] + _FOOT
        figure = Figure(figsize=(11, height), dpi=140, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(0.025, 1 - 0.18 / height, title, va="top", fontsize=13, fontweight="bold")
        figure.text(0.025, 1 - 0.48 / height, subtitle, va="top", color=GREY)
        upper = figure.add_axes((0.185, (_FOOT + heights[1] + _GAP) / height, 0.52, heights[0] / height))
        lower = figure.add_axes((0.185, _FOOT / height, 0.52, heights[1] / height))
        if shown:
            _distributions(upper, shown)
            _over_time(lower, shown, faults, start)
        else:
            upper.axis("off")
            lower.axis("off")
            lower.text(0.5, 0.9, "no latency was recorded", ha="center", fontsize=12)
        save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Writes a figure. A letter that the font lacks, such as of a file's Chinese name, is drawn as a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(path)


def _distributions(axes: Axes, hops: Mapping[str, pd.DataFrame]) -> None:
    """One row per hop: its histogram (or its points if there are few), median, 95th percentile, and the numbers."""
    values = {name: np.maximum(hop["ms"].to_numpy(float), 1e-3) for name, hop in hops.items()}
    low, high = min(item.min() for item in values.values()), max(item.max() for item in values.values())
    edges = np.geomspace(low / 1.15, high * 1.15, 110)
    beside = axes.get_yaxis_transform()
    for row, (name, found) in enumerate(values.items()):
        colour, base = _COLOURS[name], len(values) - 1 - row
        if len(found) < _FEW:
            axes.plot(found, np.full(len(found), base + 0.28), "o", color=colour, alpha=0.5, markersize=6, mew=0)
        else:
            counts = np.histogram(found, edges)[0].astype(float)
            height = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
            centres = np.sqrt(edges[1:] * edges[:-1])
            axes.fill_between(centres, base, base + 0.72 * height / height.max(), color=colour, alpha=0.5, linewidth=0)
        p50, p95, p99 = np.percentile(found, [50, 95, 99])
        axes.plot([p50, p95], [base, base], color=colour, linewidth=3, solid_capstyle="round")
        axes.plot([p50], [base], "o", color="white", markeredgecolor=colour, markeredgewidth=2, markersize=7)
        axes.plot([p95], [base], "|", color=colour, markersize=11, markeredgewidth=2)
        figures = [f"{value:.1f}" for value in (p50, p95, p99, found.max())]
        for place, text in zip(_COLUMNS, [*figures, str(len(found))], strict=True):
            axes.text(place, base + 0.22, text, transform=beside, va="center", ha="right")
    for place, text in zip(_COLUMNS, ("p50", "p95", "p99", "max ms", "n"), strict=True):
        axes.text(place, len(values) - 0.15, text, transform=beside, va="bottom", ha="right", color=GREY, fontsize=8)
    axes.set_yticks([len(values) - 1 - row + 0.22 for row in range(len(values))], [HOPS[name] for name in values])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.3, len(values) - 0.1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color=_GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("milliseconds (logarithmic)")


def _over_time(axes: Axes, hops: Mapping[str, pd.DataFrame], faults: Sequence[int], start: int) -> None:
    """Every pose and every command over time."""
    top = 0.0
    for name, hop in hops.items():
        label, colour = HOPS[name], _COLOURS[name]
        seconds = (hop["at"].to_numpy(float) - start) / 1e9
        found = hop["ms"].to_numpy(float)
        if name != "capture_to_pose" and name not in _MARKERS:
            continue
        top = max(top, float(np.percentile(found, 99.5)) * 1.35)
        if name == "capture_to_pose":
            axes.plot(seconds, found, ".", color=colour, markersize=2.5, alpha=0.45, label=label, rasterized=True)
            order = np.argsort(seconds)
            middle = pd.Series(found[order]).rolling(61, center=True, min_periods=1).median()
            axes.plot(seconds[order], middle, color=colour, linewidth=1.6)
        else:
            marker = _MARKERS[name]
            axes.plot(
                seconds, found, marker, color=colour, markersize=5.5, markeredgecolor="white", label=label, clip_on=True
            )
    for index, stamp in enumerate(faults):
        axes.axvline((stamp - start) / 1e9, color=_FAULT, linewidth=1, alpha=0.7, label="" if index else "fault")
    axes.set_ylim(0, max(top, 1e-3))
    axes.margins(x=0.01)
    axes.set_xlabel("seconds since the start of the session")
    axes.set_ylabel("milliseconds")
    axes.grid(color=_GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.04), frameon=False, markerscale=1.4, fontsize=9)
