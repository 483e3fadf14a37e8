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


@dataclass(frozen=True)
class LabelDistances:
    """How far a network is from labels.

    Attributes:
        labelled: (images, keypoints): where there is a label of a keypoint that the network knows.
        distances: (images, keypoints), pixels of the labelled images; NaN where there is no label, or no pose.
    """

    labels: Labels
    labelled: NDArray[np.bool_]
    distances: NDArray[np.float64]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(images, keypoints): where it has a pose of what is labelled."""
        return np.isfinite(self.distances)

    @property
    def missing(self) -> int:
        """Labelled points of which it has no pose."""
        return int((self.labelled & ~self.seen).sum())

    def check_seen(self, who: str) -> None:
        """Raises a NetworkError if a network, named in words, has a pose of none of the labelled points."""
        if not self.seen.any():
            raise NetworkError(
                f"--labels: {who} has no pose of any of the {self.labelled.sum()} labelled points, the first on "
                f"{self.first(self.labelled)}; expected images of the animal that it knows, in the size that it was "
                "trained on (--scale)"
            )

    def first(self, which: NDArray[np.bool_]) -> str:
        """The name of the first image with one of these points."""
        return self.labels.images[int(np.argmax(which.any(axis=1)))].name


@dataclass(frozen=True)
class Compared:
    """Two networks by the same labels.

    Attributes:
        points: labelled points of which both have a pose; a network that leaves hard ones out would look better
            by its own.
        own, other: mean distance to them, pixels; NaN without points.
        own_missing, other_missing: labelled points of which it has no pose.
        lost: those of them of which only the other one has a pose.
        lost_at: the image of the first of these; empty: none.
    """

    points: int
    own: float
    other: float
    own_missing: int
    other_missing: int
    lost: int
    lost_at: str


def compared(own: LabelDistances, other: LabelDistances) -> Compared:
    """Compares a network with another one that knows the same keypoints."""
    both, lost = own.seen & other.seen, other.seen & ~own.seen
    return Compared(
        points=int(both.sum()),
        own=float(own.distances[both].mean()) if both.any() else float("nan"),
        other=float(other.distances[both].mean()) if both.any() else float("nan"),
        own_missing=own.missing,
        other_missing=other.missing,
        lost=int(lost.sum()),
        lost_at=own.first(lost) if lost.any() else "",
    )


def distances_to(labels: Labels, estimator: Estimator) -> LabelDistances:
    """Runs a network on the labelled images.

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
    distances = np.full((len(labels.images), len(shared)), np.nan)
    for number, path in enumerate(labels.images):
        image = cv2.imread(str(path))
        if image is None:
            raise NetworkError(f"{path}: can't be read as an image")
        poses = estimator.detect(np.asarray(image, np.uint8))
        if len(poses):
            distances[number] = np.hypot(*(poses[0, ours, :2] - labels.points[number, theirs]).T)
    labelled = np.asarray(np.isfinite(labels.points[:, theirs]).all(axis=2))
    found = LabelDistances(labels, labelled, distances)
    if not found.labelled.any():
        raise NetworkError("--labels: found no labelled point")
    return found
