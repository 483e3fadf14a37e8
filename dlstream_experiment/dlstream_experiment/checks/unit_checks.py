"""Numbers that were probably meant in another unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlstream_common import Problem
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.problems import warning

_NARROWEST, _WIDEST = 1.0, 2000.0  # cm that an image shows
_MAX_AGE, _POSE_TIMEOUT = 5.0, 60.0  # s


def slips_of_units(experiment: Experiment, sizes: Mapping[str, tuple[int, int]]) -> Iterator[Problem]:
    """Centimetres per pixel for pixels per centimetre, milliseconds for seconds."""
    for camera, scale in experiment.calibration.items():
        if isinstance(scale, CameraPlane) or camera not in sizes:
            continue
        width = sizes[camera][0] / scale
        if not _NARROWEST <= width <= _WIDEST:
            across = f"{width:.4g} cm" if width <= _WIDEST else f"{width / 100:.4g} m"
            found = f"{scale:g} pixels per centimetre: the image of camera '{camera}' would show {across} across"
            hint = ""
            if _NARROWEST <= sizes[camera][0] * scale <= _WIDEST:
                hint = f"If {scale:g} is centimetres per pixel, write {1 / scale:.4g}."
            yield warning(("calibration", camera), found, "pixels per centimetre", hint)
    for key, value, most, effect in (
        ("max_age", experiment.max_age, _MAX_AGE, "poses that old decide as if they were new"),
        ("pose_timeout", experiment.pose_timeout, _POSE_TIMEOUT, "so long outputs stay on that nothing watches"),
    ):
        if value > most:
            hint = f"If {value:g} is milliseconds, write {value / 1000:g}."
            yield warning((key,), f"{value:g} s", f"seconds, and usually at most {most:g}: {effect}", hint)
