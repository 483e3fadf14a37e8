"""What the experiment node publishes for people who watch: the course of the protocol, and what triggers measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from experiment_node_tools import MODULE, experiment_file, values
from experiment_poses import BETWEEN, LEFT
from std_msgs.msg import String

from dlstream_common.ros import EVENT, LATCHED, stamp_from_message
from dlstream_experiment import Engine, load_experiment
from dlstream_experiment.describe.course import course
from dlstream_experiment.ros.watched import bounds, measured

FOLDER = Path(__file__).parents[2] / "config" / "experiments"
EXPERIMENTS = [file for file in sorted(FOLDER.glob("*.yaml")) if "behaviour" not in file.name]


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_the_state_of_a_run_is_one_box_of_its_course(file: Path):
    experiment = load_experiment(file)
    about = course(experiment)
    assert json.loads(json.dumps(about)) == about, "plain data"
    engine = Engine(experiment)
    engine.start(1_000_000_000)
    state = engine.status(1_000_000_000).state
    assert len([box for box in about["boxes"] if box["state"] == state]) == 1
    assert about["words"] == experiment.protocol.in_words()
    known = {box["name"] for box in about["boxes"]}
    assert {end for arrow in about["arrows"] for end in (arrow["start"], arrow["end"])} <= known
    assert set(measured(engine, list(experiment.triggers)).values()) == {"nan"}, "nothing was seen yet"


def test_the_longest_run_is_the_earliest_time_that_ends_every_run(tmp_path):
    assert load_experiment(FOLDER / "demo.yaml").protocol.longest_run() == 600
    head = "experiment: e\ncamera: top\ntriggers:\n  t: {type: speed, keypoints: [neck], at_least: 5}\n"
    only = "{stimuli: [{output: laser, action: on}], transitions: [{when: t, go: end}]}"
    states = f"protocol: {{type: states, states: {{a: {only}}}, stop: "

    def longest(stop: str) -> float | None:
        file = tmp_path / "experiment.yaml"
        file.write_text(f"{head}{states}{stop}}}\n")
        return load_experiment(file).protocol.longest_run()

    assert longest("[{after: 300}, {longer_than: 20}]") == 20
    assert longest("[]") is None
    assert longest("[{stimulated: laser, reaches: 3, after: 2}]") is None, "the time alone does not end it"


def test_the_bounds_of_every_kind_of_trigger_have_their_unit(tmp_path):
    file = tmp_path / "experiment.yaml"
    file.write_text(
        "experiment: e\ncamera: top\nregions: {r: {type: circle, center: [9, 9], radius: 5}}\ntriggers:\n"
        "  speed: {type: speed, keypoints: [neck], at_least: 5, release: 4}\n"
        "  angle: {type: angle, keypoints: [a, b, c], at_least: 10, at_most: 20.5}\n"
        "  inside: {type: region, region: r, keypoints: [neck, a], match: all}\n"
        "  scale: {type: topic, topic: /s, message: std_msgs/msg/Float64, at_most: 3}\n"
        "  word: {type: topic, topic: /w, message: std_msgs/msg/String, equals: go}\n"
        "  lever: {type: input, input: lever}\n"
        "  both: {type: and, triggers: [speed, angle]}\n"
        "protocol: {type: states, states: {a: {}}, stop: [{after: 9}]}\n"
    )
    experiment = load_experiment(file)
    assert {name: bounds(experiment, name) for name in experiment.triggers} == {
        "speed": {"at_least": "5", "release": "4", "unit": "px/s"},
        "angle": {"at_least": "10", "at_most": "20.5", "unit": "degrees"},
        "inside": {"at_least": "2", "unit": "of 2 keypoints"},
        "scale": {"at_most": "3"},
        "word": {},
        "lever": {"at_least": "1"},
        "both": {},
    }


def test_the_node_publishes_its_course_and_what_triggers_measure_on_a_frame(
    start_node, observer, watcher, animal, log_output, wait_for, tmp_path
):
    courses: list[String] = observer.collect(String, "/experiment/protocol", LATCHED)
    measured_: list[DiagnosticArray] = observer.collect(DiagnosticArray, "/experiment/triggers", EVENT)
    path = experiment_file(tmp_path)
    start_node(MODULE, file=path, cameras=["top"], outputs=["screen"], image_sizes=["top=640x480"])
    wait_for(lambda: courses, "the course")
    assert json.loads(courses[-1].data)["longest"] == 600
    seen = animal()
    watcher.start()

    def newest() -> dict[str, Any]:
        return {item.name: (item.message, values(item)) for item in measured_[-1].status} if measured_ else {}

    wait_for(newest, "what the triggers measure")
    seen.place = LEFT
    inside = ("true", {"value": "1", "at_least": "1", "unit": "of 1 keypoint"})
    wait_for(lambda: newest()["in_left"] == inside, "the animal inside")
    assert newest()["in_right"] == ("false", {**inside[1], "value": "0"})
    frame = measured_[-1].header
    assert frame.frame_id == "top"
    assert stamp_from_message(frame.stamp) >= stamp_from_message(watcher.of_kind("trigger_rose")[0].frame_stamp)
    seen.place = BETWEEN
    wait_for(lambda: newest()["in_left"][0] == "false", "the animal outside")
    # Another file has another course.
    watcher.call("stop")
    path.write_text(path.read_text().replace("max_time: 600", "max_time: 30"))
    wait_for(lambda: watcher.call("reload").success, "the new file")
    wait_for(lambda: json.loads(courses[-1].data)["longest"] == 30, "its course")
