"""Camera calibrations in ROS's own YAML, as `camera_calibration` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dlstream_common import InputError, Problem, load_settings


class _Matrix(BaseModel):
    rows: int
    cols: int
    data: list[float]


class Calibration(BaseModel):
    """A pinhole camera's calibration, in the units and the order of sensor_msgs/CameraInfo."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    image_width: Annotated[int, Field(gt=0)]
    image_height: Annotated[int, Field(gt=0)]
    distortion_model: str = "plumb_bob"
    camera_matrix: _Matrix
    distortion_coefficients: _Matrix
    rectification_matrix: _Matrix
    projection_matrix: _Matrix


def load_calibration(path: Path, width: int, height: int) -> Calibration:
    """Reads a calibration for images of width x height.

    Raises:
        InputError: the file can't be read, is no calibration, or was made at another image size.
    """
    calibration = load_settings(path, Calibration)
    problems = []
    for key, count in (("camera_matrix", 9), ("rectification_matrix", 9), ("projection_matrix", 12)):
        found = len(getattr(calibration, key).data)
        if found != count:
            problems.append(Problem(f"{key}.data", f"{found} numbers", f"{count}"))
    if (calibration.image_width, calibration.image_height) != (width, height):
        size = f"{calibration.image_width}x{calibration.image_height}"
        problems.append(Problem("image_width", size, f"the camera's image size, {width}x{height}"))
    if problems:
        raise InputError(path, problems)
    return calibration
