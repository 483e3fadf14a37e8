"""Centimetres from pixels: by a number of pixels per centimetre, or by a calibrated camera above a plane."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator

from dlstream_common import ExistingFile, InputError, Settings
from dlstream_common.calibration import Calibration, read_calibration

Floats = NDArray[np.float64]

_COEFFICIENTS = {"plumb_bob": 5, "rational_polynomial": 8}
_STEPS = 12
_EXACT = 1e-9  # of normalised coordinates: a millionth of a pixel


class Lens:
    """From pixels to where straight lines through the lens meet the plane at distance 1: x and y, 0 on the axis.

    A point (x, y) is seen at the pixel (fx x' + cx, fy y' + cy), with r² = x² + y² and

        x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶) + 2 p1 x y + p2 (r² + 2 x²)
        y' = y (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶) + p1 (r² + 2 y²) + 2 p2 x y

    the plumb_bob (k4 to k6 are 0) and rational_polynomial models of sensor_msgs/CameraInfo and of OpenCV's `calib3d`
    (https://docs.opencv.org/4.x/d9/d0c/group__calib3d.html). It is solved by Newton's method, with only + - * /,
    whose results are the same on every machine.

    Raises:
        ValueError: what of the calibration can't be used.
    """

    def __init__(self, calibration: Calibration) -> None:
        matrix = calibration.camera_matrix.data
        self._fx, skew, self._cx, _, self._fy, self._cy = matrix[:6]
        if not (self._fx > 0 and self._fy > 0):
            raise ValueError(f"a calibrated camera, but the camera_matrix has fx {self._fx:g} and fy {self._fy:g}")
        if skew or matrix[3] or matrix[6:] != [0, 0, 1]:
            raise ValueError("a camera_matrix [fx, 0, cx, 0, fy, cy, 0, 0, 1], but it has other numbers at the zeros")
        self._coefficients = _coefficients(calibration)
        self._straight = not any(self._coefficients)
        width, height = calibration.size
        x, y = np.meshgrid(np.linspace(0, width - 1, 17), np.linspace(0, height - 1, 17))
        lost = np.isnan(self.directions(x.ravel(), y.ravel())).any(axis=0).nonzero()[0]
        if len(lost):
            where = f"({x.ravel()[lost[0]]:.0f}, {y.ravel()[lost[0]]:.0f})"
            raise ValueError(
                f"a distortion that can be undone in the whole image, but not at pixel {where}: calibrate again, with "
                "pictures of the board near all borders"
            )

    def directions(self, x: Floats, y: Floats) -> Floats:
        """Of pixels (n,) and (n,) the points (2, n); NaN where a pixel is NaN, or is of no direction."""
        seen = np.stack(((x - self._cx) / self._fx, (y - self._cy) / self._fy))
        return seen if self._straight else self._undistorted(seen)

    def _undistorted(self, seen: Floats) -> Floats:
        k1, k2, p1, p2, k3, k4, k5, k6 = self._coefficients
        x, y = seen[0].copy(), seen[1].copy()
        with np.errstate(all="ignore"):
            for _ in range(_STEPS):
                xx, yy, xy = x * x, y * y, x * y
                r = xx + yy
                above, below = 1 + r * (k1 + r * (k2 + r * k3)), 1 + r * (k4 + r * (k5 + r * k6))
                radial = above / below
                slope = (k1 + r * (2 * k2 + r * 3 * k3) - radial * (k4 + r * (2 * k5 + r * 3 * k6))) / below
                off_x = x * radial + 2 * p1 * xy + p2 * (r + 2 * xx) - seen[0]
                off_y = y * radial + p1 * (r + 2 * yy) + 2 * p2 * xy - seen[1]
                xd_x = radial + 2 * xx * slope + 2 * p1 * y + 6 * p2 * x
                xd_y = 2 * xy * slope + 2 * p1 * x + 2 * p2 * y  # and that of y by x
                yd_y = radial + 2 * yy * slope + 6 * p1 * y + 2 * p2 * x
                turn = xd_x * yd_y - xd_y * xd_y
                wrong = ~((np.abs(off_x) <= _EXACT) & (np.abs(off_y) <= _EXACT) & (turn > 0))
                if not (wrong & ~np.isnan(seen[0])).any():
                    break
                x = x - (off_x * yd_y - off_y * xd_y) / turn
                y = y - (off_y * xd_x - off_x * xd_y) / turn
        found = np.stack((x, y))
        found[:, wrong] = np.nan
        return found


def _coefficients(calibration: Calibration) -> tuple[float, ...]:
    """k1, k2, p1, p2, k3, k4, k5, k6."""
    data, model = calibration.distortion_coefficients.data, calibration.distortion_model
    count = _COEFFICIENTS.get(model, 0)
    if any(data[count:]):
        if not count:
            known = " or ".join(_COEFFICIENTS)
            raise ValueError(
                f"the distortion_model {known}, but it is '{model}'. Calibrate with one of them, or publish rectified "
                "images (image_proc) and name a calibration without distortion"
            )
        raise ValueError(f"at most {count} distortion_coefficients that are not 0 with '{model}', but there are more")
    return (*data[:count], *(0.0 for _ in range(8)))[:8]


class CameraPlane(Settings):
    """A camera that was calibrated, and that looks straight at the plane in which the keypoints move.

    X = distance_cm * x and Y = distance_cm * y, cm, with (x, y) of the keypoint as `Lens` has them. So in the middle of
    the image, and without distortion everywhere, fx / distance_cm pixels are a centimetre.
    """

    camera_info: ExistingFile
    """The camera's calibration file (YAML of ROS's camera_calibration), the same that the camera itself uses."""
    distance_cm: Annotated[float, Field(gt=0, le=1e6)]
    """Distance from the lens to the plane in which the keypoints move: that of the floor, less the animal's height."""
    _lens: Lens = PrivateAttr()
    _size: tuple[int, int] = PrivateAttr()

    @model_validator(mode="after")
    def _read(self) -> CameraPlane:
        self._size, self._lens = _lens_of(self.camera_info)
        return self

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images that it is for."""
        return self._size

    def centimetres(self, x: NDArray[Any], y: NDArray[Any]) -> Floats:
        """Of pixels (n,) and (n,) the places (2, n) in the plane, cm; NaN where a pixel is NaN, or is of no place."""
        return self._lens.directions(x.astype(np.float64), y.astype(np.float64)) * self.distance_cm


def _lens_of(path: Path) -> tuple[tuple[int, int], Lens]:
    try:
        calibration = read_calibration(path)
    except InputError as error:
        raise ValueError(f"a calibration as camera_calibration writes it, but {str(error).splitlines()[0]}") from None
    try:
        return calibration.size, Lens(calibration)
    except ValueError as error:
        raise ValueError(f"{error} ({path})") from None


def _form(value: Any) -> str:
    return "plane" if isinstance(value, Mapping | CameraPlane) else "number"


AnyCalibration = Annotated[
    Annotated[float, Field(gt=0, le=1e6), Tag("number")] | Annotated[CameraPlane, Tag("plane")], Discriminator(_form)
]
"""Pixels per centimetre, or a CameraPlane."""


def in_plane(keypoint: str) -> str:
    """The name of a keypoint's place in the plane; no network uses such a name."""
    return f"\0{keypoint}"
