"""Numbers that were probably meant in another unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlstream_common import Problem
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.protocols._duration import longest
from dlstream_experiment.model.protocols.region_trials import RegionTrialsSettings
from dlstream_experiment.model.protocols.states import StatesSettings

_NARROWEST, _WIDEST = 1.0, 2000.0  # cm that an image shows
_MAX_AGE, _POSE_TIMEOUT = 5.0, 60.0  # s
_OF_TRIGGERS = {"dwell": 60.0, "refractory": 3600.0, "within": 3600.0, "timeout": 3600.0}  # s
_LOCKOUT, _GIVEN = 3600.0, 600.0  # s


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
    for place, value, most in _long_times(experiment):
        if value > most:
            found, hint = f"{value:g} s", f"If {value:g} is milliseconds, write {value / 1000:g}."
            yield warning(place, found, f"seconds, and usually at most {most:g}", hint)


def _long_times(experiment: Experiment) -> Iterator[tuple[Location, float, float]]:
    """Each time that is usually short, with its place, and the longest that is likely."""
    for name, trigger in experiment.triggers.items():
        for key, most in _OF_TRIGGERS.items():
            yield ("triggers", name, key), getattr(trigger, key, None) or 0.0, most
    if isinstance(experiment.protocol, RegionTrialsSettings):
        yield ("protocol", "lockout"), experiment.protocol.lockout, _LOCKOUT
    if isinstance(experiment.protocol, StatesSettings):
        for place, action in experiment.protocol.actions():
            if action.seconds is not None:
                yield ("protocol", *place, "seconds"), longest(action.seconds), _GIVEN
