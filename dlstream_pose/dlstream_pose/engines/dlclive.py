"""DeepLabCut-Live itself, for those who want the original: DeepLabCut's own exports, not converted."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.engines._base import Engine, NotInstalled, first_line

_INSTALL = "pip install deeplabcut-live[pytorch] (or deeplabcut-live[tf]) in an environment with Python below 3.13"


class DeepLabCutLive(Engine):
    """DeepLabCut 3's .pt file (PyTorch), or the .pb file of DeepLabCut 2 beside its pose_cfg.yaml (TensorFlow)."""

    name = "dlclive"

    def __init__(self, path: Path, threads: int, at_once: int = 1) -> None:
        try:
            from dlclive import DLCLive

            self.description = f"DeepLabCut-Live {version('deeplabcut-live')}"
        except (ImportError, PackageNotFoundError) as error:
            raise NotInstalled(f"engine dlclive: DeepLabCut-Live is not installed ({error}); {_INSTALL}") from error
        if path.suffix not in (".pt", ".pth", ".pb"):
            raise NetworkError(
                f"{path}: found '{path.suffix}'; engine dlclive expects what DeepLabCut exported, a .pt or .pb file. "
                "For a converted network (.onnx) choose another engine"
            )
        self.sha256 = _sha256(path)
        try:
            described = _tensorflow(path) if path.suffix == ".pb" else _pytorch(path, threads)
            self._live = DLCLive(
                path.parent if path.suffix == ".pb" else path,
                model_type="base" if path.suffix == ".pb" else "pytorch",
                single_animal=len(described["individuals"]) == 1,
            )
            self._one_at_a_time = threading.Lock()
            self._keypoints = len(described["keypoints"])
            self._live.init_inference(np.zeros((256, 256, 3), np.uint8))
        except Exception as error:  # torch and tensorflow raise anything
            raise NetworkError(f"{path}: DeepLabCut-Live can't load it ({first_line(error)}); {_INSTALL}") from error
        source = {"file": path.name, "sha256": self.sha256, "tool": "DeepLabCut"}
        self.metadata = json.dumps({**described, "stride": 1.0, "decoder": "dlclive", "source": source})
        self.inputs, self.outputs = {"image": "tensor(uint8)"}, {"poses": "tensor(float)"}

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        # It takes the order blue, green, red, and turns it itself.
        with self._one_at_a_time:
            return [np.array(self._live.get_pose(image), np.float32).reshape(-1, self._keypoints, 3)]


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror})") from error


def _pytorch(path: Path, threads: int) -> dict[str, Any]:
    import torch

    if threads:
        torch.set_num_threads(threads)
    config = torch.load(path, map_location="cpu", weights_only=True)["config"]
    metadata = config["metadata"]
    return {
        "keypoints": metadata["bodyparts"],
        "individuals": metadata["individuals"],
        "net_type": config.get("net_type", ""),
    }


def _tensorflow(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    config = YAML(typ="safe").load(path.with_name("pose_cfg.yaml"))
    return {
        "keypoints": [str(name) for name in config["all_joints_names"]],
        "individuals": ["individual_1"],
        "net_type": str(config.get("net_type", "")),
    }


ENGINE = DeepLabCutLive
