"""Which frames a student learns from, which tell when to stop, and which prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlstream_common import NetworkError

RUN = 5
"""Frames in a row: with fewer, a keypoint that jumps can't be told from one that moves."""
_VALIDATION = 0.08
_LEAST = 10
_MOST_VALIDATION = 60
_GAP = 30
"""Frames between those that are learned from and those that prove: a mouse that sleeps proves nothing."""


@dataclass(frozen=True)
class Choice:
    """Numbers of frames of one video, in order.

    Attributes:
        training: to learn from.
        validation: to see whether it still gets better.
        proof: held back; nothing of the training looks at them.
    """

    training: tuple[int, ...]
    validation: tuple[int, ...]
    proof: tuple[int, ...]


def choose(numbers: Sequence[int], count: int, held_back: float, most_proof: int = 800) -> Choice:
    """Splits a video in time: first the training, then the validation, a gap, and the end is held back.

    Neighbouring frames look alike, so frames drawn by chance would prove less than they seem to.

    Args:
        numbers: of the frames that can be decoded, in order.
        count: how many frames to learn from, at most; taken in runs of 5, spread over the video.
        held_back: share of the video that proves, at its end; 0: none.
        most_proof: frames of the proof, at most, spread over that part.

    Raises:
        NetworkError: the video is too short.
    """
    kept = round(len(numbers) * held_back)
    gap = min(_GAP, len(numbers) // 20) if kept else 0
    learned = list(numbers[: len(numbers) - kept - gap])
    validated = max(_LEAST, round(len(learned) * _VALIDATION))
    if len(learned) < validated + 2 * RUN or 0 < kept < _LEAST:
        raise NetworkError(
            f"found {len(numbers)} frames, of which {kept} are held back; expected at least {validated + 2 * RUN} to "
            f"learn from and {_LEAST} to prove it. Give a longer video, or another share: --held-back"
        )
    training, validation = learned[:-validated], learned[-validated:]
    proof = list(numbers[len(numbers) - kept :]) if kept else []
    return Choice(tuple(_runs(training, count)), _spread(validation, _MOST_VALIDATION), _spread(proof, most_proof))


def _runs(numbers: Sequence[int], count: int) -> list[int]:
    """At most `count` of them, in runs, the runs spread evenly."""
    if len(numbers) <= count:
        return list(numbers)
    runs = max(1, count // RUN)
    starts = np.linspace(0, len(numbers) - RUN, runs).astype(int)
    places = sorted({place for start in starts.tolist() for place in range(start, start + RUN)})
    return [numbers[place] for place in places]


def _spread(numbers: Sequence[int], most: int) -> tuple[int, ...]:
    if len(numbers) <= most:
        return tuple(numbers)
    return tuple(numbers[place] for place in np.linspace(0, len(numbers) - 1, most).astype(int).tolist())
