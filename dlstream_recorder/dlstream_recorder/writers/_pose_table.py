"""Poses in DeepLabCut's own table layout, where row n is frame n of the video."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlstream_common import FramePoses, Individual
from dlstream_recorder.writers._csv import CsvFile

NOTHING = "NaN"
"""The cells of a frame without poses. Not empty: pandas would read a first row of empty cells as index names."""
_WAITING = 36_000  # frames that may wait for their poses: ten minutes at 60 frames per second


def is_complete(poses: FramePoses) -> bool:
    """Whether each individual has one position and one confidence for each keypoint."""
    shape = (len(poses.keypoints),)
    return all(one.x.shape == one.y.shape == one.confidence.shape == shape for one in poses.individuals)


class PoseTable:
    """`<camera>.poses.csv` of one video.

    Frames are announced as they are recorded; their poses arrive later, or never. Poses are written into the row of
    their frame, and skipped frames get empty rows, so the file is correct at any moment, up to the last poses.
    The first poses start the file: their keypoints are those of the table.

    Args:
        path: of the file.
        scorer: DeepLabCut's word for the name of the network.
        single: there is one animal, whose id does not matter: the table has no row of individuals.
        individuals: those that are in the table from the start; others are added when they appear.
    """

    def __init__(self, path: Path, scorer: str, single: bool = False, individuals: Sequence[str] = ()) -> None:
        self.path = path
        self._scorer, self._single = scorer, single
        self._file: CsvFile | None = None
        self._keypoints: tuple[str, ...] = ()
        self._individuals = list(individuals)
        self._keeps_place = False  # the only column is for an animal that has not been seen: it has no name yet
        self._rows: OrderedDict[int, dict[int, int]] = OrderedDict()  # stamp -> sequence -> row

    def describe(self, scorer: str, single: bool, individuals: Sequence[str] = ()) -> None:
        """Changes the header, even of a file with rows: the network's name may arrive after the first poses.

        Args:
            scorer: as of the table, like `single`.
            single: as of the table.
            individuals: those that are in the table from now on, besides those that it has.
        """
        before, known = self._header(), len(self._individuals)
        self._scorer, self._single = scorer, single
        self._places(individuals)
        self._replace_header(before, known)

    def expect(self, row: int, stamp: int, sequence: int) -> None:
        """Announces that frame `row` of the video has this stamp and sequence."""
        self._rows.setdefault(stamp, {})[sequence] = row
        if len(self._rows) > _WAITING:
            self._rows.popitem(last=False)

    def row_of(self, poses: FramePoses) -> int | None:
        """The row that these poses belong to; None if their frame has not been recorded (yet) or was skipped."""
        rows = self._rows.get(poses.stamp)
        if rows is None:
            return None
        # If the pose node counts differently from the image's publisher, only the stamp identifies the frame.
        return rows.get(poses.sequence, next(iter(rows.values())))

    def fits(self, poses: FramePoses) -> bool:
        """Whether the poses have the table's keypoints and numbers for each of them."""
        return is_complete(poses) and (self._file is None or poses.keypoints == self._keypoints)

    def write(self, row: int, poses: FramePoses) -> None:
        """Writes poses that `fits` into `row`, as returned by `row_of`; rows before it can't be written any more."""
        slots = self._slots(poses.individuals)
        if self._file is None:
            self._keypoints = poses.keypoints
            self._file = CsvFile(self.path, self._header())
        width = len(self._keypoints)
        values = np.full((len(self._individuals), width, 3), np.nan, np.float32)
        for slot, individual in zip(slots, poses.individuals, strict=True):
            values[slot] = np.stack([individual.x, individual.y, individual.confidence], axis=1)
        cells = [NOTHING if text == "nan" else text for text in values.ravel().astype(str).tolist()]
        self._file.write([*self._empty(self._file.rows, row), [row, *cells]])
        while self._rows:
            stamp, rows = next(iter(self._rows.items()))
            rows = {sequence: other for sequence, other in rows.items() if other > row}
            if rows:
                self._rows[stamp] = rows
                break
            del self._rows[stamp]

    def finish(self, rows: int) -> None:
        """Fills the table with empty rows up to the video's number of frames, and closes it."""
        if self._file is not None:
            if self._file.rows < rows:
                self._file.write(self._empty(self._file.rows, rows))
            self._file.close()

    def sync(self) -> None:
        """See AppendFile.sync."""
        if self._file is not None:
            self._file.sync()

    def _empty(self, start: int, end: int) -> list[list[object]]:
        cells = [NOTHING] * (len(self._individuals) * len(self._keypoints) * 3)
        return [[row, *cells] for row in range(start, end)]

    def _slots(self, individuals: Sequence[Individual]) -> list[int]:
        """The slot of each individual in a row, by its id, or by its order if it has none; adds new slots."""
        before, known = self._header(), len(self._individuals)
        slots = self._places([individual.id for individual in individuals])
        if not self._individuals:
            self._individuals.append("")
            self._keeps_place = True
        self._replace_header(before, known)
        return slots

    def _places(self, ids: Sequence[str]) -> list[int]:
        if ids and self._keeps_place:
            self._individuals[0], self._keeps_place = ids[0], False
        slots: list[int] = []
        for name in ids:
            same = [slot for slot, other in enumerate(self._individuals) if other == name and slot not in slots]
            if not same:
                self._individuals.append(name)
            slots.append(same[0] if same else len(self._individuals) - 1)
        return slots

    def _replace_header(self, before: list[list[str]], known: int) -> None:
        if self._file is not None and self._header() != before:
            added = (len(self._individuals) - known) * len(self._keypoints) * 3
            self._file.replace(self._header(), NOTHING, added)

    def _header(self) -> list[list[str]]:
        anonymous = self._single and len(self._individuals) == 1
        return header(self._scorer, [""] if anonymous else self._individuals, self._keypoints)


def header(scorer: str, individuals: Sequence[str], keypoints: Sequence[str]) -> list[list[str]]:
    """The header of a table in DeepLabCut's layout; with individuals only if there are several or one has an id."""
    cells = len(individuals) * len(keypoints) * 3
    rows = [["scorer", *[scorer] * cells]]
    if len(individuals) > 1 or any(individuals):
        names = [name or f"individual{number}" for number, name in enumerate(individuals, 1)]
        rows.append(["individuals", *[name for name in names for _ in range(len(keypoints) * 3)]])
    rows.append(["bodyparts", *[keypoint for keypoint in keypoints for _ in range(3)] * len(individuals)])
    rows.append(["coords", *["x", "y", "likelihood"] * (len(individuals) * len(keypoints))])
    return rows
