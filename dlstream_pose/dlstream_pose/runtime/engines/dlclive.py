"""DeepLabCut-Live itself, for those who want the original: DeepLabCut's own exports, not converted."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.runtime._present import present
from dlstream_pose.runtime.engines._base import Engine, EngineSettings, NotInstalled, first_line

_INSTALL = "pip install deeplabcut-live[pytorch] (or deeplabcut-live[tf]) in an environment with Python below 3.13"


class DeepLabCutLive(Engine[EngineSettings]):
    """DeepLabCut 3's .pt file (PyTorch), or the .pb file of DeepLabCut 2 beside its pose_cfg.yaml (TensorFlow)."""

    name = "dlclive"
    requires = {"dlclive": "deeplabcut-live[pytorch]"}

    def __init__(self, path: Path, settings: EngineSettings, at_once: int = 1) -> None:
        try:
            self.description = f"DeepLabCut-Live {version('deeplabcut-live')}"
            live = _import_live()
        except (ImportError, PackageNotFoundError) as error:
            raise NotInstalled(f"engine dlclive: DeepLabCut-Live is not installed ({error}); {_INSTALL}") from error
        if path.suffix not in (".pt", ".pth", ".pb"):
            raise NetworkError(
                f"{path}: found '{path.suffix}'; engine dlclive expects what DeepLabCut exported, a .pt or .pb file. "
                "For a converted network (.onnx) choose another engine"
            )
        self.sha256 = _sha256(path)
        try:
            described, options = (_tensorflow if path.suffix == ".pb" else _pytorch)(path, settings.threads)
            self._live = live(**options)
            self._one_at_a_time = threading.Lock()
            self._keypoints = len(described["keypoints"])
            self._several = len(described["individuals"]) > 1
            self._live.init_inference(np.zeros((256, 256, 3), np.uint8))
        except NetworkError:
            raise
        except ImportError as error:
            raise NotInstalled(f"engine dlclive: what {path.name} needs is missing ({error}); {_INSTALL}") from error
        except Exception as error:  # torch and tensorflow raise anything
            raise NetworkError(
                f"{path}: DeepLabCut-Live can't load it ({first_line(error)}); expected what deeplabcut.export_model "
                "writes. The file may be damaged or incomplete"
            ) from error
        source = {"file": path.name, "sha256": self.sha256, "tool": "DeepLabCut"}
        self.metadata = json.dumps({**described, "stride": 1.0, "decoder": "dlclive", "source": source})
        self.inputs, self.outputs = {"image": "tensor(uint8)"}, {"poses": "tensor(float)"}

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        # It takes the order blue, green, red, and converts it itself.
        with self._one_at_a_time:
            found = np.array(self._live.get_pose(image), np.float32)
        # Networks with part-affinity fields give two more values for each keypoint.
        poses = found.reshape(-1, self._keypoints, found.shape[-1])[..., :3]
        return [present(poses) if self._several else poses]


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror})") from error


def _import_live() -> Any:
    """The class `DLCLive`. The package imports torch only for its benchmark, even where TensorFlow does the work."""
    try:
        from dlclive import DLCLive
    except ImportError as error:
        if error.name != "torch":
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "dlclive"]:
            del sys.modules[name]
        sys.modules["torch"] = ModuleType("torch")
        try:
            from dlclive import DLCLive
        finally:
            del sys.modules["torch"]
    return DLCLive


def _pytorch(path: Path, threads: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a network of DeepLabCut 3 is, and what to open it with."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    config = torch.load(path, map_location="cpu", weights_only=True)["config"]
    metadata = config["metadata"]
    described = {
        "keypoints": metadata["bodyparts"],
        "individuals": metadata["individuals"],
        "net_type": config.get("net_type", ""),
    }
    one = len(described["individuals"]) == 1
    return described, {"model_path": path, "model_type": "pytorch", "single_animal": one}


def _tensorflow(path: Path, threads: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same for one of DeepLabCut 2. DeepLabCut-Live takes the folder, and in it whichever .pb it finds first."""
    from dlstream_pose.runtime.dlc_export import one_graph, read_settings

    one_graph(path.parent)
    found = read_settings(path.with_name("pose_cfg.yaml"))
    if not found.refined:
        raise NetworkError(
            f"{path.with_name('pose_cfg.yaml')}: found a network without location_refinement, with which "
            "DeepLabCut-Live 1.1.0 fails; expected one with it. Convert it, and choose another engine"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    options = tensorflow.compat.v1.ConfigProto(intra_op_parallelism_threads=threads)
    described = {"keypoints": found.keypoints, "individuals": ["individual_1"], "net_type": found.net_type}
    return described, {"model_path": path.parent, "model_type": "base", "tf_config": options}
