"""How soon outputs are off after a process dies: `python test/bench_safety.py` prints the table.

Each time a whole rig is started by `dlstream run`, or with `--launcher ros2` by `ros2 launch`. As soon as its output is
on, one process is killed (SIGKILL), asked to end (SIGTERM) or stopped (SIGSTOP: it hangs, and its heartbeat stops as
with a cut link). The output's own file has the time at which it went off. With `--board` it is a pin of the board in
the simulator, and the trace of that pin has the times. `--times N` repeats each, `--only NAME` takes one, `--load N`
keeps so many cores busy beside it, and `--calm SECONDS` counts false alarms.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "firmware" / "simulator"))

from rig_tools import CONFIG, RigUnderTest, command, is_gone, on_while_seen
from simulated_board import SimulatedBoard

RIG = """\
rig: safety
cameras: {{top: {{source: synthetic, width: 320, height: 240, fps: 30, seed: 1}}}}
pose: {{network: {config}/networks/demo_mouse.onnx}}
experiment: {{file: {folder}/experiment.yaml, start_timeout: 60}}
outputs: {{laser: {laser}}}
recorder: {{directory: {folder}/sessions, min_free: 0.1}}
"""
EXPERIMENT = on_while_seen("safety", 320, 240, patient=False)
LASER = {
    False: "{{type: log, file: {folder}/laser.txt}}",
    True: "{{type: arduino, max_on: 3600, port: {port}, pin: 9}}",
}
PIN = 9
MARK = 19
VICTIMS = {
    "camera": ("/top/camera", signal.SIGKILL),
    "pose": ("/pose", signal.SIGKILL),
    "experiment": ("/experiment", signal.SIGKILL),
    "recorder": ("/recorder", signal.SIGKILL),
    "launcher": ("", signal.SIGKILL),
    "experiment hangs": ("/experiment", signal.SIGSTOP),
    "launcher asked to end": ("", signal.SIGTERM),
    "camera asked to end": ("/top/camera", signal.SIGTERM),
    "pose asked to end": ("/pose", signal.SIGTERM),
    "experiment asked to end": ("/experiment", signal.SIGTERM),
    "recorder asked to end": ("/recorder", signal.SIGTERM),
    "camera hangs": ("/top/camera", signal.SIGSTOP),
    "pose hangs": ("/pose", signal.SIGSTOP),
}
WITH_BOARD = {
    "output": ("/outputs/laser", signal.SIGKILL),
    "output asked to end": ("/outputs/laser", signal.SIGTERM),
    "output hangs": ("/outputs/laser", signal.SIGSTOP),
    "cable cut, board has power": ("cut", None),
    "port gone (USB), board has power": ("unplug", None),
}
LAUNCHERS = {
    "run": command("run", "--local", "--status", "0"),
    "ros2": [sys.executable, "-c", "import sys; from ros2cli.cli import main; sys.exit(main())", "launch"],
}
PATIENCE = 120.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=10)
    options.add_argument("--only", choices=VICTIMS | WITH_BOARD, action="append")
    options.add_argument("--board", action="store_true")
    options.add_argument("--launcher", choices=LAUNCHERS, default="run")
    options.add_argument("--load", type=int, default=0)
    options.add_argument("--calm", type=float, default=0.0)
    given = options.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(given.load)]
    try:
        if given.calm:
            alarms = false_alarms(given.calm, given.launcher, given.board)
            print(f"{alarms} false alarms in {given.calm:g} s with {given.load} busy processes beside the rig")
        else:
            names = given.only or (VICTIMS | WITH_BOARD if given.board else VICTIMS)
            parts = given.launcher, given.board
            show({name: [seconds_until_off(name, *parts) for _ in range(given.times)] for name in names}, given)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def show(measured: dict[str, list[float]], given: argparse.Namespace) -> None:
    """The table; GitHub's markdown, so that it can stand in the documentation."""
    table = Table("killed or stopped", "median", "longest", "times", title="seconds until the output is off")
    rows = ["| killed or stopped | median | longest | times |", "| --- | --- | --- | --- |"]
    for name, seconds in measured.items():
        cells = [name, f"{statistics.median(seconds):.3f}", f"{max(seconds):.3f}", str(len(seconds))]
        table.add_row(*cells)
        rows.append(f"| {' | '.join(cells)} |")
    Console().print(table)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {given.load}, "
        f"by {given.launcher}\n"
    )
    print("\n".join(rows))


