"""Poses against labels set by hand, with the figure that DeepLabCut's own evaluation prints."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Run = Callable[[Any, int], Any]
"""From an image and its number to poses."""


def read_labels(folder: Path) -> tuple[list[Path], Any]:
    """Images and their labels (N, K, 2), NaN where there is none, of a folder as DeepLabCut keeps them."""
    tables = sorted(folder.glob("CollectedData_*.csv"))
    if len(tables) != 1:
        raise SystemExit(f"{folder}: found {len(tables)} files CollectedData_*.csv; expected one, as DeepLabCut writes")
    rows = list(csv.reader(tables[0].open()))
    heads = [row for row in rows if row and row[0] in ("scorer", "individuals", "bodyparts", "coords")]
    if len(heads) != 3 or "x" not in heads[-1]:
        raise SystemExit(f"{tables[0]}: found {len(heads)} header rows; expected scorer, bodyparts, coords")
    first = heads[-1].index("x")  # DeepLabCut's older tables have one column for the image's path, later ones three
    named = rows[len(heads) :]
    labels = np.array([[float(cell or "nan") for cell in row[first:]] for row in named])
    return [folder / Path(row[first - 1]).name for row in named], labels.reshape(len(named), -1, 2)


def against_labels(folder: Path, contenders: Mapping[str, tuple[Run, bool]]) -> dict[str, dict[str, float]]:
    """Distances to the labels, in pixels of the images.

    Args:
        contenders: what finds poses, and whether it has to see an image twice, so that there is a window around the
            animal.

    Returns:
        For each contender `mean`, which is what DeepLabCut's evaluation calls RMSE, `rms`, `median`, `p95`, and the
        number of labels; with DeepLabCut in the environment `deeplabcut`, the figure by its own code.
    """
    paths, labels = read_labels(folder)
    images = [cv2.imread(str(path)) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image is None:
            raise SystemExit(f"{path}: can't be read; expected the image that CollectedData_*.csv names")
    figures = {}
    for name, (run, twice) in contenders.items():
        poses = []
        for number, image in enumerate(images):
            for repeat in range(1 + twice):  # 100 frames later a window is looked for anew
                found = np.array(run(image, 10_000 + 100 * number + repeat), np.float32)
            poses.append(found.reshape(-1, 3)[: labels.shape[1]])
        figures[name] = _figures(np.array(poses), labels)
    return figures


def _figures(poses: Any, labels: Any) -> dict[str, float]:
    distances = np.hypot(*np.moveaxis(poses[..., :2] - labels, -1, 0))
    known = distances[~np.isnan(distances)]
    figures = {
        "mean": float(known.mean()),
        "rms": float(np.sqrt(np.mean(known**2))),
        "median": float(np.median(known)),
        "p95": float(np.quantile(known, 0.95)),
        "labels": len(known),
    }
    theirs = _by_deeplabcut(poses, labels)
    return figures if theirs is None else figures | {"deeplabcut": theirs}


def _by_deeplabcut(poses: Any, labels: Any) -> float | None:
    try:
        from deeplabcut.core.metrics.distance_metrics import compute_rmse
    except ImportError:
        return None
    visible = np.where(np.isnan(labels[..., :1]), 0.0, 2.0)
    truth = np.concatenate([labels, visible], axis=-1)
    pairs = [(one[None], pose[None]) for one, pose in zip(truth, poses, strict=True)]
    return float(compute_rmse(pairs, single_animal=True, pcutoff=0.0)["rmse"])


def table(figures: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The figures as rows of Markdown."""
    lines = [
        "| against hand labels | mean px (DeepLabCut: RMSE) | by DeepLabCut's code | RMS | median | p95 |",
        "|---|---|---|---|---|---|",
    ]
    for name, off in figures.items():
        cells = [f"{off[key]:.3f}" if key in off else "" for key in ("mean", "deeplabcut", "rms", "median", "p95")]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return lines
