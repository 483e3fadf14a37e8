"""Virtual keypoints: the same decisions as if the network found them itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlstream_common import FramePoses, Individual, InputError
from dlstream_experiment import Engine, Event, check_experiment, load_experiment
from dlstream_experiment.model.virtual import DrawnKeypoints, VirtualKeypoint

NETWORK = ("nose", "left", "right", "tail")
FILE = """\
experiment: virtual
camera: top
{keypoints}
calibration: {{top: 10}}
regions:
  here: {{type: circle, center: [60, 60], radius: 20}}
triggers:
  inside: {{type: region, region: here, keypoints: [head]}}
  fast: {{type: speed, keypoints: [head], at_least: 30, window: 0.1}}
  looks: {{type: direction, start: tail, end: head, point: [0, 0], at_most: 60}}
  far: {{type: distance, keypoints: [head, tail], at_least: 3, unit: cm}}
protocol:
  type: region_trials
  trials: {{one: {{trigger: inside, stimulus: {{output: laser, action: "on"}}}}}}
"""
VIRTUAL = "keypoints: {head: {middle: {left: 2, right: 1}}, ears: {middle: [left, right]}}"


def load(folder: Path, keypoints: str):
    path = folder / "experiment.yaml"
    path.write_text(FILE.format(keypoints=keypoints))
    return load_experiment(path)


def frames(seed: int) -> list[FramePoses]:
    """Two animals that come, go, and are seen more or less."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(200):
        individuals = []
        for name in ("a", "b")[: 1 + (number % 50 > 10)]:
            walk = 60 + 40 * np.sin(number / np.array([9, 11, 13, 17]) + (name == "b"))
            x, y = (walk + rng.normal(0, 4, 4)).astype(np.float32), (walk + rng.normal(0, 4, 4)).astype(np.float32)
            x[rng.random(4) < 0.03] = np.nan
            individuals.append(Individual(name, x, y, rng.uniform(0.3, 1, 4).astype(np.float32)))
        found.append(FramePoses("top", number, number * 33_000_000, NETWORK, tuple(individuals)))
    return found


def with_head(poses: FramePoses) -> FramePoses:
    """The same, as a network would find it that knows the head: worked out one point at a time."""

    def extended(one: Individual) -> Individual:
        x, y = ((2 * float(each[1]) + float(each[2])) / 3 for each in (one.x, one.y))
        sure = min(one.confidence[1], one.confidence[2])
        return Individual(
            one.id,
            np.append(one.x, np.float32(x)),
            np.append(one.y, np.float32(y)),
            np.append(one.confidence, np.float32(sure)),
        )

    return replace(poses, keypoints=(*NETWORK, "head"), individuals=tuple(map(extended, poses.individuals)))


def decided(engine: Engine, poses: list[FramePoses]) -> list[tuple[str, str, int, str]]:
    effects = engine.start(0, 1)
    for item in poses:
        effects += engine.poses(item)
    return [
        (item.kind, item.name, item.stamp, item.values.get("value", ""))
        for item in effects
        if isinstance(item, Event) and item.kind.startswith("trigger")
    ]


@pytest.mark.parametrize("seed", range(5))
def test_it_decides_like_a_keypoint_of_the_network(tmp_path: Path, seed: int):
    virtual = decided(Engine(load(tmp_path, VIRTUAL)), frames(seed))
    real = decided(Engine(load(tmp_path, "")), [with_head(item) for item in frames(seed)])
    assert virtual == real
    assert {name for _, name, _, _ in virtual} == {"inside", "fast", "looks", "far"}, "every trigger decided something"


