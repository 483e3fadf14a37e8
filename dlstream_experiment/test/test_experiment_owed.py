"""What the launcher switched off as a node died: not on again while that may be dead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from experiment_node_tools import MODULE, OUTPUT, PATIENT_OUTPUT
from experiment_poses import LEFT
from std_msgs.msg import Bool

from dlstream_common import OFF, RIG
from dlstream_common.ros import COMMAND, EVENT, key_values
from dlstream_msgs.msg import Command, ExperimentStatus

FILE = """\
experiment: example
camera: top
regions:
  top: {type: rectangle, left: 0, top: 0, right: 639, bottom: 479}
  side: {type: rectangle, left: 0, top: 0, right: 639, bottom: 479, camera: side}
triggers:
  seen: {type: region, region: top, keypoints: [neck]}
  beside: {type: region, region: side, keypoints: [neck]}
  pressed: {type: input, input: lever, timeout: 600}
protocol:
  type: region_trials
  trials: {left: {trigger: seen, stimulus: {output: screen, action: show, values: {image: left}}}}
  lockout: 0
  max_hits: 1000
max_age: 60
pose_timeout: 60
"""


class Lever:
    """An input that is heard of fifty times a second, as of a live node, or not at all."""

    def __init__(self, observer: Any) -> None:
        publisher = observer.node.create_publisher(Bool, "/inputs/lever/level", EVENT)
        self.lives = True
        observer.node.create_timer(0.02, lambda: self.lives and publisher.publish(Bool()))


@pytest.fixture
def make_run(start_node, watcher, animal, observer, tmp_path: Path):
    """A run of two cameras and a lever, which waits for its poses."""

    def make(text: str = FILE) -> tuple[Any, Lever]:
        path = tmp_path / "experiment.yaml"
        path.write_text(text)
        start_node(OUTPUT, name="screen", namespace="/outputs", type="log", **PATIENT_OUTPUT)
        patient = {"start_timeout": 300.0, "acknowledgement_timeout": 30.0, "output_timeout": 60.0}
        start_node(MODULE, file=path, cameras=["top", "side"], autostart_run=True, **patient)
        watcher.ready()
        top = animal()
        top.place = LEFT
        return top, Lever(observer)

    return make


def wait_for_more(watcher: Any, wait_for: Any) -> None:
    """Waits until the experiment has looked at its outputs again and again: its status comes once a second."""
    before = len(watcher.statuses)
    wait_for(lambda: len(watcher.statuses) > before + 2, "more of the experiment's statuses")


def commands_to_show(watcher: Any) -> int:
    return sum(item.action == "show" for item in list(watcher.commands))


def test_a_run_begins_once_every_camera_has_sent_a_pose(make_run, watcher, animal, wait_for):
    make_run()
    waits = "waits for poses of cameras 'top', 'side'"
    wait_for(lambda: any(status.reason == waits for status in watcher.statuses), "that it waits")
    wait_for_more(watcher, wait_for)
    assert watcher.statuses[-1].status == ExperimentStatus.WAITING
    animal(camera="side")
    wait_for(lambda: watcher.statuses[-1].status == ExperimentStatus.RUNNING, "the run")


@pytest.mark.parametrize("dead", ["side", "lever", "late"])
def test_what_the_launcher_switched_off_stays_off_until_all_are_heard_again(
    make_run, watcher, animal, observer, wait_for, dead
):
    top, lever = make_run()
    side = animal(camera="side")
    stops = observer.node.create_publisher(Command, "/outputs/screen/command", COMMAND)
    wait_for(lambda: watcher.answered("show"), "the picture")
    if dead == "side":
        side.leave()
    elif dead == "lever":
        lever.lives = False
    else:  # as on a slow network: frames from before the camera's death are on their way
        top.delay = 30_000_000_000
    wait_for_more(watcher, wait_for)  # what was on its way has been heard
    off = Command(source=RIG, id=1, action=OFF, values=key_values({"reason": "/side/camera was killed"}))
    wait_for(stops.get_subscription_count, "the output")
    shown = commands_to_show(watcher)
    stops.publish(off)
    wait_for(lambda: any("by order of rig" in reason for reason in watcher.reasons()), "the difference")
    wait_for_more(watcher, wait_for)

    def again() -> bool:
        return commands_to_show(watcher) > shown

    assert not again()
    if dead == "side":
        animal(camera="side")
    lever.lives, top.delay = True, 0
    wait_for(again, "the picture again")


def test_frames_with_the_stamps_of_another_clock_count_as_they_come(make_run, watcher, animal, observer, wait_for):
    top, _ = make_run(FILE.replace("max_age: 60", "max_age: 0"))
    side = animal(camera="side")
    top.delay = side.delay = 1_000_000_000_000_000  # as of a driver that counts from its start
    stops = observer.node.create_publisher(Command, "/outputs/screen/command", COMMAND)
    wait_for(lambda: watcher.answered("show"), "the picture")
    wait_for(stops.get_subscription_count, "the output")
    shown = commands_to_show(watcher)
    stops.publish(Command(source=RIG, id=1, action=OFF, values=key_values({"reason": "/pose was killed"})))
    wait_for(lambda: commands_to_show(watcher) > shown, "the picture again")
