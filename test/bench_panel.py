"""Measures the panel against its bars, with real rigs and Chromium: pictures, poses, latency, STOP, processor time.

.venv/bin/dlstream-env python test/bench_panel.py [--seconds 20] [--stops 30]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from browser import Browser, Page, program
from rig_tools import CONFIG, RigUnderTest, command

from dlstream_camera.arena import Arena
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.settings import PoseSettings
from dlstream_pose.runtime.stream import PoseStream
from dlstream_recorder.report.tables import read_latency

NETWORK = CONFIG / "networks" / "demo_mouse.onnx"
SIZE = "width: 640, height: 480, fps: 30"
LISTEN = """
window.shown = [];
document.getElementById("cameras").addEventListener("drawn", (event) => {
  const { camera, stamp, poses } = event.detail;
  shown.push([camera, Date.now() - stamp, poses !== null]);
});
"""
SETTLE = 5.0
CROP = 320
"""Windows of a third of the frame's pixels: less than half the time for the network, which is what four cameras lack on
two cores. Half the `scale` is no way: an animal of half the size is not what the network has learned."""
FRAMES = 150
"""Frames of each camera on which the poses of windows are compared with those of whole frames."""


def option(name: str, default: float) -> float:
    """A number of the command line."""
    return float(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


SECONDS, STOPS = option("--seconds", 20.0), int(option("--stops", 30))


@dataclass(frozen=True)
class Bar:
    """What is to hold; `least`: at least that much, else at most."""

    name: str
    unit: str
    bar: float
    least: bool = False

    def line(self, rig: str, value: float) -> str:
        """One line of the table."""
        holds = value >= self.bar if self.least else value <= self.bar
        sign = ">=" if self.least else "<="
        return f"| {rig} | {self.name} | {value:.1f} {self.unit} | {sign} {self.bar:g} | {'yes' if holds else 'NO'} |"


FPS = Bar("drawn a second by each camera, the slowest", "fps", 28, least=True)
OWN = Bar("pictures with their own poses", "%", 100, least=True)
AGE = Bar("acquisition to drawn, p95", "ms", 100)
POSE = Bar("acquisition to pose, p50: with a page against none", "% slower", 10)
STOP = Bar("STOP to all outputs off, p99", "ms", 300)
IDLE = Bar("panel without a page", "% of a core", 2)
BUSY = {1: Bar("panel with a page", "% of a core", 10), 4: Bar("panel with a page", "% of a core", 25)}


@dataclass(frozen=True)
class Tried:
    """A rig that is measured: so many synthetic cameras; `crop` (0: whole frames) and `together` as in its file."""

    cameras: int
    pose: bool = False
    crop: int = 0
    together: bool = False

    def __str__(self) -> str:
        words = [f"{self.cameras} camera{'s' if self.cameras > 1 else ''}", *["poses"][: self.pose]]
        words += [f"`crop: {self.crop}`"][: self.crop] + ["`together: true`"][: self.together]
        return ", ".join(words)


def rig_file(folder: Path, tried: Tried) -> Path:
    """Writes its rig file."""
    cameras = tried.cameras
    lines = [
        "rig: bench",
        "pictures: false",
        f"together: {str(tried.together).lower()}",
        "panel: {port: 0}",
        "cameras:",
    ]
    lines += [f"  cam{number}: {{source: synthetic, {SIZE}, seed: {number}}}" for number in range(cameras)]
    if tried.pose:
        lines.append(f"pose: {{network: {NETWORK}, threads: 1, crop: {tried.crop}}}")
        lines.append(f"recorder: {{directory: {folder}/sessions, video: none, bag: false}}")
    lines.append("outputs: {laser: {type: log, arming: start, manual_timeout: 600}}")
    path = folder / "rig.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def processor_seconds(pid: int) -> float:
    """The processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy(pid: int, seconds: float) -> tuple[float, tuple[int, int]]:
    """The share of a core that a process takes, in percent; and when that was (ns)."""
    before, begin, since = processor_seconds(pid), time.monotonic(), time.time_ns()
    time.sleep(seconds)
    return 100 * (processor_seconds(pid) - before) / (time.monotonic() - begin), (since, time.time_ns())


def ask(page: Page, what: str, body: object) -> None:
    """A POST of the page."""
    text = json.dumps(json.dumps(body))
    head = "{method: 'POST', headers: {'Content-Type': 'application/json'}, body: " + text + "}"
    assert page.run(f"fetch('/api/{what}', {head}).then((answer) => answer.ok)"), what


