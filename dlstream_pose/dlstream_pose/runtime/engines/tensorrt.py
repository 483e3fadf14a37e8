"""TensorRT, by way of ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

from dlstream_common.installing import pip, pip_install
from dlstream_pose.runtime.engines._card import OnnxCard
from dlstream_pose.runtime.engines._precision import precision_of


class OnnxTensorRt(OnnxCard):
    """Builds an engine, for minutes, for each new network and image size; keeps it beside the network file."""

    name = "tensorrt"
    provider = "TensorrtExecutionProvider"
    device = "a graphics card (TensorRT)"
    install = (
        f"{pip()} uninstall onnxruntime, then "
        f"{pip_install('onnxruntime-gpu[cuda,cudnn]', 'tensorrt-cu12')}, with NVIDIA's driver"
    )

    def options(self, path: Path) -> dict[str, str]:
        folder = path.with_suffix(".tensorrt")
        precision = precision_of(path)
        # Without these TensorRT computes in single precision, whatever the file says.
        kinds = {"fp16": "trt_fp16_enable", "int8": "trt_int8_enable"}
        allowed = {kinds[precision.name]: "1"} if precision and precision.name in kinds else {}
        return {
            **allowed,
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(folder),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(folder),
        }
