"""Depth at keypoints: the distance from a depth camera, beside a keypoint's place in the image."""

from __future__ import annotations

from dlstream_experiment.model.quantities import Distance, Fixed, Keypoint

_AT_CAMERA = Fixed(0.0, 0.0)


def at_depth(keypoint: str) -> str:
    """The name of a keypoint's depth, a point at (depth, 0) in mm; no network uses such a name."""
    return f"\0depth\0{keypoint}"


def depth_of(keypoint: str) -> Distance:
    """A keypoint's depth as a quantity, mm: the distance of its point from (0, 0), which is exactly its x."""
    return Distance((_AT_CAMERA, Keypoint(at_depth(keypoint))))
