"""Frames and poses: what travels along the loop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
"""uint8 or uint16 pixels, (height, width) or (height, width, channels)."""


def now() -> int:
    """The current time as a stamp: nanoseconds since the epoch."""
    return time.time_ns()


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of one camera.

    Attributes:
        camera: the camera's namespace without the leading slash, e.g. "top".
        sequence: 0, 1, 2, ... as the camera published it.
        stamp: time of acquisition, in nanoseconds since the epoch.
        image: (height, width) or (height, width, channels), uint8 or uint16, read-only by agreement.
        encoding: as in sensor_msgs/Image, e.g. "bgr8" or "mono8".
    """

    camera: str
    sequence: int
    stamp: int
    image: Image
    encoding: str


@dataclass(frozen=True, slots=True)
class Individual:
    """One animal in one frame: parallel arrays of K keypoints, in pixels of the full image.

    Attributes:
        x, y: (K,) float32, NaN if the keypoint was not detected.
        confidence: (K,) float32, 0..1.
        score: 0..1, how certain the network is of the animal as a whole.
        vx, vy: (K,) float32, pixels per second; None without a filter.
        covariance: (K, 3) float32, for x and y alike: of position (px²), of position and velocity (px²/s), of
            velocity (px²/s²); None without a filter.
        swap_risk: 0..1, how easily this animal could have been confused with another.
        depth: (K,) float32, millimetres from the camera, NaN if it was not measured there; None without a depth camera.
    """

    id: str
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    confidence: NDArray[np.float32]
    score: float = 1.0
    vx: NDArray[np.float32] | None = None
    vy: NDArray[np.float32] | None = None
    covariance: NDArray[np.float32] | None = None
    swap_risk: float = 0.0
    depth: NDArray[np.float32] | None = None


def covariance_rows(values: NDArray[np.float32], keypoints: int) -> NDArray[np.float32] | None:
    """A message's flat covariance as Individual has it, (K, 3); None where there is none.

    Also where it has not three numbers for each keypoint, as a publisher of somebody else's may send it: nothing is
    decided by it, so that it must not end whoever reads poses.
    """
    return values.reshape(keypoints, 3) if keypoints and values.size == 3 * keypoints else None


@dataclass(frozen=True, slots=True)
class FramePoses:
    """The poses of all individuals in one frame. Stamps are nanoseconds since the epoch, 0 where unknown.

    Attributes:
        stamp: when the frame was acquired.
        dropped: frames of this camera skipped so far because a newer one had arrived.
        stale: whether the frame was older than the pose node's max_age when its poses were published.
        predicted_to: the time for which positions were predicted; 0: positions are those at `stamp`.
    """

    camera: str
    sequence: int
    stamp: int
    keypoints: tuple[str, ...]
    individuals: tuple[Individual, ...] = field(default=())
    received: int = 0
    inference_start: int = 0
    inference_end: int = 0
    dropped: int = 0
    frame_id: str = ""
    stale: bool = False
    predicted_to: int = 0
