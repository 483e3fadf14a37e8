"""A long run in simulated time: `python test/soak.py` plays a camera with /clock to a whole rig, as fast as it decides.

Every simulated hour is a line: frames, how long it took, and the memory of each node. At the end it says by how much
each grew after the first quarter, whether every frame was recorded and has its pose, whether there was any fault, and
whether the light's timer has drifted: on and off in turn, each for thirty seconds. Exit code 1 if one is not so.

`--hours 1` for less; `--fps 30` as a real camera has them (one a second otherwise); `--grows MIB` that a node may grow.
The recorder may grow by more: by its index of video and bag, 3 KiB for each second that it records (260 MB a day).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, pairwise
from pathlib import Path

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rig_tools import CONFIG, RigUnderTest, command
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import String

from dlstream.run.environment import PROFILE, node_environment
from dlstream_camera import Camera
from dlstream_camera.sources.synthetic import SyntheticSettings
from dlstream_common import Frame
from dlstream_common.ros import (
    COMMAND,
    JOURNAL,
    POSE,
    image_qos,
    image_to_message,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_msgs.msg import Acknowledgement, Command, FramePoses

RIG = """\
rig: soak
pictures: false
use_sim_time: true
cameras: {{top: {{source: topic, topic: /soak/image_raw}}}}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 0.5}}
experiment: {{file: experiment.yaml, acknowledgement_timeout: 60, output_timeout: 60, start_timeout: 600}}
outputs: {{laser: {{type: log, file: laser.txt, commander_timeout: 60, max_command_age: 60}}}}
recorder: {{directory: sessions, image_depth: 200, silence: 60, min_free: 0.1}}
"""
EXPERIMENT = """\
experiment: soak
camera: top
max_age: 60
pose_timeout: 60
regions: {everywhere: {type: rectangle, left: 0, top: 0, right: 319, bottom: 239}}
triggers: {seen: {type: region, region: everywhere, keypoints: [neck], min_confidence: 0.1}}
protocol:
  type: states
  states:
    dark: {transitions: [{after: 30, go: light}]}
    light:
      stimuli: [{output: laser, action: "on"}]
      transitions: [{after: 30, go: dark}]
"""
NODES = ["/pose", "/experiment", "/recorder", "/outputs/laser"]
SECOND = 1_000_000_000
BEGIN = 1_500_000_000 * SECOND
_SOON = 30.0
"""Seconds in which a pose comes and is decided on; an image that got lost on the way has none."""
_INDEX = 3 / 1024
"""MiB by which the recorder's index grows with each second."""
HALF = 30
"""Seconds of light, and of dark."""


class Player:
    """A driver of somebody else's: each image goes out once the one before it was decided on.

    A clock that runs at thirty times its speed would else be a minute ahead of an experiment that waited two seconds
    for a processor: to it, poses would be too old, and an output silent.

    Attributes:
        before: images before the first pose; `lost`: later ones without a pose.
    """

    def __init__(self, fps: float) -> None:
        # As its documentation asks of every driver: in the default shared memory one image in seventy is lost.
        os.environ.update({name: value for name, value in node_environment().items() if name == PROFILE})
        rclpy.init(args=[])
        self._node = rclpy.create_node("soak")
        self._clocks = self._node.create_publisher(Clock, "/clock", 10)
        self._images = self._node.create_publisher(Image, "/soak/image_raw", image_qos(100))
        self._node.create_subscription(FramePoses, "/top/pose", self._on_pose, POSE)
        self._node.create_subscription(String, "/experiment/journal", self._on_journal, JOURNAL)
        self._node.create_subscription(Command, "/outputs/laser/command", self._on_command, COMMAND)
        self._node.create_subscription(Acknowledgement, "/outputs/laser/acknowledgement", self._on_answer, COMMAND)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._pictures = cycle(list(pictures()))
        self._step, self.stamp = round(SECOND / fps), BEGIN
        self._posed = self._decided = self._asked = self._answered = 0
        self.count = self.before = self.lost = 0

    def wait_for_rig(self, rig: RigUnderTest) -> None:
        """Until the pose node and the recorder take images."""
        while self._images.get_subscription_count() < 2:
            self._clocks.publish(Clock(clock=stamp_to_message(self.stamp)))
            self._turn(rig, 0.05)

    def play(self, rig: RigUnderTest) -> None:
        """One image, and what follows from it. One without a pose was lost, as are those before all know each other."""
        self.stamp += self._step
        self._clocks.publish(Clock(clock=stamp_to_message(self.stamp)))
        frame = Frame("top", self.count, self.stamp, next(self._pictures), "bgr8")
        self._images.publish(image_to_message(frame, "top"))
        self.count += 1
        end = time.monotonic() + (_SOON if self._posed else 0.5)
        while not self._is_through() and time.monotonic() < end:
            self._turn(rig, 0.1)
        if not self._posed:
            self.before += 1
        elif self._posed < self.stamp:
            self.lost += 1

    def close(self) -> None:
        """Leaves the ROS graph."""
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def _is_through(self) -> bool:
        """Whether the newest image has a pose, a run has decided on it, and the output has answered."""
        decided = not self._decided or self._decided >= self.stamp
        return self._posed >= self.stamp and decided and self._answered >= self._asked

    def _turn(self, rig: RigUnderTest, seconds: float) -> None:
        assert rig.process.poll() is None, rig.output
        self._executor.spin_once(seconds)

    def _on_pose(self, poses: FramePoses) -> None:
        self._posed = stamp_from_message(poses.header.stamp)

    def _on_journal(self, message: String) -> None:
        entry = json.loads(message.data.splitlines()[0])
        if entry["in"] == "poses":
            self._decided = entry["stamp"]

    def _on_command(self, command: Command) -> None:
        self._asked = max(self._asked, command.id)

    def _on_answer(self, answer: Acknowledgement) -> None:
        self._answered = max(self._answered, answer.id)


