"""From an image to the poses in it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import Image, Individual, NetworkError, to_bgr
from dlstream_pose.network import Network, NetworkInfo

_SMALLEST = 32
"""Pixels; below it the deepest layers of a network have nothing left to look at."""


class Estimator:
    """Runs a network on images of any encoding.

    Coordinates are those of the network's own tool: DeepLabCut calls the point at x of the scaled image x / scale in
    the full one, so that a network gives here what it gives there.

    Args:
        network: a network, or the path of its .onnx file.
        scale: size of the images that the network was trained on, relative to the camera's; the image is resized by
            it (bilinear) before it enters the network.
        threads: how many threads compute one frame; 0 leaves it to ONNX Runtime.

    Raises:
        NetworkError: the file is not a usable network.
        ValueError: the scale is not positive.
    """

    def __init__(self, network: Network | str | Path, scale: float = 1.0, threads: int = 1) -> None:
        if not scale > 0:
            raise ValueError(f"scale: found {scale}; expected a number above 0")
        self.network = network if isinstance(network, Network) else Network(network, threads)
        self.scale = scale

    @property
    def info(self) -> NetworkInfo:
        """What the network finds and where it comes from."""
        return self.network.info

    def warm_up(self, width: int = 640, height: int = 480) -> None:
        """Runs blank images of a size, so that the first real one isn't slowed by the runtime's preparations."""
        blank = np.zeros((height, width, 3), np.uint8)
        for _ in range(3):
            self.estimate(blank, "bgr8")

    def estimate(self, image: Image, encoding: str = "bgr8") -> tuple[Individual, ...]:
        """The individuals in one image.

        Every keypoint has a place, however unsure the network is of it: whoever uses it looks at its confidence.

        Args:
            image: (height, width) or (height, width, channels), uint8 or uint16.
            encoding: as in sensor_msgs/Image.

        Raises:
            EncodingError: the encoding is not known.
            NetworkError: the scaled image is too small for the network.
        """
        bgr = to_bgr(image, encoding)
        small, ratio_x, ratio_y = self._scaled(bgr)
        poses = self.network.run(small)
        poses[..., 0] *= ratio_x
        poses[..., 1] *= ratio_y
        return tuple(self._individual(index, pose) for index, pose in enumerate(poses))

    def _scaled(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float, float]:
        """The image by the scale, and what its pixels count in the full image, along x and y."""
        height, width = image.shape[:2]
        # Rounding down is DeepLabCut-Live's way.
        new_width, new_height = int(width * self.scale), int(height * self.scale)
        if min(new_width, new_height) < _SMALLEST:
            raise NetworkError(
                f"image of {width}x{height} with scale {self.scale:g}: found {new_width}x{new_height} pixels for the "
                f"network; expected at least {_SMALLEST}x{_SMALLEST}"
            )
        if (new_width, new_height) == (width, height):
            return np.ascontiguousarray(image), 1.0, 1.0
        small = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(small, np.uint8), width / new_width, height / new_height

    def _individual(self, index: int, pose: NDArray[np.float32]) -> Individual:
        names = self.info.individuals
        name = names[index] if index < len(names) else f"individual_{index + 1}"
        x, y, confidence = np.ascontiguousarray(pose.T)
        return Individual(name, x, y, confidence, float(np.mean(confidence)))
