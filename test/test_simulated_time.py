"""Simulated time: images and /clock as of a bag that was recorded long ago, played to real nodes."""

from __future__ import annotations

import csv
import os
import subprocess
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from rig_tools import CONFIG, command, is_of_a_slow_machine
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from dlstream.run.monitor import Monitor
from dlstream.run.registry import RunningRig, announced
from dlstream_common import Frame, now
from dlstream_common.ros import (
    COMMAND,
    EVENT,
    HEARTBEAT,
    POSE,
    image_qos,
    image_to_message,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_msgs.msg import Acknowledgement, Command, Event, ExperimentStatus, FramePoses, Heartbeat, OutputStatus
from dlstream_recorder import read_session

NETWORK = CONFIG / "networks" / "demo_mouse.onnx"
EXAMPLE = CONFIG / "experiments" / "example.yaml"
SECOND = 1_000_000_000
LONG_AGO = 1_500_000_000 * SECOND
FPS = 50
CLOCK_EVERY = 5
"""Frames for one message of /clock: a bag's clock comes in steps that are longer than a frame."""


class Bag:
    """Plays images of the camera top with /clock, until `close`; `paused` stops both, `rewind` is `--loop`."""

    def __init__(self, node) -> None:
        self.count = 0
        self._images = node.create_publisher(Image, "/top/image_raw", image_qos(100))
        self._clocks = node.create_publisher(Clock, "/clock", 10)
        self._end, self.paused = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    @property
    def stamp(self) -> int:
        return LONG_AGO + self.count * SECOND // FPS

    def _play(self) -> None:
        image = np.zeros((240, 320, 3), np.uint8)
        while not self._end.wait(1 / FPS):
            if self.paused.is_set():
                continue
            if self.count % CLOCK_EVERY == 0:
                self._clocks.publish(Clock(clock=stamp_to_message(self.stamp)))
            self._images.publish(image_to_message(Frame("top", self.count, self.stamp, image, "bgr8"), "top"))
            self.count += 1

    def rewind(self) -> None:
        self.count = 0

    def close(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def bag(observer) -> Iterator[Bag]:
    playing = Bag(observer.node)
    yield playing
    playing.close()


def test_poses_have_sensible_latencies_and_are_not_stale(bag, observer, start_node, wait_for):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    limit = {"max_age": 60.0}
    start_node("dlstream_pose.ros.node", name="pose", network=NETWORK, cameras=["top"], use_sim_time=True, **limit)
    wait_for(lambda: len(poses) > 20, "poses")
    for pose in poses[5:]:
        stamp = stamp_from_message(pose.header.stamp)
        times = [stamp, *map(stamp_from_message, (pose.received, pose.inference_start, pose.inference_end))]
        assert times == sorted(times), "no latency is negative"
        assert times[-1] - times[0] < 60 * SECOND
        assert not pose.stale


def test_a_bag_that_is_paused_and_looped(bag, observer, start_node, wait_for):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    events = observer.collect(Event, "/experiment/events", EVENT)
    statuses = observer.collect(ExperimentStatus, "/experiment/status", EVENT)
    start_node("dlstream_outputs.node", name="screen", namespace="/outputs", type="log", use_sim_time=True)
    start_node("dlstream_pose.ros.node", name="pose", network=NETWORK, cameras=["top"], use_sim_time=True, max_age=60.0)
    rules = {"file": EXAMPLE, "cameras": ["top"], "autostart_run": True, "start_timeout": 300.0}
    start_node("dlstream_experiment.ros.node", name="experiment", use_sim_time=True, **rules)

    def runs() -> bool:
        return bool(statuses) and statuses[-1].status == ExperimentStatus.RUNNING

    wait_for(runs, "the run")

    def last_pose() -> int:
        return stamp_from_message(poses[-1].header.stamp)

    bag.paused.set()
    wait_for(lambda: bag.stamp - last_pose() <= SECOND // FPS, "the pose of the last image")
    paused_at = bag.stamp
    bag.paused.clear()
    wait_for(lambda: last_pose() > paused_at, "poses after the pause")
    faults = [{item.key: item.value for item in event.values} for event in list(events) if event.kind == "fault"]
    wrong = [fault for fault in faults if not is_of_a_slow_machine(fault)]
    assert not wrong, "a long pause may have switched the output off"

    wait_for(lambda: bag.count > 3 * FPS, "some seconds to go back by")
    count = len(poses)
    bag.rewind()
    # Not the last one: on a slow machine the loop may have passed that place by now.
    wait_for(
        lambda: any(stamp_from_message(pose.header.stamp) < paused_at for pose in poses[count:]), "poses of the loop"
    )
    wait_for(lambda: len(poses) > count + 20, "more of them")

    def reported() -> bool:
        faults = [event for event in list(events) if event.kind == "fault"]
        return any("was set back by" in item.value for event in faults for item in event.values)

    wait_for(reported, "the report of the jump")
    assert not any(pose.stale for pose in poses[-10:])
    assert runs(), "the run goes on"


def test_an_output_answers_in_the_time_of_the_bag(bag, observer, start_node, wait_for):
    answers = observer.collect(Acknowledgement, "/outputs/laser/acknowledgement", COMMAND)
    statuses = observer.collect(OutputStatus, "/outputs/laser/status", EVENT)
    commands = observer.node.create_publisher(Command, "/outputs/laser/command", COMMAND)
    rules = {"use_sim_time": True, "commander_timeout": 0.0, "max_command_age": 30.0}
    start_node("dlstream_outputs.node", name="laser", namespace="/outputs", type="log", **rules)
    wait_for(lambda: commands.get_subscription_count() and statuses, "the output")
    wait_for(lambda: stamp_from_message(statuses[-1].stamp) >= LONG_AGO, "that it has the time")

    def answered() -> bool:
        sent = stamp_to_message(bag.stamp)
        commands.publish(Command(source="experiment", id=1, action="on", sent=sent, decided=sent))
        return bool(answers)

    wait_for(answered, "an answer")
    assert answers[0].success, answers[0].message
    for stamp in (answers[0].received, answers[0].applied):
        assert LONG_AGO - SECOND < stamp_from_message(stamp) <= bag.stamp + SECOND


def test_a_recorder_stamps_by_the_time_of_the_bag(bag, start_node, wait_for, tmp_path):
    node = start_node(
        "dlstream_recorder.ros.node",
        name="recorder",
        cameras=["top"],
        directory=str(tmp_path),
        min_free=0.1,
        use_sim_time=True,
    )

    def rows() -> list[dict[str, str]]:
        """The whole rows that have a time: /clock was heard by then."""
        text = "".join(file.read_text() for file in tmp_path.glob("*/top.frames.csv"))
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [row for row in csv.DictReader(whole) if int(row["recorded_ns"])]

    wait_for(lambda: len(rows()) > 20, "rows with a time")
    assert node.end() == 0
    waits = [int(row["recorded_ns"]) - int(row["stamp_ns"]) for row in rows()]
    assert all(abs(wait) < 60 * SECOND for wait in waits), waits


def test_an_output_of_a_bag_that_stops_goes_off_with_its_commander(bag, observer, start_node, wait_for):
    statuses = observer.collect(OutputStatus, "/outputs/laser/status", EVENT)
    commands = observer.node.create_publisher(Command, "/outputs/laser/command", COMMAND)
    beats = observer.node.create_publisher(Heartbeat, "/experiment/heartbeat", HEARTBEAT)
    rules = {"use_sim_time": True, "commander_timeout": 2.0, "max_command_age": 30.0}
    start_node("dlstream_outputs.node", name="laser", namespace="/outputs", type="log", **rules)
    wait_for(lambda: commands.get_subscription_count() and beats.get_subscription_count() and statuses, "the output")
    wait_for(lambda: stamp_from_message(statuses[-1].stamp) >= LONG_AGO, "that it has the time")

    def switched_on() -> bool:
        stamp = stamp_to_message(bag.stamp)
        beats.publish(Heartbeat(stamp=stamp, running=True))
        commands.publish(Command(source="experiment", id=1, action="on", sent=stamp, decided=stamp, arm=Command.ARM))
        return statuses[-1].on

    wait_for(switched_on, "that it is on")
    bag.paused.set()  # and no heartbeat comes any more
    wait_for(lambda: not statuses[-1].on, "that it is off")
    assert "experiment has been silent" in statuses[-1].reason


EVER_ON = """\
experiment: simulated
camera: top
triggers:
  seen: {type: region, region: everywhere, keypoints: [neck]}
regions: {everywhere: {type: rectangle, left: 0, top: 0, right: 319, bottom: 239}}
protocol:
  type: states
  start: lit
  states:
    lit: {stimuli: [{output: laser, action: "on"}], transitions: [{longer_than: 100000, go: dark}]}
    dark: {transitions: [{longer_than: 1, go: end}]}
max_age: 60
pose_timeout: 60
"""


def test_an_output_is_off_while_the_bag_is_paused_and_on_again_when_it_goes_on(
    bag, observer, start_node, wait_for, tmp_path
):
    (tmp_path / "experiment.yaml").write_text(EVER_ON)
    statuses = observer.collect(OutputStatus, "/outputs/laser/status", EVENT)
    start_node("dlstream_outputs.node", name="laser", namespace="/outputs", type="log", use_sim_time=True)
    start_node("dlstream_pose.ros.node", name="pose", network=NETWORK, cameras=["top"], use_sim_time=True, max_age=60.0)
    rules = {"file": tmp_path / "experiment.yaml", "cameras": ["top"], "autostart_run": True, "start_timeout": 300.0}
    start_node("dlstream_experiment.ros.node", name="experiment", use_sim_time=True, **rules)
    wait_for(lambda: statuses and statuses[-1].on, "that it is on")
    bag.paused.set()
    wait_for(lambda: not statuses[-1].on, "that it is off")
    assert "experiment has been silent" in statuses[-1].reason
    bag.paused.clear()
    wait_for(lambda: statuses[-1].on, "that it is on again")


def test_a_session_counts_its_seconds_by_the_time_of_the_bag(bag, observer, start_node, wait_for, tmp_path):
    rules = {"cameras": ["top"], "directory": str(tmp_path), "min_free": 0.1, "silence": 0.5}
    node = start_node("dlstream_recorder.ros.node", name="recorder", use_sim_time=True, **rules)
    wait_for(lambda: any(len(file.read_text().splitlines()) > 30 for file in tmp_path.glob("*/top.frames.csv")), "rows")
    monitor = Monitor("test", tmp_path / "rig.yaml", ["/recorder"], simulated=True)
    wait_for(lambda: monitor.node.get_clock().now().nanoseconds >= LONG_AGO, "that the launcher has the time")
    wait_for(lambda: monitor.is_heard, "that the recorder hears the launcher")
    monitor.report_fault("/pose", "was killed by SIGKILL")
    monitor.close()
    about = {"file": "rig.yaml", "pid": os.getpid(), "since": now(), "cameras": ("top",), "outputs": ()}
    environment = {name: os.environ[name] for name in ("ROS_DOMAIN_ID",)}
    rig = RunningRig("simulated", **about, nodes=("/recorder",), environment=environment, records="rig", simulated=True)
    with announced(rig):
        subprocess.run(command("mark", "injection", "--rig", "simulated"), check=True)
    events = observer.collect(Event, "/experiment/events", EVENT)
    bag.paused.set()
    wait_for(lambda: any("silent" in item.value for event in events for item in event.values), "that it misses images")
    assert node.end() == 0
    [folder] = tmp_path.glob("20*")
    created = read_session(folder)["created_ns"]
    assert LONG_AGO - SECOND <= created <= bag.stamp
    with (folder / "events.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["kind"] in ("fault", "mark")]
    assert {row["name"] for row in rows} == {"/pose", "/top/image_raw", "injection"}
    for row in rows:
        assert 0 <= float(row["time"]) <= (bag.stamp - created) / SECOND, row
