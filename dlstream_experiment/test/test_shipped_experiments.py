"""The experiments that come along, whole: from poses to commands, on scripted poses and on a real mouse's."""

from __future__ import annotations

import csv
import math
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from experiment_poses import frame, seconds
from protocol_script import EXPERIMENTS

from dlstream_common import FramePoses, Individual
from dlstream_common.yaml.file import read_yaml
from dlstream_experiment import Command, Effect, Engine, Event, Experiment, check_experiment, load_experiment
from dlstream_experiment.model.triggers import TRIGGERS

NAMES = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))
KEYPOINTS = ("snout", "neck", "tailbase")


def loaded(path: Path) -> Experiment:
    missing = {trigger["type"] for trigger in read_yaml(path)["triggers"].values()} - set(TRIGGERS)
    if missing:
        pytest.skip(f"no triggers of type {', '.join(sorted(missing))}")
    return load_experiment(path)


@pytest.mark.parametrize("name", NAMES)
def test_every_one_fits_deeplabstreams_image_and_has_nothing_odd(name):
    size = (848, 480) if "openfield" not in name else (640, 480)
    keypoints = ["snout", "leftear", "rightear", "neck", "tailbase"]
    experiment = loaded(EXPERIMENTS / f"{name}.yaml")
    assert experiment.experiment == name
    assert check_experiment(experiment, cameras=["top"], image_sizes={"top": size}, keypoints=keypoints) == []


# On scripted poses.


def mouse(x: float, y: float, heading: float = 0.0, name: str = "animal_0", length: float = 20.0) -> Individual:
    """An animal whose snout is there; it looks to the right at 0 degrees and up at 90. Its neck is 20 px behind."""
    dx, dy = math.cos(math.radians(heading)), -math.sin(math.radians(heading))
    points = [(x, y), (x - 20 * dx, y - 20 * dy), (x - (20 + length) * dx, y - (20 + length) * dy)]
    array = np.array(points, np.float32)
    return Individual(name, array[:, 0], array[:, 1], np.ones(3, np.float32))


def play(engine: Engine, poses: Iterable[FramePoses]) -> list[str]:
    """Every command as "TIME: output action values", with the trigger's events left out."""
    said: list[str] = []
    for item in poses:
        said += commands(engine.poses(item), (item.stamp - seconds(0)) / 1e9)
    return said


def commands(effects: Iterable[Effect], time: float) -> list[str]:
    words = []
    for effect in effects:
        if isinstance(effect, Command):
            values = [f"{key}={value}" for key, value in effect.values.items()]
            words.append(" ".join([f"{time:g}:", effect.output, effect.action, *values]))
        elif isinstance(effect, Event) and effect.kind == "experiment_ended":
            words.append(f"{time:g}: {effect.values['reason']}")
    return words


def run(name: str, *script: tuple[float, Individual | list[Individual] | None], seed: int | None = None) -> list[str]:
    """The experiment on these poses, from 0 s on; None: no animal is seen."""
    experiment = loaded(EXPERIMENTS / f"{name}.yaml")
    engine = Engine(experiment)
    engine.start(seconds(0))
    poses = []
    for number, (time, animals) in enumerate(script):
        listed = [] if animals is None else animals if isinstance(animals, list) else [animals]
        poses.append(frame(time, *listed, keypoints=KEYPOINTS, sequence=number))
    return play(engine, poses)


FAR = mouse(100, 400)


def test_example_and_several_animals():
    inside = mouse(570, 163)  # the neck at (550, 163)
    assert run("example", (1, FAR), (2, inside), (3, FAR)) == ["2: screen show image=right", "3: screen off"]
    other = mouse(100, 300, name="animal_1")
    edge = mouse(550 + 87.5 + 20, 163)  # the neck on the border, which belongs to the region
    said = run("multiple_animals", (1, [FAR, other]), (2, [FAR, edge]), (3, [inside, other]), (4, [FAR, other]))
    assert said == ["2: screen show image=left", "4: screen off"]


def test_social_interaction():
    still = mouse(300, 200, name="animal_0")  # its tail base at (260, 200)
    near, far = mouse(230, 200, name="animal_1"), mouse(229.5, 200, name="animal_1")
    said = run(
        "social_interaction", (1, [still, far]), (2, [still, near]), (3, near), (4, [still, far]), (5, [still, near])
    )
    assert said == ["2: screen show image=left", "4: screen off"], "one animal alone changes nothing; then a lock-out"


