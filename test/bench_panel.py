"""Measures the panel: its processor time, pictures drawn, their age, and STOP, with real rigs and Chromium.

.venv/bin/dlstream-env python test/bench_panel.py [--seconds 20]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from browser import Browser
from rig_tools import CONFIG, RigUnderTest, command

SECONDS = float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 20.0
LISTEN = """
window.shown = [];
document.getElementById("cameras").addEventListener("drawn", (event) => {
  const { camera, stamp, poses } = event.detail;
  shown.push([camera, Date.now() - stamp, poses !== null]);
});
"""


def rig_file(folder: Path, cameras: int, pose: bool) -> Path:
    """A rig with so many synthetic cameras."""
    lines = ["rig: bench", "panel: {port: 0}", "cameras:"]
    for number in range(cameras):
        lines.append(f"  cam{number}: {{source: synthetic, width: 640, height: 480, fps: 30, seed: {number}}}")
    if pose:
        lines.append(f"pose: {{network: {CONFIG}/networks/demo_mouse.onnx, threads: 1}}")
    lines.append("outputs: {laser: {type: log, arming: start}}")
    path = folder / "rig.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def processor_seconds(pid: int) -> float:
    """The processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy(pid: int, seconds: float) -> float:
    """The share of a core that a process takes, in percent."""
    before, begin = processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (processor_seconds(pid) - before) / (time.monotonic() - begin)


def measure(cameras: int, pose: bool) -> None:
    """Prints one line of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rig = RigUnderTest(command("run", "--local", "--status", "0", str(rig_file(folder, cameras, pose))), folder)
        browser = Browser(folder)
        try:
            rig.saw("[panel] open http")
            panel = rig.node("/panel")
            time.sleep(5.0)
            nobody = busy(panel, SECONDS / 2)
            page = browser.open(next(word for line in rig.lines for word in line.split() if word.startswith("http://")))
            page.until(f"document.querySelectorAll('.camera[data-live=yes]').length === {cameras}")
            time.sleep(5.0)
            page.run(LISTEN)
            watched = busy(panel, SECONDS)
            shown = page.run("shown")
            ages = np.array([age for _, age, _ in shown])
            own = np.mean([with_poses for _, _, with_poses in shown])
            page.run("document.getElementById('messages').replaceChildren()")
            page.press("s")
            stopped = page.until("document.getElementById('messages').innerText.match(/after (\\d+) ms/)?.[1]")
            print(
                f"| {cameras} | {'yes' if pose else 'no'} | {nobody:.1f} % | {watched:.1f} % | "
                f"{len(shown) / SECONDS / cameras:.1f} | {100 * own:.0f} % | "
                f"{' / '.join(f'{value:.0f}' for value in np.percentile(ages, [50, 95, 99]))} | {stopped} |",
                flush=True,
            )
        finally:
            browser.close()
            rig.stop()


if __name__ == "__main__":
    print("| cameras | poses | no page | one page | drawn fps each | with poses | age ms p50/95/99 | STOP ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for count, with_pose in ((1, True), (1, False), (4, False), (4, True)):
        measure(count, with_pose)
