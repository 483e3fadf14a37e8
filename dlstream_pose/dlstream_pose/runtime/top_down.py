"""Networks that look at one animal at a time: a detector finds boxes, and each box is treated as a frame of its own.

The steps are those of DeepLabCut-Live, so that the result is the same: boxes with a score from 0.6 on, widened to the
crop's proportions, cut out with black where the image ends, and resized with the triangle filter that PyTorch calls
antialiased bilinear.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from dlstream_common import NetworkError
from dlstream_pose.runtime.engines import first_line

Box = tuple[int, int, int, int]
"""Left, top, right, bottom; may reach beyond the image."""


class Detector(BaseModel):
    """The detector in a network file, and the handling of its boxes."""

    model_config = ConfigDict(frozen=True)

    graph: Base64Bytes = Field(repr=False)
    """ONNX: `image`, uint8 (H, W, 3), blue, green, red, to `boxes` (N, 4), x1, y1, x2, y2, and `scores` (N,), best
    first."""
    crop: tuple[int, int]
    """Width and height of what the network takes."""
    min_score: float = 0.6
    net_type: str = ""


class TopDown:
    """Runs a detector, and a network on each of its boxes.

    Raises:
        NetworkError: the detector can't be loaded.
    """

    def __init__(self, detector: Detector, most: int, threads: int = 1) -> None:
        self._detector, self._most = detector, most
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(detector.graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes have no common base
            raise NetworkError(f"its detector can't be loaded ({first_line(error)})") from error

    def run(
        self, image: NDArray[np.uint8], pose: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Poses (N, K, 3) in an image (H, W, 3), where `pose` gives (1, K, 3) of a crop."""
        boxes, scores = self._session.run(["boxes", "scores"], {"image": image})
        found = []
        for box in boxes[scores >= self._detector.min_score][: self._most].tolist():
            left, top, right, bottom = widened(box, self._detector.crop)
            points = pose(crop(image, (left, top, right, bottom), self._detector.crop)).copy()
            width, height = self._detector.crop
            points[..., 0] = points[..., 0] * ((right - left) / width) + left
            points[..., 1] = points[..., 1] * ((bottom - top) / height) + top
            found.append(points)
        return np.concatenate(found) if found else pose(np.zeros((*self._detector.crop[::-1], 3), np.uint8))[:0]


def widened(box: list[float], size: tuple[int, int]) -> Box:
    """The smallest box around a box's centre that contains it and has the proportions of a size.

    For a square, DeepLabCut-Live swaps what rounding leaves different in width and height; so does this.
    """
    left, top, right, bottom = box
    width, height = max(right - left, 1e-3), max(bottom - top, 1e-3)
    x, y = left + width / 2, top + height / 2
    proportion = size[0] / size[1]
    if width / height > proportion:
        height = width / proportion
    else:
        width = height * proportion
    x1, y1 = round(x - width / 2), round(y - height / 2)
    x2, y2 = max(round(x + width / 2), x1 + 1), max(round(y + height / 2), y1 + 1)
    return x1, y1, x1 + y2 - y1, y1 + x2 - x1


def crop(image: NDArray[np.uint8], box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
    """What is in a box, black beyond the image, resized to a width and height."""
    left, top, right, bottom = box
    height, width = image.shape[:2]
    x = slice(min(max(left, 0), width), min(max(right, 0), width))
    y = slice(min(max(top, 0), height), min(max(bottom, 0), height))
    inside = image[y, x].astype(np.float32)
    across = _weights(right - left, size[0])[:, x.start - left : x.stop - left]
    down = _weights(bottom - top, size[1])[:, y.start - top : y.stop - top]
    rows = np.einsum("ow,hwc->hoc", across, inside, optimize=True)
    resized = np.einsum("ph,hoc->poc", down, rows, optimize=True)
    return np.clip(np.rint(resized), 0, 255).astype(np.uint8)


def _weights(size: int, new_size: int) -> NDArray[np.float32]:
    """(new_size, size): the weight of each old pixel in each new one."""
    scale = size / new_size
    reach = max(scale, 1.0)
    centre = scale * (np.arange(new_size)[:, None] + 0.5)
    place = np.arange(size)[None] + 0.5
    weights = np.maximum(0.0, 1 - np.abs(place - centre) / reach)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
