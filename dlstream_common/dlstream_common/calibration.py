"""Camera calibrations in ROS's YAML format, as written by `camera_calibration`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dlstream_common.errors import InputError
from dlstream_common.problems import Problem
from dlstream_common.yaml.file import load_settings


class _Matrix(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    rows: int
    cols: int
    data: list[float]


class Calibration(BaseModel):
    """A pinhole camera's calibration, in the units and order of sensor_msgs/CameraInfo."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    image_width: Annotated[int, Field(gt=0)]
    image_height: Annotated[int, Field(gt=0)]
    distortion_model: str = "plumb_bob"
    camera_matrix: _Matrix
    distortion_coefficients: _Matrix
    rectification_matrix: _Matrix
    projection_matrix: _Matrix

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images that it was made for, in pixels."""
        return self.image_width, self.image_height


def read_calibration(path: Path) -> Calibration:
    """Reads a calibration for images of any size.

    Raises:
        InputError: the file can't be read, or is not a calibration.
    """
    calibration = load_settings(path, Calibration)
    problems = []
    for key, count in (("camera_matrix", 9), ("rectification_matrix", 9), ("projection_matrix", 12)):
        found = len(getattr(calibration, key).data)
        if found != count:
            problems.append(Problem((key, "data"), f"{found} numbers", f"{count}"))
    if problems:
        raise InputError(path, problems)
    return calibration


def load_calibration(path: Path, width: int, height: int) -> Calibration:
    """Reads a calibration for images of width x height pixels.

    Raises:
        InputError: the file can't be read, is not a calibration, or was made for another image size.
    """
    calibration = read_calibration(path)
    if calibration.size != (width, height):
        size = f"{calibration.image_width}x{calibration.image_height}"
        problem = Problem(("image_width",), size, f"the camera's image size, {width}x{height}")
        raise InputError(path, [problem])
    return calibration
