"""TensorRT, by way of ONNX Runtime."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path

from dlstream_common.installing import pip, pip_install
from dlstream_pose.runtime.engines._base import NotInstalled
from dlstream_pose.runtime.engines._card import OnnxCard
from dlstream_pose.runtime.engines._precision import precision_of

_DIGITS = 16
"""Of the file's SHA-256: enough to tell the files of one name from one another."""


class OnnxTensorRt(OnnxCard):
    """Builds an engine, for minutes, for each new network and image size; keeps it beside the network file."""

    name = "tensorrt"
    provider = "TensorrtExecutionProvider"
    device = "a graphics card (TensorRT)"
    install = (
        f"{pip()} uninstall onnxruntime, then "
        f"{pip_install('onnxruntime-gpu[cuda,cudnn]', 'tensorrt-cu12')}, with NVIDIA's driver"
    )

    def options(self, path: Path, sha256: str) -> dict[str, str]:
        folder = path.with_suffix(".tensorrt")
        precision = precision_of(path)
        # Without these TensorRT computes in single precision, whatever the file says.
        kinds = {"fp16": "trt_fp16_enable", "int8": "trt_int8_enable"}
        allowed = {kinds[precision.name]: "1"} if precision and precision.name in kinds else {}
        return {
            **allowed,
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(_engines(folder, sha256)),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(folder),
        }


def _engines(folder: Path, sha256: str) -> Path:
    """The folder for the engines of one content of the file; those of other contents are removed.

    An engine holds the weights, and ONNX Runtime finds it by the names and shapes in the graph alone: a file that was
    converted, quantised or distilled again would go on with the weights of the former one.

    Raises:
        NotInstalled: the folder can't be made.
    """
    own = folder / sha256[:_DIGITS]
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotInstalled(
            f"{own}: can't be made ({error.strerror}); expected a folder for what TensorRT builds of the network. "
            "Put the network file into a folder that can be written to"
        ) from error
    for other in folder.iterdir():
        if other != own and other.is_dir() and re.fullmatch(f"[0-9a-f]{{{_DIGITS}}}", other.name):
            shutil.rmtree(other, ignore_errors=True)
        elif other.suffix in (".engine", ".profile"):  # as they were kept once: nobody knows of which content
            with suppress(OSError):
                other.unlink()
    return own
