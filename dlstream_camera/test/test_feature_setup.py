"""The order in which features are set, on cameras that have the rules of several makers' documentation."""

from __future__ import annotations

import pytest

from dlstream_camera.sources._feature_setup import Setup
from dlstream_camera.sources._features import FeatureError, Kind, Value
from dlstream_camera.sources._genicam_settings import GenicamSettings

ENABLE, OLD_ENABLE, RATE, AUTO = (
    "AcquisitionFrameRateEnable",
    "AcquisitionFrameRateEnabled",
    "AcquisitionFrameRate",
    "AcquisitionFrameRateAuto",
)
CHOICES = {
    "PixelFormat": ["Mono8"],
    "ExposureAuto": ["Off", "Continuous"],
    AUTO: ["Off", "Continuous"],
    "TriggerMode": ["Off", "On"],
    "TriggerSource": ["Line0", "Software"],
}


class Ruled:
    """A camera's features, of which the rate limits the exposure, unless it is switched off by `enable`.

    Args:
        clips: an exposure that is too long for a new rate is shortened; else it stays.
        others: more of its features.
    """

    def __init__(self, rate: float, enable: bool | None = None, clips: bool = False, **others: Value) -> None:
        self.values: dict[str, Value] = {
            "Width": 640,
            "Height": 480,
            "PixelFormat": "Mono8",
            RATE: rate,
            "ExposureTime": 5000.0,
            "ExposureAuto": "Off",
            "TriggerMode": "Off",
            "TriggerSource": "Line0",
            **others,
        }
        if enable is not None:
            self.values[ENABLE] = enable
        self.clips = clips

    def kind(self, name: str) -> Kind | None:
        if name in CHOICES:
            return Kind.ENUMERATION if name in self.values else None
        kinds = {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.FLOAT}
        return kinds[type(self.values[name])] if name in self.values else None

    def is_available(self, name: str) -> bool:
        return name in self.values

    def choices(self, name: str) -> list[str]:
        return CHOICES[name]

    def bounds(self, name: str) -> tuple[float, float]:
        return (10.0, self.longest()) if name == "ExposureTime" else (1.0, 500.0)

    def longest(self) -> float:
        return 1e6 / float(self.values[RATE]) if self.values.get(ENABLE, True) else 1e7

    def increment(self, name: str) -> int:
        return 1

    def get(self, name: str) -> Value:
        return self.values[name]

    def set(self, name: str, value: Value) -> None:
        self.values[name] = value
        if self.clips:
            self.values["ExposureTime"] = min(float(self.values["ExposureTime"]), self.longest())


class OlderFlir(Ruled):
    """Chameleon3, Grasshopper3: the rate can be changed only while it is enabled and not automatic."""

    def __init__(self) -> None:
        super().__init__(30.0, **{OLD_ENABLE: False, AUTO: "Continuous"})

    def bounds(self, name: str) -> tuple[float, float]:
        return (10.0, 1e7) if name == "ExposureTime" else (1.0, 500.0)

    def set(self, name: str, value: Value) -> None:
        locked = (name == AUTO and not self.values[OLD_ENABLE]) or (name == RATE and self.values[AUTO] != "Off")
        if locked:
            raise FeatureError(f"[{name}] read only")
        super().set(name, value)


@pytest.mark.parametrize(
    ("camera", "keys"),
    [
        (OlderFlir(), {"fps": 50}),
        (Ruled(100.0, True), {"fps": 20, "exposure": 20000}),
        (Ruled(100.0, True, clips=True), {"fps": 20, "exposure": 20000}),
        (Ruled(100.0, True), {"trigger": "Line0", "exposure": 20000}),
        (Ruled(100.0), {"fps": 20, "exposure": 20000}),
    ],
    ids=["rate locked", "exposure limited", "exposure shortened", "at a trigger", "no switch"],
)
def test_what_a_camera_can_do_is_not_refused_for_how_it_was_left(camera, keys):
    setup = Setup(camera, GenicamSettings(**keys))
    setup.run()
    assert setup.problems == []
    found = {item.key: item.found for item in setup.found}
    assert {key: found[key] for key in keys if key != "trigger"} == {
        key: str(value) for key, value in keys.items() if key != "trigger"
    }


def test_an_exposure_that_leaves_no_room_for_the_rate_is_refused_once():
    setup = Setup(Ruled(100.0), GenicamSettings(fps=20, exposure=60000))
    setup.run()
    assert setup.problems == ["exposure: found 60000; expected 10 to 50000"]


def test_a_rate_that_the_camera_says_it_cannot_make_is_refused():
    camera = Ruled(30.0, False, AcquisitionResultingFrameRate=41.5)
    setup = Setup(camera, GenicamSettings(fps=50))
    setup.run()
    assert setup.problems == [
        "fps: asked for 50, but exposure, size and bus allow 41.5 (AcquisitionResultingFrameRate)"
    ]
    assert setup.rate() == 41.5
