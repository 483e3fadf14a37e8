"""ONNX Runtime on a graphics card of NVIDIA."""

from __future__ import annotations

from pathlib import Path

from dlstream_common.installing import pip, pip_install
from dlstream_pose.runtime.engines._card import OnnxCard


class OnnxCuda(OnnxCard):
    """CUDA and cuDNN; in single precision, without the shorter TF32, so that it agrees with the processor."""

    name = "cuda"
    provider = "CUDAExecutionProvider"
    device = "a graphics card (CUDA)"
    install = f"{pip()} uninstall onnxruntime, then {pip_install('onnxruntime-gpu[cuda,cudnn]')}, with NVIDIA's driver"

    def options(self, path: Path, sha256: str) -> dict[str, str]:
        # The default search tries every algorithm for each new shape: seconds at the first frame of each.
        return {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
