"""From an image to the poses in it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream_common import Image, Individual, NetworkError, to_bgr
from dlstream_pose.runtime._fit import fitted_size
from dlstream_pose.runtime.crop import Window
from dlstream_pose.runtime.engines import EngineSettings
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo
from dlstream_pose.runtime.scale import scale_of

SMALLEST = 32
"""Pixels; in smaller images a network's deepest layers have nothing left to look at."""


class Estimator:
    """Runs a network on images of any encoding.

    Coordinates are those of the network's own tool: DeepLabCut calls the point at x of the scaled image x / scale in
    the full one, so that a network gives here what it gives there.

    Args:
        network: a network, or the path of its .onnx file.
        scale: size of the images that the network was trained on, relative to the camera's; the image is resized by
            it (bilinear) before it enters the network. None: what the network file stores, else 1.
        threads, engine: as for `Network`.
        at_once: how many threads may estimate at the same time without waiting for one another.

    Raises:
        NetworkError: the file is not a usable network, or the engine is not there.
        ValueError: the scale is not positive.
    """

    def __init__(
        self,
        network: Network | str | Path,
        scale: float | None = None,
        threads: int = 1,
        engine: str | EngineSettings = "auto",
        at_once: int = 1,
    ) -> None:
        if scale is not None and not scale > 0:
            raise ValueError(f"scale: found {scale}; expected a number above 0")
        self.network = network if isinstance(network, Network) else Network(network, threads, engine, at_once)
        self.scale = scale_of(self.network.info, scale)

    @property
    def info(self) -> NetworkInfo:
        """What the network finds, and its origin."""
        return self.network.info

    @property
    def animals(self) -> tuple[int, int]:
        """How many individuals there can be, and how many keypoints each has."""
        return max(len(self.info.individuals), 1), len(self.info.keypoints)

    def warm_up(self, width: int = 640, height: int = 480, crop: int = 0) -> None:
        """Runs blank images of a size, so that the runtime's preparations don't slow the first real one.

        Args:
            crop: side of the windows that will be looked at as well, in pixels of the network's image; 0: none.
        """
        blank = np.zeros((height, width, 3), np.uint8)
        width, height = self.scaled_size(width, height)
        for _ in range(2):
            self.detect(blank)
            if crop:
                self.detect(blank, window=Window(0, 0, min(crop, width), min(crop, height)))

    def estimate(self, image: Image, encoding: str = "bgr8") -> tuple[Individual, ...]:
        """The individuals in one image.

        Every keypoint has a position, however unsure the network is: look at its confidence before using it.

        Args:
            image: (height, width) or (height, width, channels), uint8 or uint16.
            encoding: as in sensor_msgs/Image.

        Raises:
            EncodingError: the encoding is not known.
            NetworkError: the scaled image is too small for the network.
        """
        return tuple(self._individual(index, pose) for index, pose in enumerate(self.detect(image, encoding)))

    def detect(self, image: Image, encoding: str = "bgr8", window: Window | None = None) -> NDArray[np.float32]:
        """As `estimate`, as arrays, and optionally in only a part of the image.

        Args:
            window: a part of the scaled image, in its pixels; None: all of it.

        Returns:
            (N, K, 3): x, y in pixels of the full image, and confidence.
        """
        height, width = image.shape[:2]
        if window is None:
            new_width, new_height = self._own_size(width, height)
            part, (left, top) = _resized(to_bgr(image, encoding), new_width, new_height), (0, 0)
        else:
            new_width, new_height = self.scaled_size(width, height)
            part, (left, top) = self._part(image, encoding, window), (window.x, window.y)
        poses = self.network.run(np.ascontiguousarray(part), whole=window is None)
        poses[..., 0] = (poses[..., 0] + left) * (width / new_width)
        poses[..., 1] = (poses[..., 1] + top) * (height / new_height)
        return poses

    def scaled_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the image that the network looks at: by the scale, and fitted if the network needs that.

        Raises:
            NetworkError: too small for the network.
        """
        new_width, new_height = self._own_size(width, height)
        if self.info.fit and self.info.input_size is not None:
            return fitted_size(new_width, new_height, self.info.input_size)[:2]
        return new_width, new_height

    def _own_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height by the scale; rounded down, which is DeepLabCut-Live's way."""
        new_width, new_height = int(width * self.scale), int(height * self.scale)
        if min(new_width, new_height) < SMALLEST:
            raise NetworkError(
                f"image of {width}x{height} with scale {self.scale:g}: found {new_width}x{new_height} pixels for the "
                f"network; expected at least {SMALLEST}x{SMALLEST}"
            )
        return new_width, new_height

    def _part(self, image: Image, encoding: str, window: Window) -> NDArray[np.uint8]:
        """A window of the scaled image. Where a pixel of it is some whole pixels, nothing else has to be converted."""
        height, width = image.shape[:2]
        new_width, new_height = self.scaled_size(width, height)
        pixel = max(1, round(width / new_width))
        pairs = image.ndim == 3 and image.shape[2] == 2  # two pixels share their colour
        if (new_width * pixel, new_height * pixel) == (width, height) and not pairs:
            rows = slice(window.y * pixel, (window.y + window.height) * pixel)
            columns = slice(window.x * pixel, (window.x + window.width) * pixel)
            part = to_bgr(np.ascontiguousarray(image[rows, columns]), encoding)
            return _resized(part, window.width, window.height)
        whole = _resized(to_bgr(image, encoding), new_width, new_height)
        return whole[window.y : window.y + window.height, window.x : window.x + window.width]

    def _individual(self, index: int, pose: NDArray[np.float32]) -> Individual:
        names = self.info.individuals
        name = names[index] if index < len(names) else f"individual_{index + 1}"
        x, y, confidence = np.ascontiguousarray(pose.T)
        return Individual(name, x, y, confidence, float(np.mean(confidence)))


def _resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