def seconds_until_off(name: str, launcher: str = "run", with_board: bool = False) -> float:
    """Starts a rig, kills one of its processes while the output is on, and reads when it went off."""
    node, number = (VICTIMS | WITH_BOARD)[name]
    with tempfile.TemporaryDirectory(prefix="dlstream_safety_") as folder:
        board = SimulatedBoard(Path(folder) / "trace.txt") if with_board else None
        rig, actions = begin(Path(folder), launcher, board)
        nodes = children(rig.process.pid)
        victim = (rig.node(node) if node else rig.process.pid) if number else 0
        if board is not None:
            board.command(f"pin {MARK} 1")  # so that the trace has the moment by the chip's clock as well
        killed = time.time_ns()
        if number:
            os.kill(victim, number)
        elif board is not None:
            board.command(node)
        wait_for_action(actions, "off", killed, rig)
        if number == signal.SIGSTOP:
            time.sleep(1.0)
            off = off_for_good(actions)
            os.kill(victim, signal.SIGCONT)
            end(rig, nodes)
        else:
            end(rig, nodes)
            off = off_for_good(actions)
        chip = ""
        if board is not None:
            board.close()
            chip = f", {chip_seconds(board, off):.3f} s by the chip's clock"
    print(f"{name}: {(off - killed) / 1e9:.3f} s{chip}", file=sys.stderr)
    return (off - killed) / 1e9


def chip_seconds(board: SimulatedBoard, off: int) -> float:
    """Seconds from the mark to `off` by the chip's clock, which stands still while a busy machine is elsewhere."""
    words = [line.split() for line in board.trace.read_text().splitlines()]
    mark = next(float(w[0]) for w in words if w[2] == str(MARK) and w[3] == "in1")
    return (next(float(w[0]) for w in words if w[1] == str(off)) - mark) / 1e6


def false_alarms(seconds: float, launcher: str = "run", with_board: bool = False) -> int:
    """How often the output of a rig that is well went off by itself."""
    with tempfile.TemporaryDirectory(prefix="dlstream_safety_") as folder:
        board = SimulatedBoard(Path(folder) / "trace.txt") if with_board else None
        rig, _ = begin(Path(folder), launcher, board)
        time.sleep(seconds)
        rig.stop()
        if board is not None:
            board.close()
        return sum(line.startswith("outputs/laser ") and "was switched off" in line for line in rig.lines)


def begin(folder: Path, launcher: str, board: SimulatedBoard | None = None) -> tuple[RigUnderTest, Path]:
    """A rig whose output is on, and the file of its actions."""
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    laser = LASER[board is not None].format(folder=folder, port=board.port if board else "")
    (folder / "rig.yaml").write_text(RIG.format(config=CONFIG, folder=folder, laser=laser))
    file = folder / "rig.yaml"
    words = ["dlstream", "rig.launch.py", f"rig:={file}", "status:=0"] if launcher == "ros2" else [str(file)]
    rig = RigUnderTest([*LAUNCHERS[launcher], *words], folder)
    actions = board.trace if board else folder / "laser.txt"
    wait_for_action(actions, "on", 0, rig)
    time.sleep(1.0)  # the middle of a run, and not its beginning
    return rig, actions


def off_for_good(actions: Path) -> int:
    """When the output went off that has not been on since."""
    stamp = 0
    for line in lines_of(actions):
        told, _, text = line.partition("\t")
        stamp = stamp or int(told) if text == "off" else 0
    return stamp


def lines_of(actions: Path) -> list[str]:
    """Nanoseconds since the epoch, a tab and what happened: of the output's own file, or of its pin's trace."""
    text = actions.read_text() if actions.exists() else ""
    if actions.name != "trace.txt":
        return text.splitlines()
    words = (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))
    return [f"{w[1]}\t{'on' if w[3] == '1' else 'off'}" for w in words if w[2] == str(PIN) and w[3] != "z"]


def wait_for_action(actions: Path, action: str, after: int, rig: RigUnderTest) -> int:
    """When the output did something, later than `after`; nanoseconds since the epoch."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        for line in lines_of(actions):
            stamp, _, text = line.partition("\t")
            if text == action and int(stamp) > after:
                return int(stamp)
        time.sleep(0.02)
    raise SystemExit(f"waited {PATIENCE:g} s for '{action}':\n{rig.output}")


def end(rig: RigUnderTest, nodes: list[int]) -> None:
    """Waits until the rig is gone, and its nodes with it, also where the launcher was killed."""
    if rig.process.poll() is None:
        rig.process.send_signal(signal.SIGINT)
    rig.wait()
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and not all(map(is_gone, nodes)):
        time.sleep(0.1)


def children(parent: int) -> list[int]:
    """The processes that a launcher has started."""
    threads = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for thread in threads for pid in thread.read_text().split()]


if __name__ == "__main__":
    main()
