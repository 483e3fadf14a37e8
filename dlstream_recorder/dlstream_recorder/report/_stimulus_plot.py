"""The picture of stimuli over time. Imported only for drawing, as matplotlib takes long to load."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlstream_recorder.report._plots import GREY, STYLE, save

_REAL, _SHAM = "#0072b2", "#e69f00"
_ROW = 0.42  # inches
_HEAD, _FOOT = 0.6, 0.6


def plot_stimuli(path: Path, title: str, found: pd.DataFrame, start: int) -> None:
    """Draws each stimulus as a bar, in a row for each trigger and output; below each real one the sham.

    Args:
        found: as `intervals.stimuli` returns them; at least one.
        start: time 0, in nanoseconds since the epoch.
    """
    groups = list(found.groupby(["trigger", "output"], sort=True))
    height = _HEAD + _ROW * 1.6 * len(groups) + _FOOT
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, height), dpi=140, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(0.025, 1 - 0.18 / height, title, va="top", fontsize=13, fontweight="bold")
        axes = figure.add_axes((0.185, _FOOT / height, 0.6, (height - _HEAD - _FOOT) / height))
        beside = axes.get_yaxis_transform()
        labels = []
        for index, ((trigger, output), group) in enumerate(groups):
            row = len(groups) - 1 - index
            labels.append((row, f"{trigger or 'no trigger'} → {output}"))
            for sham, colour, place in ((False, _REAL, row + 0.02), (True, _SHAM, row - 0.34)):
                mine = group[group["sham"] == sham]
                begin = (mine["start_ns"].to_numpy(np.int64) - start) / 1e9
                lasted = (mine["stop_ns"].to_numpy(np.int64) - mine["start_ns"].to_numpy(np.int64)) / 1e9
                axes.broken_barh(
                    list(zip(begin, lasted, strict=True)),
                    (place, 0.32),
                    facecolor=colour,
                    edgecolor=colour,
                    linewidth=0.8,
                )
                text = f"{len(mine)} {'sham' if sham else 'real'}, {lasted.sum():.1f} s"
                axes.text(
                    1.015,
                    place + 0.16,
                    text,
                    transform=beside,
                    va="center",
                    color=colour if len(mine) else GREY,
                    fontsize=8.5,
                )
        axes.set_yticks([row + 0.01 for row, _ in labels], [label for _, label in labels])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.55, len(groups) - 0.45)
        axes.set_xlim(0, None)
        axes.grid(axis="x", color="#d8dee4", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("seconds since the start of the session")
        save(figure, path)
