"""A whole rig under test: the installed command line in a process of its own, its nodes, its session."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from csv import DictReader
from functools import partial
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_prefix

from dlstream_recorder import read_session

CONFIG = Path(__file__).resolve().parents[1] / "config"
PATIENCE = 300.0
"""Seconds after which something that should happen has not happened."""

# What must come in time comes in time on a machine that has much else to do as well: a minute for what is a fault, and
# queues that hold as many frames as a test counts.
RIG = """\
rig: test
pictures: false
cameras:
  top: {{source: synthetic, width: 320, height: 240, queue: 200, fps: 30, seed: 1}}
pose:
  network: {config}/networks/demo_mouse.onnx
  scale: 1
experiment: {{file: {folder}/experiment.yaml, acknowledgement_timeout: 20, output_timeout: 60, start_timeout: 300}}
outputs:
  screen:
    type: screen
    offscreen: true
    commander_timeout: 60
    max_command_age: 60
    images: {{left: {config}/images/stripes.png, right: {config}/images/checkers.png}}
recorder: {{directory: {folder}/sessions, image_depth: 200, silence: 60, min_free: 0.1}}
"""

EXPERIMENT = """\
experiment: test
camera: top
regions:
  left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}
  right: {type: rectangle, left: 160, top: 0, right: 319, bottom: 239}
triggers:
  in_left: {type: region, region: left, keypoints: [neck]}
  in_right: {type: region, region: right, keypoints: [neck]}
protocol:
  type: region_trials
  trials:
    left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}
    right: {trigger: in_right, stimulus: {output: screen, action: show, values: {image: right}}}
  lockout: 0
  max_hits: 1000
max_age: 60
pose_timeout: 60
"""


POSE_TABLE_HEADER = 4
"""Rows above a table of poses, at most."""


class RigUnderTest:
    """`dlstream run` (or another command line) with what it prints, line by line."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._new = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self._new:
                    self.lines.append(line.rstrip())
                    self._new.notify_all()
        with self._new:
            self._ended = True
            self._new.notify_all()

    @property
    def output(self) -> str:
        """Everything that was printed so far."""
        return "\n".join(self.lines)

    def saw(self, text: str, timeout: float = PATIENCE) -> None:
        """Waits for a line that contains `text`."""
        with self._new:
            found = self._new.wait_for(lambda: any(text in line for line in self.lines) or self._ended, timeout)
        assert found, f"waited {timeout:.0f} s for '{text}' in:\n{self.output}"
        assert any(text in line for line in self.lines), f"ended without '{text}':\n{self.output}"

    def wait(self, timeout: float = 600.0) -> int:
        """Waits for the end; the exit code."""
        code = self.process.wait(timeout)
        self._thread.join(PATIENCE)
        return code

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def clear(self) -> None:
        """At the end of a test: ends the rig if it still runs, however the test went."""
        if self.process.poll() is None:
            self.stop()

    def node(self, name: str) -> int:
        """The process id of one of the nodes, by its name and namespace as in `/top/camera`."""
        namespace, _, last = name.rpartition("/")
        return self._child({f"__node:={last}", f"__ns:={namespace or '/'}"})

    def host(self, member: str = "dlstream_camera::CameraNode=/top/camera") -> int:
        """The process id of the nodes that run together, by one of them."""
        return self._child({member})

    def _child(self, wanted: set[str]) -> int:
        """The process that the runner started with these words."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self.process.pid and wanted <= set(words):
                return int(entry.name)
        raise AssertionError(f"no node with {wanted} in:\n{self.output}")

    @property
    def session(self) -> Path:
        """The one session folder."""
        [folder] = (self.folder / "sessions").iterdir()
        return folder

    def about(self) -> dict[str, Any]:
        """session.json."""
        return json.loads(json.dumps(read_session(self.session)))


def on_while_seen(experiment: str, width: int, height: int, patient: bool = True) -> str:
    """An experiment that has the output laser on while the neck of an animal is seen anywhere.

    Args:
        patient: it waits a minute for late poses, as on a busy machine.
    """
    text = f"""\
experiment: {experiment}
camera: top
regions: {{everywhere: {{type: rectangle, left: 0, top: 0, right: {width - 1}, bottom: {height - 1}}}}}
triggers: {{seen: {{type: region, region: everywhere, keypoints: [neck]}}}}
protocol:
  type: region_trials
  trials: {{on: {{trigger: seen, stimulus: {{output: laser, action: "on"}}}}}}
  lockout: 0
  max_hits: 100000
  finish_last_trial: true
"""
    return text + ("max_age: 60\npose_timeout: 60\n" if patient else "")


def command(*words: str) -> list[str]:
    """The installed command line."""
    return [sys.executable, str(Path(get_package_prefix("dlstream")) / "bin" / "dlstream"), *words]


def is_of_a_slow_machine(fault: Mapping[str, str]) -> bool:
    """Whether a machine that has much else to do is enough for this fault."""
    late = (
        "silent for",
        "max_age is",
        "no pose of camera",
        "did not acknowledge",
        "max_command_age",
        "commander_timeout",
    )
    return any(words in text for words in late for text in fault.values())


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until(condition: Callable[[], object], rig: RigUnderTest) -> None:
    """Waits until something holds while the rig runs or ends."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, rig.output
        time.sleep(0.05)


def refused(begin: Callable[[int], RigUnderTest]) -> RigUnderTest:
    """A rig that ended before it recorded anything, begun by its number; a few times if need be.

    A launcher looks for others for a second: on a busy machine ROS may tell it of them later.
    """
    for number in range(5):
        rig = begin(number)
        wait_until(partial(_has_ended_or_records, rig), rig)
        rig.stop()
        if "recording to" not in rig.output:
            return rig
    raise AssertionError(f"was not refused:\n{rig.output}")


def _has_ended_or_records(rig: RigUnderTest) -> bool:
    return rig.process.poll() is not None or "recording to" in rig.output


def recorded(rig: RigUnderTest, frames: int) -> None:
    """Waits until the recorder has written so many frames of the camera top, and the poses of as many."""
    written(rig, "top.frames.csv", frames + 1)
    written(rig, "top.poses.csv", frames + POSE_TABLE_HEADER)


def written(rig: RigUnderTest, name: str, lines: int) -> None:
    """Waits until a file of the session has so many lines."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        files = list((rig.folder / "sessions").glob(f"*/{name}"))
        if files and files[0].read_bytes().count(b"\n") >= lines:
            return
        assert rig.process.poll() is None, rig.output
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE:.0f} s for {lines} lines of {name}:\n{rig.output}")


def told(rig: RigUnderTest, kind: str, action: str) -> None:
    """Waits until the recorder has written an event of this kind about an output's action."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for file in (rig.folder / "sessions").glob("*/events.csv"):
            if any(
                row["kind"] == kind and row["action"] == action for row in DictReader(file.read_text().splitlines())
            ):
                return
        assert rig.process.poll() is None, rig.output
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE:.0f} s for {kind} of {action}:\n{rig.output}")
