"""What the filters compute for a frame, keypoint by keypoint; `kalman.py` and `one_euro.py` give the formulas.

A state is (rows, keypoints), rows as in `_base.py`. Only + - * /, square roots and comparisons of doubles occur, in
exactly this order (the compiler may not change it), so that the same poses are filtered alike on every machine.
"""

from __future__ import annotations

from math import inf, nan, pi, sqrt
from typing import Any

from dlstream_common.compiled import FLOAT, FLOAT_ROWS, compiled, inner
from dlstream_pose.runtime.filters._base import BOTH, CONFIDENCE, IDLE, LAST_X, LAST_Y, PACE, PLACE, SURE, VX, VY, X, Y

GATE = 13.8
"""Squared Mahalanobis distance of an outlier: the 0.999 quantile of chi-squared with two degrees of freedom."""
_LEAST_CONFIDENCE = 0.05
_CUTOFF_OF_VELOCITY = 1.0


@inner
def _carry(state: Any, i: int, step: float, q: float) -> None:
    """Advances the time."""
    both, pace = state[BOTH, i], state[PACE, i]
    state[X, i] += step * state[VX, i]
    state[Y, i] += step * state[VY, i]
    state[PLACE, i] += 2 * step * both + step * step * pace + q * (step * step * step) / 3
    state[BOTH, i] += step * pace + q * (step * step) / 2
    state[PACE, i] += q * step


@inner
def _begin(state: Any, i: int, x: float, y: float) -> None:
    state[X, i], state[Y, i], state[VX, i], state[VY, i] = x, y, 0.0, 0.0


@inner
def _remember(state: Any, i: int, taken: bool, confidence: float, step: float, gap: float) -> None:
    """How long a keypoint has been out of sight, and how sure it is then."""
    if taken:
        state[SURE, i], state[IDLE, i] = confidence, 0.0
    else:
        state[IDLE, i] += step
        if state[IDLE, i] > gap:
            state[:CONFIDENCE, i], state[IDLE, i] = nan, inf
    state[CONFIDENCE, i] = state[SURE, i] * max(1 - state[IDLE, i] / (gap + 1e-9), 0.0)


@inner
def _correct(state: Any, i: int, x: float, y: float, variance: float) -> bool:
    """The Kalman filter's update, unless the measurement is an outlier."""
    off_x, off_y = x - state[X, i], y - state[Y, i]
    total = state[PLACE, i] + variance
    if not off_x * off_x + off_y * off_y <= GATE * total:
        return False
    gain, push = state[PLACE, i] / total, state[BOTH, i] / total
    state[X, i] += gain * off_x
    state[Y, i] += gain * off_y
    state[VX, i] += push * off_x
    state[VY, i] += push * off_y
    state[PACE, i] -= push * state[BOTH, i]
    state[BOTH, i] -= gain * state[BOTH, i]
    state[PLACE, i] -= gain * state[PLACE, i]
    return True


@inner
def _alpha(cutoff: float, step: float) -> float:
    """The weight of a new value: 1 / (1 + tau / step), where tau = 1 / (2 pi cutoff)."""
    return 1 / (1 + 1 / (2 * pi * cutoff * step))


@inner
def _approach(state: Any, i: int, x: float, y: float, step: float, cutoff: float, beta: float) -> None:
    """The One-Euro filter's update."""
    # Since the last measurement: there may have been a gap, over which the position went on by the velocity.
    time, weight = state[IDLE, i] + step, _alpha(_CUTOFF_OF_VELOCITY, step)
    state[VX, i] += weight * ((x - state[LAST_X, i]) / time - state[VX, i])
    state[VY, i] += weight * ((y - state[LAST_Y, i]) / time - state[VY, i])
    speed = sqrt(state[VX, i] * state[VX, i] + state[VY, i] * state[VY, i])
    weight = _alpha(cutoff + beta * speed, step)
    state[X, i] += weight * (x - state[X, i])
    state[Y, i] += weight * (y - state[Y, i])


@compiled(FLOAT_ROWS, FLOAT, FLOAT)
def carry(state: Any, step: float, agility: float) -> None:
    """Advances all keypoints by some seconds."""
    for i in range(state.shape[1]):
        _carry(state, i, step, agility * agility)


@compiled(FLOAT_ROWS, FLOAT_ROWS, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT)
def kalman(
    state: Any, poses: Any, step: float, gap: float, min_confidence: float, noise: float, agility: float
) -> None:
    """One frame; `poses` are (keypoints, 3): x, y, confidence."""
    for i in range(len(poses)):
        x, y, confidence = poses[i, 0], poses[i, 1], poses[i, 2]
        taken = confidence >= min_confidence and abs(x + y) < inf  # false for NaN
        _carry(state, i, step, agility * agility)
        if taken:
            deviation = noise / max(confidence, _LEAST_CONFIDENCE)
            if state[IDLE, i] == inf:
                _begin(state, i, x, y)
                state[PLACE, i], state[BOTH, i], state[PACE, i] = deviation * deviation, 0.0, agility * agility * gap
            else:
                taken = _correct(state, i, x, y, deviation * deviation)
        _remember(state, i, taken, confidence, step, gap)


@compiled(FLOAT_ROWS, FLOAT_ROWS, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT)
def one_euro(
    state: Any, poses: Any, step: float, gap: float, min_confidence: float, cutoff: float, beta: float
) -> None:
    """One frame; `poses` are (keypoints, 3): x, y, confidence."""
    for i in range(len(poses)):
        x, y, confidence = poses[i, 0], poses[i, 1], poses[i, 2]
        taken = confidence >= min_confidence and abs(x + y) < inf  # false for NaN
        if not taken:
            _carry(state, i, step, 0.0)
        elif state[IDLE, i] == inf:
            _begin(state, i, x, y)
        elif step > 0:
            _approach(state, i, x, y, step, cutoff, beta)
        if taken:
            state[LAST_X, i], state[LAST_Y, i] = x, y
        _remember(state, i, taken, confidence, step, gap)