def test_what_the_network_lacks_is_told(tmp_path: Path):
    experiment = load(tmp_path, VIRTUAL.replace("left: 2", "lef: 2"))
    with pytest.raises(InputError) as error:
        check_experiment(experiment, keypoints=NETWORK)
    assert "experiment.yaml:3: keypoints.head.middle.lef: found 'lef'; expected a keypoint of the network. Did" in str(
        error.value
    )
    effects = [*(engine := Engine(experiment)).start(0), *engine.poses(frames(0)[0])]
    faults = [item.values["reason"] for item in effects if isinstance(item, Event) and item.kind == "fault"]
    assert ["'lef'" in reason for reason in faults] == [True]
    check_experiment(load(tmp_path, VIRTUAL), keypoints=NETWORK)
    with pytest.raises(InputError, match=r"keypoints.head: found 'head'; expected another name"):
        check_experiment(load(tmp_path, VIRTUAL), keypoints=(*NETWORK, "head"))
    with pytest.raises(
        InputError, match=r"triggers.inside.keypoints\[0\]: found 'head'; .* Known: nose, left, right, tail, hat"
    ):
        check_experiment(load(tmp_path, VIRTUAL.replace("head:", "hat:")), keypoints=NETWORK)
    with pytest.raises(InputError, match=r"Known: nose, left, right, tail, ears\.") as error:
        check_experiment(load(tmp_path, VIRTUAL.replace("head:", "nose:")), keypoints=NETWORK)
    assert "keypoints.nose: found 'nose'; expected another name" in str(error.value)


@pytest.mark.parametrize(
    ("keypoints", "said"),
    [
        ("keypoints: {head: {middle: [left]}}", "middle"),
        ("keypoints: {head: {middle: [left, left]}}", "each keypoint once"),
        ("keypoints: {head: {middle: {left: 0, right: 1}}}", "greater than 0"),
        ("keypoints: {head: {middle: {left: .inf, right: 1}}}", "head"),
        ("keypoints: {head: [left, right]}", "head"),
        ("keypoints: {head: {middle: [left, ears]}, ears: {middle: [left, right]}}", "not virtual ones"),
    ],
)
def test_mistakes_are_refused_with_their_line(tmp_path: Path, keypoints: str, said: str):
    with pytest.raises(InputError) as error:
        load(tmp_path, keypoints)
    assert "experiment.yaml:3: keypoints.head" in str(error.value)
    assert said in str(error.value)


def test_in_words():
    assert VirtualKeypoint(middle=["a", "b", "c"]).in_words() == "the middle of a, b and c"
    assert VirtualKeypoint(middle={"a": 2, "b": 1}).in_words() == "the weighted middle of a (2) and b (1)"


def test_its_depth_lies_between_those_of_its_keypoints(tmp_path: Path):
    high = "high: {type: depth, keypoints: [head], floor: 800, at_least: 90}"
    path = tmp_path / "experiment.yaml"
    path.write_text(FILE.format(keypoints=VIRTUAL).replace("triggers:\n", f"triggers:\n  {high}\n"))
    engine = Engine(load_experiment(path))
    engine.start(0, 1)
    heights = []
    for number, (left, right) in enumerate([(760, 790), (700, 730), (700, np.nan), (680, 710)]):
        measured = np.array([np.nan, left, right, np.nan], np.float32)
        poses = frames(0)[0]
        animal = replace(poses.individuals[0], depth=measured, confidence=np.ones(4, np.float32))
        animal = replace(animal, x=np.full(4, 50, np.float32), y=np.full(4, 50, np.float32))
        engine.poses(replace(poses, individuals=(animal,), sequence=number, stamp=number * 33_000_000))
        heights.append(engine.measured()["high"])
    np.testing.assert_allclose(heights, [30, 90, np.nan, 110])


def test_it_is_drawn_where_it_is():
    content = {"keypoints": {"head": {"middle": {"left": 2, "right": 1}}, "odd": {"middle": ["left"]}, "paw": 3}}
    drawn = DrawnKeypoints.of_file(content, NETWORK)
    assert drawn.keypoints == (*NETWORK, "head"), "what can't be read is left out"
    for poses in frames(1)[:40]:
        for before, after, wanted in zip(
            poses.individuals, drawn.add(poses.individuals), with_head(poses).individuals, strict=True
        ):
            for name in ("x", "y", "confidence"):
                np.testing.assert_array_equal(getattr(after, name)[:4], getattr(before, name))
                np.testing.assert_allclose(getattr(after, name), getattr(wanted, name), rtol=1e-6)
    for nothing in ({}, {"keypoints": None}, {"keypoints": [1]}):
        assert DrawnKeypoints.of_file(nothing, NETWORK).keypoints == NETWORK