def test_speed():
    def at(time: float) -> Individual:
        """Rests, runs with 61 px/s from 1 s to 2 s, then goes on with 59."""
        return mouse(100 + 61 * min(max(time - 1, 0), 1) + 59 * max(time - 2, 0), 200)

    said = run("speed", *((number / 30, at(number / 30)) for number in range(1, 100)))
    (on, off) = (float(word.split(":")[0]) for word in said)
    assert [word.split(": ")[1] for word in said] == ["laser on", "laser off"]
    assert on == pytest.approx(1 + 5 / 30, abs=1 / 29), "as soon as five frames make 10 pixels"
    assert 2 < on + 1 < 2.3
    assert 2 < off < 2.3


def test_optogenetic():
    def looking(angle: float) -> Individual:
        """From (478, 226) at (678, 226), and so many degrees beside it."""
        return mouse(478, 226, angle)

    said = run(
        "optogenetic", (1, looking(31)), (2, looking(29)), (2.5, looking(90)), (3, looking(-29)), (4, looking(-31)),
        (19, looking(0)), (19.1, looking(0)), (24.1, looking(0)), (24.2, looking(0)), (60, looking(180)),
    )  # fmt: skip
    assert said == ["2: laser on", "4: laser off", "19.1: laser on", "24.2: laser off"]


def test_the_bases_on_a_region():
    inside, outside = mouse(570, 63), mouse(570, 94)  # the neck in the middle, and 31 px below it
    assert run("base_conditional", (1, inside), (2, None), (3, outside), (20, inside), (41.5, inside)) == [
        "1: laser on",
        "3: laser off",
        "41.5: laser on",
    ]
    supplied = run("base_conditional_supply", (1, inside), (4.4, inside), (4.5, inside), (41, inside), (42, inside))
    assert supplied == ["1: reward on", "4.5: reward off", "42: reward on"]
    said = run(
        "base_optogenetic", (1, inside), (3.9, outside), (4, outside), (44, inside), (45, inside), (55.1, inside)
    )
    assert said == ["1: laser on", "4: laser off", "45: laser on", "55.1: laser off"]


def test_base_trial():
    up, down = mouse(424, 300, 90), mouse(424, 300, -90)
    in_target = mouse(570, 63)
    said = run("base_trial", (1, down), (2, up), (5, in_target), (12, down), (12.1, down), (52, up), (52.2, up))
    assert said == ["2: screen show image=left", "12: screen off", "52.2: screen show image=left"]


def test_staged_needs_the_direction_in_its_later_stages():
    away, at_it = mouse(550, 130, -90), mouse(550, 130, 90)
    assert run("staged_single", (1, away), (2, at_it), (3, away)) == ["2: screen show image=left", "3: screen off"]
    near = mouse(550, 63 + 48, -90)
    assert run("staged", (1, at_it), (2, near), (3, at_it)) == ["2: screen show image=left", "3: screen off"]


def test_reward_pretraining():
    at_port, away = mouse(648, 38 + 30), mouse(648, 38 + 31)
    said = run("reward_pretraining", (11, at_port), (12, away), (15.5, away), (20, at_port), (60, at_port), (61, away))
    assert said == ["12: reward on", "15.5: reward off", "61: reward on"]


def test_second_order_conditioning():
    facing, turned, at_port = mouse(424, 300, 90), mouse(424, 300, -90), mouse(650, 37 + 50)
    script = [(40, facing), (41, turned), (42, facing), (45, at_port), (48, turned), (49.1, turned), (52, turned)]
    said = run("second_order_conditioning", *script, (52.6, turned), (59.2, turned), (62.7, turned))
    if "image=left" in said[0]:
        assert said == [
            "42: screen show image=left", "49.1: reward on", "52: screen off", "52.6: reward off",
            "59.2: withdrawal on", "62.7: withdrawal off",
        ]  # fmt: skip
    else:
        assert said == ["42: screen show image=right", "49.1: shock on", "52: screen off", "52.6: shock off"]


def test_behaviour_pool():
    short, stretched = mouse(300, 200, length=60), mouse(300, 200, length=80)
    frames = [(number / 30, stretched if 30 <= number < 60 else short) for number in range(1, 100)]
    for name in ("behaviour_pool", "behaviour_class"):
        said = run(name, *frames)
        assert [word.split(": ")[1] for word in said] == ["screen show image=left", "screen off"]
        assert [1 < float(word.split(":")[0]) - start < 1.3 for word, start in zip(said, (0, 1), strict=True)] == [
            True
        ] * 2


