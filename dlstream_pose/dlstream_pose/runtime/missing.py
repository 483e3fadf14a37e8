"""What becomes of missing keypoints: those not found, or with too low a confidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np

from dlstream_common import Individual

Missing = Literal["keep", "nan", "null", "reset", "skip"]


def treat_missing(individuals: Iterable[Individual], way: Missing, min_confidence: float) -> tuple[Individual, ...]:
    """The individuals, with their missing keypoints replaced; none changes its id.

    Args:
        way: `keep` leaves each where the network put it; `nan` gives it no position; `null` puts it at 0, 0; `reset`
            gives the whole animal no position; `skip` leaves the animal out of this frame.
    """
    if way == "keep":
        return tuple(individuals)
    treated = []
    for individual in individuals:
        there = (individual.confidence >= min_confidence) & np.isfinite(individual.x) & np.isfinite(individual.y)
        if there.all():
            treated.append(individual)
        elif way != "skip":
            kept = np.zeros_like(there) if way == "reset" else there
            nothing = np.float32(0.0 if way == "null" else np.nan)
            x, y = (np.where(kept, values, nothing).astype(np.float32) for values in (individual.x, individual.y))
            treated.append(replace(individual, x=x, y=y))
    return tuple(treated)