def pictures() -> Iterator[object]:
    """Ten seconds of an animal, which are played again and again."""
    camera = Camera("top", SyntheticSettings(width=320, height=240, seed=1, frames=300, pace=False))
    camera.open()
    while (shot := camera.read()) is not None:
        yield shot.frame.image
    camera.close()


def memory(pid: int) -> float:
    """MiB of a process's own: without its files, and what it shares with others, which has a size of its own."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def light_is_in_time(session: Path, seconds: float) -> str:
    """What is wrong with the light's times; empty if nothing is."""
    with (session / "events.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "command"]
    turns = [int(row["frame_stamp_ns"]) for row in rows if row["frame_stamp_ns"]]
    wrong = [after - before for before, after in pairwise(turns) if after - before != HALF * SECOND]
    ended = not turns or BEGIN + seconds * SECOND - turns[-1] > 2 * HALF * SECOND
    if wrong or ended:  # the first is as late as the run began
        return f"{len(turns)} turns of the light in {seconds:.0f} s, {len(wrong)} of them not after {HALF} s"
    return ""


def run(hours: float, fps: float, grows: float, folder: Path) -> list[str]:
    """Plays it; returns what is wrong."""
    (folder / "rig.yaml").write_text(RIG.format(config=CONFIG))
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    rig = RigUnderTest(command("run", "--status", "0", "rig.yaml"), folder)
    player = Player(fps)
    print(f"| hour | frames | s | {' | '.join(NODES)} |\n| --- | --- | --- |{' --- |' * len(NODES)}")
    sizes: list[list[float]] = []
    begun = time.monotonic()
    try:
        player.wait_for_rig(rig)
        tenths = max(1, round(hours * 10))
        for tenth in range(1, tenths + 1):
            while player.stamp < BEGIN + tenth * hours / tenths * 3600 * SECOND:
                player.play(rig)
            sizes.append([memory(rig.node(node)) for node in NODES])
            if tenth % 10 == 0 or tenth == tenths:
                cells = " | ".join(f"{size:.1f}" for size in sizes[-1])
                hour = tenth * hours / tenths
                print(f"| {hour:g} | {player.count} | {time.monotonic() - begun:.0f} | {cells} |", flush=True)
        code = rig.stop()
    finally:
        player.close()
        if rig.process.poll() is None:
            rig.stop()
    wrong = [f"exit code {code}:\n{rig.output}"] if code else []
    early = sizes[len(sizes) // 4]
    for node, first, last in zip(NODES, early, sizes[-1], strict=True):
        print(f"{node}: {last - first:+.1f} MiB since the first quarter")
        allowed = grows + (0.75 * hours * 3600 * _INDEX if node == "/recorder" else 0)
        if last - first > allowed:
            wrong.append(f"{node} grew by {last - first:.1f} MiB; at most {allowed:.1f} are allowed")
    summary = rig.about()["summary"]
    recorded = summary["frames_recorded"]
    text = f"{player.count} frames, {player.lost} without a pose, {recorded} recorded, {summary['faults']} faults"
    print(text)
    faults = Counter(line.partition("fault: ")[2] or line for line in rig.lines if "ERROR" in line)
    print("\n".join(f"{count} x {line[:160]}" for line, count in faults.most_common(8)))
    if player.lost or not 0 <= player.count - recorded <= player.before or summary["faults"]:
        wrong.append(text)
    if late := light_is_in_time(rig.session, hours * 3600):
        wrong.append(late)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="at least 0.5: growth is what later tenths add")
    parser.add_argument("--fps", type=float, default=1.0)
    parser.add_argument("--grows", type=float, default=4.0)
    asked = parser.parse_args()
    if asked.hours < 0.5:
        parser.error(f"--hours: found {asked.hours:g}; expected at least 0.5")
    print(f"{asked.hours:g} h at {asked.fps:g} fps; {os.cpu_count()} cores, Linux {platform.release()}\n")
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(asked.hours, asked.fps, asked.grows, Path(folder))
    for text in wrong:
        print(text)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
