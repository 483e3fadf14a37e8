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

from dlstream_recorder.report.tables import read_latency

SIZE = "width: 640, height: 480, fps: 30"
LISTEN = """
window.shown = [];
document.getElementById("cameras").addEventListener("drawn", (event) => {
  const { camera, stamp, poses } = event.detail;
  shown.push([camera, Date.now() - stamp, poses !== null]);
});
"""
SETTLE = 5.0


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

    def line(self, cameras: int, poses: bool, value: float) -> str:
        """One line of the table."""
        holds = value >= self.bar if self.least else value <= self.bar
        sign = ">=" if self.least else "<="
        rig = f"{cameras} camera{'s' if cameras > 1 else ''}{', poses' if poses else ''}"
        return f"| {rig} | {self.name} | {value:.1f} {self.unit} | {sign} {self.bar:g} | {'yes' if holds else 'NO'} |"


FPS = Bar("drawn a second by each camera, the slowest", "fps", 28, least=True)
OWN = Bar("pictures with their own poses", "%", 100, least=True)
AGE = Bar("acquisition to drawn, p95", "ms", 100)
POSE = Bar("acquisition to pose, p50: with a page against none", "% slower", 10)
STOP = Bar("STOP to all outputs off, p99", "ms", 300)
IDLE = Bar("panel without a page", "% of a core", 2)
BUSY = {1: Bar("panel with a page", "% of a core", 10), 4: Bar("panel with a page", "% of a core", 25)}


def rig_file(folder: Path, cameras: int, pose: bool) -> Path:
    """A rig with so many synthetic cameras."""
    lines = ["rig: bench", "pictures: false", "panel: {port: 0}", "cameras:"]
    lines += [f"  cam{number}: {{source: synthetic, {SIZE}, seed: {number}}}" for number in range(cameras)]
    if pose:
        lines.append(f"pose: {{network: {CONFIG}/networks/demo_mouse.onnx, threads: 1}}")
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


def measure(cameras: int, pose: bool) -> None:
    """Prints the lines of one rig."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rig = RigUnderTest(command("run", "--local", "--status", "0", str(rig_file(folder, cameras, pose))), folder)
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
        if pose:
            before, after = (latency(folder, cameras, window) for window in (without, with_page))
            values.insert(1, (OWN, 100 * float(np.mean([own for _, _, own in shown]))))
            values.insert(3, (POSE, 100 * (after / before - 1)))
        for bar, value in values:
            print(bar.line(cameras, pose, value), flush=True)


if __name__ == "__main__":
    if program() is None:
        print("\nThe panel is not measured: no Chromium; `make simulators` installs it")
        sys.exit()
    print(f"\nThe panel ({SECONDS:g} s each, {STOPS} times STOP, cameras of 640x480 at 30 fps)\n")
    print("| rig | what | measured | bar | holds |")
    print("| --- | --- | --- | --- | --- |")
    for count, with_pose in ((1, False), (1, True), (4, False), (4, True)):
        measure(count, with_pose)
