"""The scale of a network's images: the one stored in its file, or one that is given."""

from __future__ import annotations

from math import isclose

from dlstream_common import Problem, Severity
from dlstream_pose.runtime.network_info import NetworkInfo

_LARGEST = 2.0


def scale_of(info: NetworkInfo, given: float | None) -> float:
    """The scale in use: the given one, else the file's, else 1."""
    return given if given is not None else info.scale or 1.0


def scale_doubt(info: NetworkInfo, given: float | None) -> Problem | None:
    """A warning about a given scale, with both numbers; None if it is plausible.

    Its place is ("scale",).
    """
    if given is None:
        return None
    if info.scale is not None:
        if isclose(given, info.scale, rel_tol=1e-3):
            return None
        expected = f"{info.scale:g}, the scale that the network file was converted with"
        hint = "Leave `scale` out to take the file's, unless animals are larger or smaller here than in its videos."
        return Problem(("scale",), f"{given:g}", expected, hint, Severity.WARNING)
    if given > _LARGEST:
        found = f"{given:g}, which enlarges every image {given:g} times (to {given * given:.3g} times the pixels)"
        expected = "the size of the images that the network learned on, divided by the camera's: usually 1 or less"
        return Problem(("scale",), found, expected, severity=Severity.WARNING)
    return None
