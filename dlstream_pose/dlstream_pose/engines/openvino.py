"""OpenVINO: often the fastest on a processor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.engines._base import Engine, NotInstalled, read_network, unloadable

_SHAPES = 4
"""Sizes for which a compiled network is kept; further ones share one for any size, which is a little slower."""
_METADATA = ["framework", "dlstream"]
"""Where OpenVINO keeps the metadata of an ONNX file."""


class OpenVino(Engine):
    """Compiles the network for each size of image that it meets, in single precision."""

    name = "openvino"

    def __init__(self, path: Path, threads: int) -> None:
        try:
            import openvino
        except ImportError as error:
            raise NotInstalled(f"engine openvino: OpenVINO is not installed ({error}); pip install openvino") from error
        self._openvino = openvino
        content = read_network(path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            **({"INFERENCE_NUM_THREADS": threads} if threads else {}),
        }
        self._core = openvino.Core()
        try:
            self._model = self._core.read_model(content)
            self._requests: dict[tuple[int, ...] | None, Any] = {}
            self._any = self._compile(None)
        except Exception as error:
            raise unloadable(path, len(content), "OpenVINO", error) from error
        self.metadata = (
            str(self._model.get_rt_info(_METADATA).astype(str)) if self._model.has_rt_info(_METADATA) else None
        )
        self.inputs = {item.get_any_name(): _type(item) for item in self._model.inputs}
        self.outputs = {item.get_any_name(): _type(item) for item in self._model.outputs}
        device = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        self.description = f"OpenVINO {openvino.__version__.split('-')[0]} on {device}"

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        request = self._requests.get(image.shape)
        if request is None and len(self._requests) < _SHAPES:
            request = self._requests[image.shape] = self._compile(image.shape)
        request = request or self._any
        request.set_tensor("image", self._openvino.Tensor(np.ascontiguousarray(image), shared_memory=True))
        request.infer()
        # Copies: the request's own memory is written again by the next frame.
        return [request.get_tensor(name).data.copy() for name in outputs]

    def _compile(self, shape: tuple[int, ...] | None) -> Any:
        model = self._model
        if shape is not None:
            model = model.clone()
            model.reshape({"image": list(shape)})
        return self._core.compile_model(model, "CPU", self._options).create_infer_request()


def _type(item: Any) -> str:
    kind = {"u8": "uint8", "f32": "float", "i64": "int64", "i32": "int32"}
    name = item.get_element_type().get_type_name()
    return f"tensor({kind.get(name, name)})"


ENGINE = OpenVino