def stops(page: Page) -> list[float]:
    """Milliseconds from the key of STOP until every output has reported that it is off, each time from on."""
    found = []
    laser = "document.querySelector('#outputs [data-key=laser] .what').innerText"
    for _ in range(STOPS):
        ask(page, "arm", {"output": "laser", "armed": True})
        ask(page, "test", {"output": "laser", "action": "on", "seconds": 300.0})
        page.until(f"{laser}.startsWith('on')")
        page.run("document.getElementById('messages').replaceChildren()")
        page.press("s")
        found.append(float(page.until("document.getElementById('messages').innerText.match(/after (\\d+) ms/)?.[1]")))
    return found


def latency(folder: Path, cameras: int, window: tuple[int, int]) -> float:
    """Median time from acquisition to pose, of frames acquired in a window of time; ms."""
    [session] = (folder / "sessions").iterdir()
    found: list[float] = []
    for number in range(cameras):
        table = read_latency(session / f"cam{number}")
        assert table is not None
        own = table[(table["stamp_ns"] > window[0]) & (table["stamp_ns"] < window[1])]
        found += ((own["inference_end_ns"] - own["stamp_ns"]) / 1e6).tolist()
    return float(np.median(found))


def from_whole_frames(cameras: int) -> tuple[float, float, float]:
    """How far keypoints are with `CROP` from those of whole frames, on the same frames: median, p95 in pixels.

    And the share of keypoints, in percent, of which it is not sure (0.5) though it is on the whole frame.
    """
    estimator = Estimator(NETWORK)
    settings = PoseSettings(network=NETWORK), PoseSettings(network=NETWORK, crop=CROP)
    distances, unsure = [], []
    for seed in range(cameras):
        arena = Arena(640, 480, seed=seed, fps=30.0)
        whole, window = (PoseStream(estimator, one) for one in settings)
        for number in range(FRAMES):
            image, _ = arena.render(number)
            stamp = (number + 1) * 33_333_333
            a, b = (stream.estimate(image, "bgr8", stamp).individuals[0] for stream in (whole, window))
            distances.append(np.hypot(a.x - b.x, a.y - b.y))
            unsure.append((a.confidence >= 0.5) & (b.confidence < 0.5))
    return float(np.median(distances)), float(np.percentile(distances, 95)), 100 * float(np.mean(unsure))


def measure(tried: Tried) -> None:
    """Prints the lines of one rig."""
    cameras = tried.cameras
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rig = RigUnderTest(command("run", "--local", "--status", "0", str(rig_file(folder, tried))), folder)
        browser = Browser(folder)
        try:
            rig.saw("[panel] open http")
            panel = rig.node("/panel")
            time.sleep(SETTLE)
            idle, without = busy(panel, SECONDS)
            page = browser.open(next(word for line in rig.lines for word in line.split() if word.startswith("http://")))
            page.until(f"document.querySelectorAll('.camera[data-live=yes]').length === {cameras}")
            time.sleep(SETTLE)
            page.run(LISTEN)
            watched, with_page = busy(panel, SECONDS)
            shown = page.run("shown")
            stopped = stops(page)
        finally:
            browser.close()
            rig.stop()
        drawn = [sum(camera == f"cam{number}" for camera, _, _ in shown) / SECONDS for number in range(cameras)]
        values = [
            (FPS, min(drawn)),
            (AGE, float(np.percentile([age for _, age, _ in shown], 95))),
            (STOP, float(np.percentile(stopped, 99))),
            (IDLE, idle),
            (BUSY[cameras], watched),
        ]
        if tried.pose:
            before, after = (latency(folder, cameras, window) for window in (without, with_page))
            values.insert(1, (OWN, 100 * float(np.mean([own for _, _, own in shown]))))
            values.insert(3, (POSE, 100 * (after / before - 1)))
        for bar, value in values:
            print(bar.line(str(tried), value), flush=True)


if __name__ == "__main__":
    if program() is None:
        print("\nThe panel is not measured: no Chromium; `make simulators` installs it")
        sys.exit()
    print(f"\nThe panel ({SECONDS:g} s each, {STOPS} times STOP, cameras of 640x480 at 30 fps)\n")
    print("| rig | what | measured | bar | holds |")
    print("| --- | --- | --- | --- | --- |")
    for tried in (Tried(1), Tried(1, pose=True), Tried(4), Tried(4, pose=True)):
        measure(tried)
    for tried in (Tried(4, pose=True, crop=CROP), Tried(4, pose=True, crop=CROP, together=True)):
        measure(tried)
    middle, far, lost = from_whole_frames(4)
    print(
        f"\n`crop: {CROP}` against whole frames, {FRAMES} of each of four cameras: {middle:.2f} px (median), ", end=""
    )
    print(f"{far:.2f} px (p95) of the camera's image; {lost:.2f} % of the keypoints that it was sure of are unsure")
