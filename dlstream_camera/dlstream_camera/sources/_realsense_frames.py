"""From librealsense's frames to images, stamps and calibrations. Nothing here opens a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlstream_camera.sources._device_stamps import DeviceStamps, is_plausible
from dlstream_camera.sources._format import Notice, StampSource
from dlstream_common import Image, SourceError, to_bgr
from dlstream_common.calibration import Calibration

_BITS = 32
"""Width of the device's counter of microseconds."""
_ENCODINGS = {
    "bgr8": "bgr8",
    "rgb8": "rgb8",
    "bgra8": "bgra8",
    "rgba8": "rgba8",
    "yuyv": "yuyv",
    "uyvy": "uyvy",
    "y8": "mono8",
    "y16": "mono16",
}
_UNDISTORTED = 1e-9


def image_of(frame: Any) -> Image:
    """A frame's pixels, as an array of its own: colour, 8-bit grey, or depth in millimetres.

    Raises:
        SourceError: a format that is none of these.
    """
    form = str(frame.get_profile().format()).rpartition(".")[2]
    pixels = np.asanyarray(frame.get_data())
    if form == "z16":
        return millimetres(pixels, float(frame.as_depth_frame().get_units()))
    if form not in _ENCODINGS:
        raise SourceError(f"found a stream of format {form}; expected one of z16, {', '.join(_ENCODINGS)}")
    encoding = _ENCODINGS[form]
    if encoding.startswith("mono"):
        return np.array(pixels)
    if pixels.ndim == 2:  # two bytes for each pixel
        pixels = pixels.view(np.uint8).reshape(*pixels.shape, 2)
    return np.array(pixels) if encoding == "bgr8" else to_bgr(pixels, encoding)


def millimetres(raw: Image, units: float) -> Image:
    """Depth in millimetres, (height, width) uint16: what is farther than 65,535 mm becomes that, and 0 remains 0.

    Args:
        raw: the device's numbers.
        units: metres of one of them.
    """
    factor = units * 1000
    if abs(factor - 1) < 1e-6:
        return np.array(raw)
    return np.minimum(np.rint(raw.astype(np.float32) * np.float32(factor)), 65535).astype(np.uint16)


class Stamps:
    """The stamps of a stream, by librealsense's time domains. For one thread.

    - `global_time`: the device's time, which librealsense has fitted to this computer's clock. There were versions in
      which it jumped by years, or into the future: where it can't be true, the arrival takes its place.
    - `hardware_clock`: the device's own microseconds, fitted here.
    - `system_time`: the arrival.

    Args:
        tell: called with what the user must know of the stamps.
        interval: nanoseconds between frames.

    Attributes:
        domain: of the last frame's stamp; empty: there was none yet.
        source: what the last stamp was.
    """

    def __init__(self, tell: Callable[[Notice], None], interval: int) -> None:
        self.domain = ""
        self.source: StampSource = "arrival"
        self.uncertainty: int | None = None
        self._tell, self._wrong = tell, False
        self._ticks = DeviceStamps("device", tell, 1000.0, _BITS, delay_bound=interval)

    def of(self, domain: str, milliseconds: float, arrival: int) -> int:
        """The stamp of a frame, nanoseconds since the epoch; not later than its arrival."""
        self.domain, self.source, self.uncertainty = domain, "arrival", None
        if domain == "hardware_clock":
            stamp = self._ticks.stamp(round(milliseconds * 1000) % (1 << _BITS), arrival)
            self.source, self.uncertainty = self._ticks.source, self._ticks.uncertainty
            return stamp
        if domain != "global_time":
            return arrival
        own = round(milliseconds * 1e6)
        known, self._wrong = self._wrong, not is_plausible(own, arrival)
        if not self._wrong:
            self.source = "device"
            return min(own, arrival)
        if not known:
            way = f"{abs(own - arrival) / 1e9:.3f} s {'after' if own > arrival else 'before'} its arrival"
            text = f"the device's global_time can't be right: it puts a frame {way}; stamps are arrivals until it is"
            self._tell(Notice("clock", text, {"domain": domain}))
        return arrival


def calibration_of(profile: Any) -> Calibration | None:
    """A stream's calibration; None if its lens model can't be expressed in camera_info."""
    own = profile.as_video_stream_profile().get_intrinsics()
    model = str(own.model).rpartition(".")[2]
    straight = all(abs(value) < _UNDISTORTED for value in own.coeffs)
    if not straight and model != "brown_conrady":
        return None
    coefficients = [0.0] * 5 if straight else [float(value) for value in own.coeffs]
    return Calibration.pinhole(own.width, own.height, (own.fx, own.fy), (own.ppx, own.ppy), coefficients)
