"""Labels made by hand, in DeepLabCut's own layout, and a network's error by them."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_common.text_files import decoded_text
from dlstream_pose.runtime.estimator import Estimator


@dataclass(frozen=True)
class Labels:
    """Images, and where the keypoints are in them: (images, keypoints, 2), NaN where there is no label."""

    images: list[Path]
    keypoints: tuple[str, ...]
    points: NDArray[np.float64]


def read_labels(path: Path) -> Labels:
    """Reads CollectedData_*.csv, or the one in a folder, also as Excel saves it again; the images lie beside it.

    Raises:
        NetworkError: it can't be read, is for several animals, or an image is missing.
    """
    file = path
    if path.is_dir():
        found = sorted(path.glob("CollectedData_*.csv"))
        if len(found) != 1:
            raise NetworkError(f"{path}: found {len(found)} files CollectedData_*.csv; expected one")
        file = found[0]
    try:
        text = decoded_text(file.read_bytes())
        separator = next((sign for sign in ";\t" if text.startswith(f"scorer{sign}")), ",")
        table = pd.read_csv(StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise NetworkError(
            f"{file}: can't be read as labels ({error}); expected DeepLabCut's CollectedData_*.csv"
        ) from error
    heads = {str(row[0]): number for number, row in enumerate(table.head(4).to_numpy())}
    if "individuals" in heads:
        raise NetworkError(f"{file}: found labels of several individuals; expected those of one animal")
    if "bodyparts" not in heads or "coords" not in heads:
        raise NetworkError(f"{file}: found no rows 'bodyparts' and 'coords'; expected DeepLabCut's CollectedData_*.csv")
    parts, coords = table.iloc[heads["bodyparts"]].tolist(), table.iloc[heads["coords"]].tolist()
    columns = {
        (part, axis): number
        for number, (part, axis) in enumerate(zip(parts, coords, strict=True))
        if axis in "xy" and axis
    }
    names = tuple(dict.fromkeys(part for part, _ in columns))
    rows = table.iloc[heads["coords"] + 1 :]
    first = min(columns.values(), default=1)
    images = [file.parent / Path(str(row[first - 1]).replace("\\", "/")).name for row in rows.to_numpy()]
    try:
        points = np.array(
            [[[_number(row[columns[name, axis]]) for axis in "xy"] for name in names] for row in rows.to_numpy()]
        )
    except (ValueError, KeyError) as error:
        raise NetworkError(f"{file}: found a label that is no number ({error}); expected x and y in pixels") from error
    missing = [image for image in images if not image.is_file()]
    if missing or not images:
        raise NetworkError(
            f"{file}: found no image {missing[0].name if missing else ''} beside it; expected every labelled one"
        )
    return Labels(images, names, points.reshape(len(images), len(names), 2))


def _number(cell: str) -> float:
    """A coordinate, also with a decimal comma; NaN where there is none."""
    return float(cell.strip().replace(",", ".") or "nan")


def error_by(labels: Labels, estimator: Estimator) -> tuple[int, float]:
    """How many labelled points there are, and the mean distance to them in pixels of the labelled images.

    Raises:
        NetworkError: the network is for several animals, or has none of the labelled keypoints.
    """
    known = estimator.info.keypoints
    shared = [name for name in labels.keypoints if name in known]
    if len(estimator.info.individuals) > 1 or not shared:
        raise NetworkError(
            f"--labels: found labels of {', '.join(labels.keypoints)}; expected keypoints of a network for one animal: "
            f"{', '.join(known)}"
        )
    ours, theirs = [known.index(name) for name in shared], [labels.keypoints.index(name) for name in shared]
    distances = []
    for path, points in zip(labels.images, labels.points, strict=True):
        image = cv2.imread(str(path))
        if image is None:
            raise NetworkError(f"{path}: can't be read as an image")
        poses = estimator.detect(np.asarray(image, np.uint8))
        found = poses[0, ours, :2] if len(poses) else np.full((len(ours), 2), np.nan)
        distances.append(np.hypot(*(found - points[theirs]).T)[~np.isnan(points[theirs]).any(axis=1)])
    every = np.concatenate(distances)
    if not len(every):
        raise NetworkError("--labels: found no labelled point")
    return len(every), float(every.mean())
