"""Camera calibrations in ROS's YAML format, as written by `camera_calibration`."""

from __future__ import annotations

from collections.abc import Sequence
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

    @classmethod
    def pinhole(
        cls,
        width: int,
        height: int,
        focal: tuple[float, float],
        center: tuple[float, float],
        distortion: Sequence[float],
    ) -> Calibration:
        """Of a single camera, not rectified: focal lengths and principal point in pixels, plumb_bob distortion."""
        (fx, fy), (cx, cy) = focal, center
        return cls(
            image_width=width,
            image_height=height,
            camera_matrix=_Matrix(rows=3, cols=3, data=[fx, 0, cx, 0, fy, cy, 0, 0, 1]),
            distortion_coefficients=_Matrix(rows=1, cols=len(distortion), data=list(distortion)),
            rectification_matrix=_Matrix(rows=3, cols=3, data=[1, 0, 0, 0, 1, 0, 0, 0, 1]),
            projection_matrix=_Matrix(rows=3, cols=4, data=[fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0]),
        )

    def cropped(self, x: int, y: int, width: int, height: int) -> Calibration:
        """For a part of the images: x, y is its top left pixel."""
        camera, projection = list(self.camera_matrix.data), list(self.projection_matrix.data)
        for matrix, rows in ((camera, 3), (projection, 4)):
            matrix[2] -= x
            matrix[rows + 2] -= y
        return self.model_copy(
            update={
                "image_width": width,
                "image_height": height,
                "camera_matrix": self.camera_matrix.model_copy(update={"data": camera}),
                "projection_matrix": self.projection_matrix.model_copy(update={"data": projection}),
            }
        )


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
