"""A hundred triggers, of every type on poses and composed, on four animals of 27 keypoints that walk about."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlstream_common import FramePoses, Individual
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.regions import REGIONS
from dlstream_experiment.model.triggers import TRIGGERS, Context
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

KEYPOINTS = tuple(f"keypoint{number}" for number in range(27))
REGION_WORDS: dict[str, dict[str, Any]] = {
    "circle": {"center": (200, 200), "radius": 80},
    "ellipse": {"center": (400, 200), "radii": (90, 50), "rotation": 30},
    "rectangle": {"left": 100, "top": 300, "right": 300, "bottom": 450},
    "polygon": {"points": ((350, 300), (550, 280), (600, 450), (450, 380), (360, 460))},
}


def hundred_triggers() -> TriggerSet:
    """Sixty that measure, five of each type, and forty made of these and of one another."""
    words = {f"t{number}": _measuring(number) for number in range(60)}
    words |= {f"c{number}": _composed(number) for number in range(40)}
    settings = {name: TRIGGERS[item["type"]].model_validate(item) for name, item in words.items()}
    regions = {name: REGIONS[name].model_validate({"type": name, **item}) for name, item in REGION_WORDS.items()}
    triggers = TriggerSet(settings, Context("top", regions))
    triggers.bind("top", KEYPOINTS)
    return triggers


def _measuring(number: int) -> dict[str, Any]:
    a, b, c, d = (KEYPOINTS[(number * 5 + step) % 27] for step in range(4))
    region = list(REGION_WORDS)[number // 12 % 4]
    line = {"point": (320, 240), "at_most": 30}
    kinds: list[dict[str, Any]] = [
        {"type": "region", "region": region, "keypoints": [a, b]},
        {"type": "direction", "start": a, "end": b, "release": 35, **line},
        {"type": "head_direction", "neck": a, "nose": b, **line},
        {"type": "ego_head_direction", "tailroot": a, "neck": b, "nose": c, "side": "left", "at_least": 20},
        {"type": "head_direction_region", "neck": a, "nose": b, "region": region, **line},
        {"type": "speed", "keypoints": [a], "window": 0.2, "at_least": 40, "release": 30, "dwell": 0.1},
        {"type": "freeze", "keypoints": [a, b], "window": 0.5, "at_most": 20, "dwell": 0.5},
        {"type": "acceleration", "keypoints": [a], "window": 0.1, "at_least": 100},
        {"type": "distance", "keypoints": [a, b], "at_least": 40},
        {"type": "angle", "keypoints": [a, b, c], "at_most": 120},
        {"type": "ratio", "distance": [a, b], "over": [c, d], "at_least": 1.2},
        {"type": "social", "active": [a], "passive": [a, b], "at_most": 60},
    ]
    return kinds[number % len(kinds)]


def _composed(number: int) -> dict[str, Any]:
    used = [f"t{(number * 7 + step * 11) % 60}" for step in range(3)]
    if number >= 20:
        used[0] = f"c{number - 20}"
    kinds: list[dict[str, Any]] = [
        {"type": "and", "triggers": used},
        {"type": "or", "triggers": used, "dwell": 0.2},
        {"type": "not", "trigger": used[0]},
        {"type": "sequence", "triggers": used, "within": 3},
        {"type": "count", "trigger": used[0], "times": 3, "within": 5, "refractory": 1},
    ]
    return kinds[number % len(kinds)]


def walking(count: int, seed: int = 1) -> list[FramePoses]:
    """Frames, 30 a second: the animals go round, jitter, and lose one keypoint in a hundred."""
    chance = np.random.default_rng(seed)
    body, angle = chance.normal(0, 25, (4, 27, 2)), np.zeros(4)
    place = np.array([[150.0, 150.0], [450.0, 150.0], [200.0, 350.0], [450.0, 350.0]])
    frames = []
    for number in range(count):
        angle += chance.normal(0, 0.1, 4)
        place = (place + 1.5 * np.stack((np.cos(angle), np.sin(angle)), axis=1)) % (640, 480)
        c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
        turned = np.stack((body[..., 0] * c - body[..., 1] * s, body[..., 0] * s + body[..., 1] * c), axis=-1)
        points = (turned + place[:, None] + chance.normal(0, 0.3, turned.shape)).astype(np.float32)
        sure = np.where(chance.random((4, 27)) < 0.01, 0.2, 0.95).astype(np.float32)
        animals = [Individual(f"mouse{n}", *(points[n, :, k].copy() for k in (0, 1)), sure[n]) for n in range(4)]
        frames.append(FramePoses("top", number, number * 33_333_333, KEYPOINTS, tuple(animals)))
    return frames


class Deciding:
    """A step for the benchmark: the next frame is decided; after the last one all begins anew."""

    def __init__(self, count: int) -> None:
        self._frames = [PoseArray.of(poses) for poses in walking(count)]
        self._triggers = hundred_triggers()

    def __call__(self, number: int) -> None:
        place = number % len(self._frames)
        if number and place == 0:
            self._triggers = hundred_triggers()
        self._triggers.decide("top", self._frames[place])


if __name__ == "__main__":
    import time

    deciding, times = Deciding(1500), []
    for number in range(1500):
        begin = time.perf_counter()
        deciding(number)
        times.append((time.perf_counter() - begin) * 1e3)
    for share in (10, 50, 95, 99):
        print(f"p{share}: {np.percentile(times[100:], share):.3f} ms a frame")
