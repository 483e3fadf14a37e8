"""TensorRT, by way of ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

from dlstream_pose.runtime.engines._onnxruntime import OnnxRuntime


class OnnxTensorRt(OnnxRuntime):
    """Builds an engine, for minutes, for each new network and image size; keeps it beside the network file."""

    name = "tensorrt"
    provider = "TensorrtExecutionProvider"
    device = "a graphics card (TensorRT)"
    install = (
        "pip uninstall onnxruntime, then pip install onnxruntime-gpu[cuda,cudnn] tensorrt-cu12, with NVIDIA's driver"
    )

    def options(self, path: Path) -> dict[str, str]:
        folder = path.with_suffix(".tensorrt")
        return {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(folder),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(folder),
        }
