"""Sines, cosines and angles in degrees, from only + - * / and square roots.

The mathematical libraries of two machines may differ in the last digit, and with it a decision or a recorded value.
These four operations are exact by IEEE 754 everywhere, so what is built on them is the same everywhere.
"""

from __future__ import annotations

from math import pi, sqrt

_RADIAN = pi / 180


def cos_degrees(angle: float) -> float:
    """The cosine; exact at multiples of 90 and 60."""
    angle = abs(angle) % 360
    if angle > 180:
        angle = 360 - angle
    if angle > 90:
        return -cos_degrees(180 - angle)
    if angle == 90:
        return 0.0
    if angle == 60:
        return 0.5
    if angle > 45:
        return _sine(90 - angle)
    s = _sine(angle / 2)
    return 1 - 2 * s * s


def sin_degrees(angle: float) -> float:
    """The sine; exact at multiples of 90 and 30."""
    return cos_degrees(angle - 90)


def _sine(angle: float) -> float:
    """Taylor's series, for 0 to 45 degrees: the first term left out is below 1e-17."""
    x = angle * _RADIAN
    square, term, total = x * x, x, x
    for n in range(3, 21, 2):
        term *= -square / (n * (n - 1))
        total += term
    return total


def angle_degrees(along: float, across: float) -> float:
    """The angle of the vector (along, across) to the first axis, -180 to 180; NaN for (0, 0) or NaN."""
    length = sqrt(along * along + across * across)
    if not length > 0:
        return float("nan")
    x, y = along / length, abs(across) / length
    # Halved three times by tan(a / 2) = sin a / (1 + cos a), so that the series below ends soon.
    if x < 0:
        return _signed(180 - _acute(-x, y), across)
    return _signed(_acute(x, y), across)


def _acute(x: float, y: float) -> float:
    tangent = y / (1 + x)
    for _ in range(2):
        tangent = tangent / (1 + sqrt(1 + tangent * tangent))
    square, power, total = tangent * tangent, tangent, 0.0
    for n in range(1, 30, 2):
        total += power / n
        power *= -square
    return 8 * total / _RADIAN


def _signed(angle: float, sign: float) -> float:
    return -angle if sign < 0 else angle
