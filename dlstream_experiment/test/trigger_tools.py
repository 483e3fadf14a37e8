"""Triggers in the tests: made from the words of a file, shown poses, and computed a second time, one by one.

The second computation (`Reference`) follows the docstrings of the trigger types with plain Python and `math`, one
trigger and one individual at a time, and looks through all poses so far for every frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations
from typing import Any

from experiment_poses import frame, individual

from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.regions import REGIONS, Region
from dlstream_experiment.model.triggers import TRIGGERS, Context, TriggerSettings
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

PARTS = ("nose", "neck", "tailroot")
GONE = (math.nan, math.nan)
Pose = Mapping[str, tuple[float, float]]


def region(**words: Any) -> Region:
    return REGIONS[words["type"]].model_validate(words)


ROUND = region(type="circle", center=(100, 100), radius=50)
BOX = region(type="rectangle", left=0, top=0, right=100, bottom=100)
WIDE = region(type="rectangle", left=-20, top=-20, right=120, bottom=120)
LONG = region(type="ellipse", center=(100, 100), radii=(50, 30))
NOTCH = region(type="polygon", points=((0, 0), (100, 0), (100, 100), (50, 20), (0, 100)))
SPACE = {"round": ROUND, "box": BOX, "wide": WIDE, "long": LONG, "notch": NOTCH}


def trigger(type_: str, **words: Any) -> TriggerSettings:
    return TRIGGERS[type_].model_validate({"type": type_, **words})


def of(words: Mapping[str, Mapping[str, Any]]) -> dict[str, TriggerSettings]:
    """Triggers by name, each as in a file."""
    return {name: TRIGGERS[item["type"]].model_validate(item) for name, item in words.items()}


def context(**changes: Any) -> Context:
    return Context(**{"camera": "top", "regions": SPACE, **changes})


def scene(
    time: float,
    *animals: Pose,
    ids: Sequence[str] = (),
    confidence: float = 1.0,
    parts: Sequence[str] = PARTS,
) -> PoseArray:
    """A frame that many seconds after noon; a keypoint that an animal lacks is not seen."""
    mice = [
        individual([animal.get(part, GONE) for part in parts], confidence, ids[i] if ids else f"mouse{i}")
        for i, animal in enumerate(animals)
    ]
    return PoseArray.of(frame(time, *mice, keypoints=tuple(parts)))


def bound(words: Mapping[str, Any] | TriggerSettings, **changes: Any) -> TriggerSet:
    """A set of the one trigger `it`, ready for scenes of camera top."""
    settings = words if isinstance(words, TriggerSettings) else trigger(**{"type_": words["type"], **_rest(words)})
    made = TriggerSet({"it": settings}, context(**changes))
    made.bind("top", PARTS)
    return made


def _rest(words: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in words.items() if key != "type"}


def decisions(made: TriggerSet, frames: Sequence[PoseArray], name: str = "it") -> list[bool | None]:
    """What a trigger decides on each frame; None where nothing."""
    return [made.decide("top", item).get(name) for item in frames]


class Reference:
    """The conditions of triggers (without dwell and the like), computed one by one."""

    def __init__(self, settings: Mapping[str, TriggerSettings], parts: Sequence[str], calibration: float = 1.0) -> None:
        self._settings = settings
        self._parts = list(parts)
        self._calibration = calibration
        self._past: list[tuple[int, dict[str, dict[str, tuple[float, float, float]]]]] = []
        self._held = dict.fromkeys(settings, False)
        self.near: set[str] = set()
        """The triggers with a value so near a bound that rounding may decide."""

    def decide(self, scene: PoseArray) -> dict[str, bool | None]:
        animals = {
            name: {part: tuple(map(float, scene.block[:, row, column])) for column, part in enumerate(self._parts)}
            for row, name in enumerate(scene.ids)
        }
        for name in animals:
            here = [number for number, (_, then) in enumerate(self._past) if name in then]
            if here and scene.stamp - self._past[here[-1]][0] > 1_000_000_000:
                for _, then in self._past:
                    then.pop(name, None)  # it was away for so long that it is another one
        self._past.append((scene.stamp, animals))
        self.near.clear()
        told = {name: self._told(name, item, list(scene.ids)) for name, item in self._settings.items()}
        for name, value in told.items():
            if value is not None:
                self._held[name] = value
        return told

    def _told(self, name: str, s: Any, ids: list[str]) -> bool | None:
        if s.type == "social":
            groups = [(a, b) for a, b in permutations(ids, 2) if s.individual in ("any", a) and s.other in ("any", b)]
        else:
            groups = [(a, a) for a in ids if s.individual in ("any", a)]
        says = [self._says(name, s, a, b) for a, b in groups]
        if True in says:
            return True
        seen = [item for item in says if item != "absent"]
        return None if not seen or None in seen else False

    def _says(self, name: str, s: Any, a: str, b: str) -> bool | str | None:
        held = self._held[name]
        tests: list[bool | None] = []
        if s.type in ("region", "head_direction_region"):
            parts = s.keypoints if s.type == "region" else (s.nose,)
            where = s.release if s.type == "region" and held and s.release else s.region
            for part in parts:
                at = self._at(a, part, s)
                tests.append(None if at is None else bool(SPACE[where].contains(*at)) == s.inside)
        if s.type != "region":
            low, high = s.at_least, s.at_most
            if held and s.release is not None:
                low, high = (s.release, high) if low is not None else (low, s.release)
            if getattr(s, "side", "both") != "both":
                low = max(low or 0.0, 0.0)
            for value in self._values(s, a, b):
                tests.append(
                    None if value is None else (low is None or value >= low) and (high is None or value <= high)
                )
                for edge in (low, high):
                    if value is not None and edge is not None and abs(value - edge) < 1e-6 * max(1, abs(edge)):
                        self.near.add(name)
        match = getattr(s, "match", "all")
        needed = {"any": 1, "all": len(tests)}.get(match, match)
        yes, no = tests.count(True), tests.count(False)
        if yes >= needed:
            return True
        if no > len(tests) - needed:
            return False
        return None if yes + no else "absent"

    def _at(self, animal: str, part: str, s: Any, frame: int = -1) -> tuple[float, float] | None:
        x, y, confidence = self._past[frame][1].get(animal, {}).get(part, (math.nan, math.nan, 0.0))
        return None if math.isnan(x + y) or not confidence >= s.min_confidence else (x, y)

    def _values(self, s: Any, a: str, b: str) -> list[float | None]:
        def at(part: str) -> tuple[float, float] | None:
            return self._at(a, part, s)

        unit = self._calibration if str(getattr(s, "unit", "")).startswith("cm") else 1.0
        if s.type == "distance":
            return [_over(_length(*map(at, s.keypoints)), unit)]
        if s.type == "ratio":
            one, other = _length(*map(at, s.distance)), _length(*map(at, s.over))
            if one is None or other is None or one == other == 0:
                return [None]
            return [one / other if other else math.inf]
        if s.type == "social":
            pairs = [(p, q) for p in s.active for q in s.passive]
            return [_over(_length(self._at(a, p, s), self._at(b, q, s)), unit) for p, q in pairs]
        if s.type == "angle":
            p, vertex, q = map(at, s.keypoints)
            return [_angle((vertex, p), (vertex, q))]
        if s.type == "direction":
            start, end = at(s.start), at(s.end)
            if s.point is not None:
                return [_angle((start, end), (start, s.point))]
            far = {"north": (0, -1), "south": (0, 1), "west": (-1, 0), "east": (1, 0)}[s.edge]
            if s.frame is None:
                return [_angle((start, end), ((0, 0), far))]
            w, h = s.frame
            middle = {"north": (w / 2, 0), "south": (w / 2, h), "west": (0, h / 2), "east": (w, h / 2)}[s.edge]
            return [_angle((start, end), (start, middle))]
        if s.type in ("head_direction", "head_direction_region"):
            neck, nose = at(s.neck), at(s.nose)
            return [_angle((neck, nose), (nose, s.point))]
        if s.type == "ego_head_direction":
            tail, neck, nose = at(s.tailroot), at(s.neck), at(s.nose)
            turn = _turn((tail, neck), (neck, nose))
            if turn is None or s.side == "both":
                return [None if turn is None else abs(turn)]
            turn = abs(turn) if abs(turn) == 180 else turn if s.side == "right" else -turn
            return [turn]
        window = round(s.window * 1e9)
        if s.type in ("speed", "freeze"):
            return [_over(self._pace(s, a, part, window, len(self._past) - 1), unit) for part in s.keypoints]
        assert s.type == "acceleration"
        return [_over(self._gain(s, a, part, window), unit) for part in s.keypoints]

    def _gain(self, s: Any, animal: str, part: str, window: int) -> float | None:
        now = len(self._past) - 1
        start = self._start(now, window)
        if start is None:
            return None
        newer, older = self._stretch(s, animal, part, window, now), self._stretch(s, animal, part, window, start, True)
        if newer is None or older is None:
            return None
        between = (newer[1] + older[1]) / 2
        return (newer[0] / newer[1] - older[0] / older[1]) / between

    def _pace(self, s: Any, animal: str, part: str, window: int, end: int) -> float | None:
        stretch = self._stretch(s, animal, part, window, end)
        return None if stretch is None else stretch[0] / stretch[1]

    def _start(self, end: int, window: int) -> int | None:
        frames = [i for i in range(end + 1) if self._past[i][0] <= self._past[end][0] - window]
        return frames[-1] if frames else None

    def _sights(self, s: Any, animal: str, part: str, until: int) -> list[int]:
        return [i for i in range(until + 1) if self._at(animal, part, s, i) is not None]

    def _stretch(
        self, s: Any, animal: str, part: str, window: int, end: int, earlier: bool = False
    ) -> tuple[float, float] | None:
        """The way, and the seconds that it took."""
        start = self._start(end, window)
        to, since = self._sights(s, animal, part, end), self._sights(s, animal, part, -1 if start is None else start)
        if start is None or not since or not to or (not earlier and to[-1] != end):
            return None
        for last, frame_ in ((since[-1], start), (to[-1], end)):
            if self._past[frame_][0] - self._past[last][0] > window:
                return None
        sights = [i for i in to if i >= since[-1]]
        places = [self._at(animal, part, s, i) for i in sights]
        time = (self._past[sights[-1]][0] - self._past[sights[0]][0]) / 1e9
        if not time:
            return None
        if s.way == "displacement":
            return _length(places[0], places[-1]) or 0.0, time
        return sum(_length(p, q) or 0.0 for p, q in pairwise(places)), time


def _over(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _length(p: Any, q: Any) -> float | None:
    return None if p is None or q is None else math.hypot(q[0] - p[0], q[1] - p[1])


def _turn(one: Any, other: Any) -> float | None:
    """From the first vector to the second, clockwise in the image, -180 to 180."""
    if None in (*one, *other):
        return None
    (ax, ay), (bx, by) = ((q[0] - p[0], q[1] - p[1]) for p, q in (one, other))
    if ax == ay == 0 or bx == by == 0:
        return None
    return math.degrees(math.atan2(ax * by - ay * bx, ax * bx + ay * by))


def _angle(one: Any, other: Any) -> float | None:
    turn = _turn(one, other)
    return None if turn is None else abs(turn)
