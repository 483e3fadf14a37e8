"""OpenVINO on the graphics unit of an Intel processor, or an Intel card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlstream_pose.runtime.engines._base import EngineSettings, NotInstalled
from dlstream_pose.runtime.engines.openvino import OpenVino


class OpenVinoGpu(OpenVino):
    """In single precision, unless the file was proved for less; what was compiled is kept beside the network file."""

    name = "openvino_gpu"
    device = "GPU"

    def options(self, path: Path, settings: EngineSettings, at_once: int) -> dict[str, Any]:
        return {"CACHE_DIR": str(path.with_suffix(".openvino"))}

    def _check_device(self) -> None:
        found = self._core.available_devices
        if not any(name.startswith(self.device) for name in found):
            raise NotInstalled(
                f"engine {self.name}: OpenVINO finds no graphics unit of Intel's here, only {', '.join(found)}; "
                "install intel-opencl-icd, and join the group render"
            )
