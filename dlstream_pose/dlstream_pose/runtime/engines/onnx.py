"""ONNX Runtime on the processor: part of every installation."""

from __future__ import annotations

from dlstream_common.installing import pip_install
from dlstream_pose.runtime.engines._onnxruntime import OnnxRuntime


class OnnxCpu(OnnxRuntime):
    """The default."""

    name = "onnx"
    parallel = True
    provider = "CPUExecutionProvider"
    device = "the processor"
    install = pip_install("onnxruntime")
