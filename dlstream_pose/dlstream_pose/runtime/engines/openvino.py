"""OpenVINO: often the fastest on a processor."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dlstream_common.installing import pip_install
from dlstream_pose.runtime.engines._base import Engine, EngineSettings, NotInstalled, read_network, unloadable
from dlstream_pose.runtime.engines._precision import precision_name

_SHAPES = 4
"""Image sizes with a compiled network of their own; all others share one, which is a little slower."""
_METADATA = ["framework", "dlstream"]
"""Where OpenVINO keeps the metadata of an ONNX file."""


class OpenVino(Engine[EngineSettings]):
    """Compiles the network for each image size it meets, in the precision that the file was proved for."""

    name = "openvino"
    requires = {"openvino": "openvino"}
    parallel = True
    device: ClassVar[str] = "CPU"

    def __init__(self, path: Path, settings: EngineSettings, at_once: int = 1) -> None:
        try:
            import openvino
        except ImportError as error:
            raise NotInstalled(
                f"engine {self.name}: OpenVINO is not installed ({error}); {pip_install('openvino')}"
            ) from error
        self._openvino = openvino
        content = read_network(path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",
            # Streams share the threads: each frame is computed by the threads of one stream.
            **({"NUM_STREAMS": at_once} if at_once > 1 else {"PERFORMANCE_HINT": "LATENCY"}),
            **self.options(path, settings, at_once),
        }
        self._lock = threading.Lock()
        self._core = openvino.Core()
        self._check_device()
        try:
            self._model = self._core.read_model(content)
            stored = self._model.has_rt_info(_METADATA)
            self.metadata = str(self._model.get_rt_info(_METADATA).astype(str)) if stored else None
            if precision_name(self.metadata) == "bf16":
                self._ask_for_bf16(path)
            self._compiled: dict[tuple[int, ...], _Compiled] = {}
            self._any = self._compile(None)
        except NotInstalled:
            raise
        except Exception as error:
            raise unloadable(path, len(content), "OpenVINO", error) from error
        self.inputs = {item.get_any_name(): _type(item) for item in self._model.inputs}
        self.outputs = {item.get_any_name(): _type(item) for item in self._model.outputs}
        device = self._core.get_property(self.device, "FULL_DEVICE_NAME")
        self.description = f"OpenVINO {openvino.__version__.split('-')[0]} on {device}"

    def options(self, path: Path, settings: EngineSettings, at_once: int) -> dict[str, Any]:
        """The device's own settings."""
        return {
            # OpenVINO would keep what it prepared for 5000 sizes that it was not compiled for: a gigabyte.
            "CPU_RUNTIME_CACHE_CAPACITY": 16,
            "INFERENCE_NUM_THREADS": max(settings.threads or os.cpu_count() or 1, at_once),
        }

    def _check_device(self) -> None:
        """Raises a NotInstalled where the device is missing."""

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        compiled = self._compiled_for(image.shape)
        request = compiled.borrow()
        try:
            # OpenVINO shares memory only with what may be written; frames of a message may not.
            tensor = self._openvino.Tensor(np.require(image, requirements=["C", "W"]), shared_memory=True)
            request.set_tensor("image", tensor)
            request.infer()
            # Copies: the request's own memory is written again by the next frame.
            return [request.get_tensor(name).data.copy() for name in outputs]
        finally:
            compiled.idle.append(request)

    def _ask_for_bf16(self, path: Path) -> None:
        """A processor without bf16 would compute in single precision, and nobody would know."""
        if "BF16" not in self._core.get_property(self.device, "OPTIMIZATION_CAPABILITIES"):
            raise NotInstalled(
                f"engine {self.name}: this processor does not compute bf16 (it needs AVX-512); "
                f"`engine: onnx` computes {path.name} in single precision"
            )
        self._options["INFERENCE_PRECISION_HINT"] = "bf16"

    def _compiled_for(self, shape: tuple[int, ...]) -> _Compiled:
        compiled = self._compiled.get(shape)
        if compiled is None and len(self._compiled) < _SHAPES:
            with self._lock:
                compiled = self._compiled.get(shape)
                if compiled is None and len(self._compiled) < _SHAPES:
                    compiled = self._compiled[shape] = self._compile(shape)
        return compiled or self._any

    def _compile(self, shape: tuple[int, ...] | None) -> _Compiled:
        model = self._model
        if shape is not None:
            model = model.clone()
            model.reshape({"image": list(shape)})
        return _Compiled(self._core.compile_model(model, self.device, self._options))


class _Compiled:
    """A compiled network and its requests: as many as threads ever used it at the same time."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.idle = deque([network.create_infer_request()])

    def borrow(self) -> Any:
        """An unused request; the caller puts it back into `idle`."""
        try:
            return self.idle.pop()
        except IndexError:
            return self._network.create_infer_request()


def _type(item: Any) -> str:
    kind = {"u8": "uint8", "f32": "float", "i64": "int64", "i32": "int32"}
    name = item.get_element_type().get_type_name()
    return f"tensor({kind.get(name, name)})"
