"""The picture of the measured times. Imported only for drawing, as matplotlib takes long to load."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlstream.latency.flashes import CHAINS, ENOUGH_FOR_P99, distribution

_COLOURS = ("#cc79a7", "#e69f00", "#0072b2", "#009e73")
_GREY, _GRID = "#57606a", "#d8dee4"


def plot(rows: pd.DataFrame, title: str, subtitle: str, path: Path, by_input: bool = False) -> None:
    """Draws the share of flashes that took longer, against the time: so the tail is seen, which a mean hides."""
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "font.size": 10}):
        figure = Figure(figsize=(11, 5), dpi=140, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(0.03, 0.965, title, va="top", fontsize=13, fontweight="bold")
        figure.text(0.03, 0.905, subtitle, va="top", color=_GREY)
        axes = figure.add_axes((0.08, 0.12, 0.58, 0.7))
        for chain, colour in zip(CHAINS, _COLOURS, strict=True):
            found = distribution(rows[chain.name])
            if found is None:
                continue
            values = np.sort(rows[chain.name].dropna().to_numpy(float))
            longer = 1 - np.arange(1, len(values) + 1) / (len(values) + 1)
            far = f"{found.p99:.1f} ms p99" if found.n >= ENOUGH_FOR_P99 else f"{found.worst:.1f} ms at most"
            label = f"{chain.words(by_input)}\n{found.p50:.1f} ms median, {far}"
            axes.step(np.maximum(values, 1e-2), 100 * longer, where="post", color=colour, linewidth=2, label=label)
        axes.set(xscale="log", yscale="log", xlabel="milliseconds", ylabel="flashes that took longer (%)")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(which="both", color=_GRID, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize=9, labelspacing=1.2)
        figure.savefig(path)