# On a real mouse.

DATA = Path(os.environ.get("DLSTREAM_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
POSES = DATA / "networks" / "openfield_cspnext_s" / "dlclive_poses.csv"
PLACES = {"[550, 163]": "[175, 135]", "[372, 163]": "[330, 390]", "[550, 63]": "[175, 135]", "[372, 63]": "[330, 390]"}
PLACES |= {"[648, 38]": "[175, 135]", "[650, 37]": "[175, 135]", "[678, 226]": "[320, 240]", "[848, 480]": "[640, 480]"}
SOONER = {"longer_than: 40,": "longer_than: 4,", "longer_than: 15,": "longer_than: 5,", "[10, 41]": "[1, 4]"}
HAPPENS = {
    "base_conditional": "laser on",
    "base_conditional_supply": "reward on",
    "base_optogenetic": "laser on",
    "base_trial": "screen show image=left",
    "behaviour_class": "screen show image=left",
    "behaviour_pool": "screen show image=left",
    "demo": "screen show image=left",
    "example": "screen show image=left",
    "example_openfield": "screen show image=left",
    "multiple_animals": "screen show image=left",
    "optogenetic": "laser on",
    "reward_pretraining": "reward on",
    "second_order_conditioning": "screen show image=",
    "social_interaction": "screen show image=left",
    "speed": "laser on",
    "staged": "screen show image=left",
    "staged_single": "screen show image=left",
}
"""What has to happen at least once in the 77 s of the real mouse."""


def test_every_one_has_something_to_happen():
    assert sorted(HAPPENS) == NAMES


def openfield(name: str, folder: Path) -> Path:
    """The experiment with the keypoints and the arena of DeepLabCut's openfield mouse, which has no neck."""
    lines = []
    for line in (EXPERIMENTS / f"{name}.yaml").read_text().splitlines():
        text, mark, comment = line.partition("#")
        for old, new in {**PLACES, **SOONER}.items():
            text = text.replace(old, new)
        text = re.sub(r"radius: \d+(\.\d+)?", "radius: 85", re.sub(r"\bneck\b(?!:)", "leftear", text))
        lines.append(text + mark + comment)
    (folder / "experiments").mkdir()
    shutil.copytree(EXPERIMENTS.parent / "networks", folder / "networks")
    path = folder / "experiments" / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def real_poses() -> list[list[FramePoses]]:
    """The mouse, at its 30 frames a second; a second stream has its own poses of 5 s before as another animal."""
    if not POSES.is_file():
        pytest.skip(f"there is no {POSES}")
    with POSES.open(newline="") as file:
        table = list(csv.reader(file))
    keypoints = tuple(table[1][1::3])
    values = np.array([row[1:] for row in table[3:]], np.float32).reshape(-1, len(keypoints), 3)

    def of(row: int, name: str) -> Individual:
        return Individual(name, *(np.ascontiguousarray(values[row, :, column]) for column in range(3)))

    streams: list[list[FramePoses]] = [[], []]
    for row in range(len(values)):
        stamp = seconds(0) + (row + 1) * 1_000_000_000 // 30
        streams[0].append(FramePoses("top", row, stamp, keypoints, (of(row, "one"),)))
        pair = (of(row, "one"), of(max(row - 150, 0), "two"))
        streams[1].append(FramePoses("top", row, stamp, keypoints, pair))
    return streams


@pytest.mark.parametrize("name", sorted(HAPPENS))
def test_every_one_runs_on_a_real_mouse(name, tmp_path, real_poses):
    path = openfield(name, tmp_path)
    experiment = loaded(path)
    poses = real_poses[name == "social_interaction"]
    check_experiment(experiment, cameras=["top"], image_sizes={"top": (640, 480)}, keypoints=poses[0].keypoints)

    def told() -> list[str]:
        engine = Engine(experiment)
        said = commands(engine.start(seconds(0)), 0)
        said += play(engine, poses)
        return said + commands(engine.stop(poses[-1].stamp + 1, "the video is over"), 99)

    said = told()
    assert said == told(), "twice the same"
    assert any(HAPPENS[name] in word for word in said), said
    last = {word.split()[1]: word.split()[2] for word in said if word.split()[1] in experiment.outputs}
    assert set(last.values()) == {"off"}
    assert len([word for word in said if word.endswith(" off")]) > len(experiment.outputs)
