"""ONNX Runtime on a graphics card: memory there that stays from frame to frame, and a stream for each frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dlstream_pose.runtime.engines._base import EngineSettings
from dlstream_pose.runtime.engines._onnxruntime import OnnxRuntime

_MOST = 8
"""Lanes of a card; more have nothing to gain, and each needs memory there for the whole network."""
_SIZES = 8
"""Image sizes for which a lane keeps memory; the one that came first makes room."""


class OnnxCard(OnnxRuntime):
    """A session for each frame that may be computed at the same time: each has a stream of its own on the card."""

    parallel = True

    def __init__(self, path: Path, settings: EngineSettings, at_once: int = 1) -> None:
        super().__init__(path, settings, at_once)
        at_once = min(at_once, _MOST)
        others = [self._open(path, settings)[0] for _ in range(at_once - 1)]
        self._idle = deque(Lane(session, "cuda") for session in [self._session, *others])
        self.description += f", {at_once} stream{'s' if at_once > 1 else ''}"

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        try:
            lane = self._idle.pop()
        except IndexError:  # more threads than were announced
            return super().run(outputs, image)
        try:
            return lane.run(outputs, image)
        finally:
            self._idle.append(lane)


class Lane:
    """A session, with inputs on the device that are written again by each frame of the same size.

    Args:
        device: `cuda`, or `cpu`.
    """

    def __init__(self, session: Any, device: str) -> None:
        self._session, self._device = session, device
        self._bound: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The outputs of these names; arrays of their own, which the next frame does not touch."""
        key = (image.shape, *outputs)
        binding, value = self._bound.get(key) or self._bind(key, image, outputs)
        value.update_inplace(np.ascontiguousarray(image))
        self._session.run_with_iobinding(binding)
        return [np.array(one) for one in binding.copy_outputs_to_cpu()]

    def _bind(self, key: tuple[Any, ...], image: NDArray[np.uint8], outputs: Sequence[str]) -> tuple[Any, Any]:
        if len(self._bound) >= _SIZES:
            self._bound.pop(next(iter(self._bound)))
        value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(list(image.shape), np.uint8, self._device, 0)
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("image", value)
        for name in outputs:
            binding.bind_output(name)
        self._bound[key] = binding, value
        return binding, value
