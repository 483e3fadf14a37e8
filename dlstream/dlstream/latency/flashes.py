"""What one flash showed, and what all of them say. No ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

_MS = 1e-6


@dataclass(frozen=True)
class Flash:
    """The times of one flash, in nanoseconds since the epoch; 0: not seen, or not asked for.

    Attributes:
        sent: the command "on" was sent.
        applied: the output says that it took effect then.
        dark: stamp of the last picture without the light; 0 with an input, which stamps the change itself.
        lit: stamp of the first picture with it, or of the input's change.
        pose: a first pose of a picture with the light arrived; the command "off" was decided on.
        off_sent, off_applied: the same for "off".
        still_lit, dark_again: stamps of the last picture with the light, and the first without; as `dark` and `lit`.
    """

    sent: int
    applied: int = 0
    dark: int = 0
    lit: int = 0
    pose: int = 0
    off_sent: int = 0
    off_applied: int = 0
    still_lit: int = 0
    dark_again: int = 0

    @property
    def complete(self) -> bool:
        """Whether the light was seen to go on and off."""
        return bool(self.lit and self.dark_again)


@dataclass(frozen=True)
class Chain:
    """One of the measured times.

    Attributes:
        name: of its column in the table.
        title: in words, where a camera sees the light.
        begin, end: fields of Flash.
    """

    name: str
    title: str
    begin: str
    end: str

    def words(self, by_input: bool) -> str:
        """The title; `by_input`: an input sees the light, and no picture."""
        return (
            self.title.replace("light in the picture", "light").replace("of it", "of a later picture")
            if by_input
            else self.title
        )


CHAINS = (
    Chain("decision_to_output_ms", "decision -> output says it acted", "sent", "applied"),
    Chain("decision_to_light_ms", "decision -> light in the picture", "sent", "lit"),
    Chain("light_to_pose_ms", "light in the picture -> a pose of it", "lit", "pose"),
    Chain("light_to_light_ms", "light -> pose -> decision -> light", "lit", "dark_again"),
)
"""`light_to_light` is the whole loop: the light goes on, the network sees the picture, and its pose switches it off."""

ENOUGH_FOR_P99 = 100
"""Flashes below which the 99th percentile is no more than the longest."""

LOOK = "light_to_look_ms"
"""Column of the camera's share: the time between two looks, by which a light is seen late at most."""


def table(flashes: Sequence[Flash]) -> pd.DataFrame:
    """A row for each flash: the stamps (nanoseconds since the epoch) and the times of CHAINS in milliseconds.

    What was not seen is NaN.
    """
    rows = pd.DataFrame([asdict(flash) for flash in flashes])
    for chain in CHAINS:
        known = (rows[chain.begin] != 0) & (rows[chain.end] != 0)
        rows[chain.name] = ((rows[chain.end] - rows[chain.begin]) * _MS).where(known)
    rows[LOOK] = ((rows["lit"] - rows["dark"]) * _MS).where((rows["lit"] != 0) & (rows["dark"] != 0))
    return rows


@dataclass(frozen=True)
class Distribution:
    """Milliseconds of one chain over all flashes that showed it."""

    n: int
    least: float
    p50: float
    p95: float
    p99: float
    worst: float


def distribution(milliseconds: pd.Series) -> Distribution | None:
    """The distribution of a column; None if it has no value."""
    values = milliseconds.dropna().to_numpy(float)
    if not len(values):
        return None
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return Distribution(len(values), float(values.min()), float(p50), float(p95), float(p99), float(values.max()))


def save(flashes: Sequence[Flash], path: Path) -> pd.DataFrame:
    """Writes the table as CSV and returns it."""
    rows = table(flashes)
    rows.to_csv(path, index_label="flash", float_format="%.3f")
    return rows
