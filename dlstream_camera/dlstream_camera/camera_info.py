"""The camera's calibration as ROS's tools see it: camera_info, and the service by which they set it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.node import Node
from ruamel.yaml import YAML
from sensor_msgs.msg import CameraInfo
from sensor_msgs.srv import SetCameraInfo

from dlstream_common import InputError
from dlstream_common.calibration import Calibration, load_calibration


def info_of(calibration: Calibration | None, width: int, height: int) -> CameraInfo:
    """The calibration of images of this size; None: all zero, as ROS has it of a camera that is not calibrated."""
    info = CameraInfo(width=width, height=height)
    if calibration is not None:
        info.distortion_model = calibration.distortion_model
        info.d = calibration.distortion_coefficients.data
        info.k = calibration.camera_matrix.data
        info.r = calibration.rectification_matrix.data
        info.p = calibration.projection_matrix.data
    return info


class CameraInfoService:
    """The service `set_camera_info` in the camera's namespace, by which `camera_calibration` saves what it found.

    Args:
        file: where the calibration is written; None: ROS's own place, ~/.ros/camera_info/<name>.yaml.
        name: of the camera, in the file.
        set_info: called with the new calibration, once it is written.
    """

    def __init__(
        self, node: Node, file: Path | None, name: str, size: tuple[int, int], set_info: Callable[[CameraInfo], None]
    ) -> None:
        self._node, self._name, self._size, self._set = node, name, size, set_info
        home = Path(os.environ.get("ROS_HOME") or Path.home() / ".ros")
        self._file = file or home / "camera_info" / f"{name}.yaml"
        self._service = node.create_service(SetCameraInfo, "set_camera_info", self._on_set)

    def close(self) -> None:
        """Takes the service down."""
        self._node.destroy_service(self._service)

    def _on_set(self, request: SetCameraInfo.Request, response: SetCameraInfo.Response) -> SetCameraInfo.Response:
        info = request.camera_info
        found, wanted = f"{info.width}x{info.height}", f"{self._size[0]}x{self._size[1]}"
        if found != wanted:
            response.status_message = f"found a calibration for {found} pixels; expected one for {wanted}"
            return response
        part = self._file.with_name(f".{self._file.name}.new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as file:
                YAML(typ="safe", pure=True).dump(_content(info, self._name), file)
            calibration = load_calibration(part, *self._size)  # what can't be read again is not kept
            part.replace(self._file)
        except (OSError, InputError) as error:
            part.unlink(missing_ok=True)
            response.status_message = str(error)
            return response
        self._set(info_of(calibration, *self._size))
        response.success, response.status_message = True, f"written to {self._file}"
        self._node.get_logger().info(f"a new calibration was {response.status_message}")
        return response


def _content(info: CameraInfo, name: str) -> dict[str, Any]:
    """The calibration in the form of ROS's camera_calibration."""

    def matrix(rows: int, data: Any) -> dict[str, Any]:
        values = [float(value) for value in data]
        return {"rows": rows, "cols": len(values) // rows, "data": values}

    return {
        "image_width": info.width,
        "image_height": info.height,
        "camera_name": name,
        "camera_matrix": matrix(3, info.k),
        "distortion_model": info.distortion_model or "plumb_bob",
        "distortion_coefficients": matrix(1, info.d),
        "rectification_matrix": matrix(3, info.r),
        "projection_matrix": matrix(3, info.p),
    }
