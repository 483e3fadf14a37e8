"""Measures what users wait for, prints a table, writes build/bench.json: `make bench`.

Figures are medians on this machine; ratios within one run are what can be compared between machines.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pandas as pd
from bench_triggers import Deciding
from rich.console import Console
from rich.table import Table
from rig_tools import command

from dlstream.run.environment import private_domain
from dlstream_camera.arena import Arena
from dlstream_common import FramePoses, Individual
from dlstream_common.ros import image_to_message, poses_from_message, poses_to_message
from dlstream_experiment import Engine, load_experiment
from dlstream_pose import Estimator
from dlstream_recorder.report.summary import Summary, summarise
from dlstream_recorder.writers._encoders import create_encoder

ROOT = Path(__file__).resolve().parents[1]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
SECONDS = 6
WHERE = {True: "one process", False: "separate processes"}
SYNTHETIC = "source: synthetic, width: 640, height: 480"


def main() -> None:
    if sys.argv[1:] == ["--road"]:
        show_road(roads())
        return
    arena = Arena(640, 480, seed=5, fps=60.0)
    images = [arena.render(number)[0] for number in range(0, 300, 6)]
    figures: dict[str, Any] = {"machine": machine(), "milliseconds": {}, "rigs": {}}
    timed = figures["milliseconds"]
    timed["render the synthetic arena, 640x480"] = median(lambda number: arena.render(number), 200)
    estimator(images, timed)
    encoders(images, timed)
    messages(images, timed)
    engine(timed)
    timed["100 composed triggers, 4 animals of 27 keypoints"] = median(Deciding(1510), 1500)
    for fps, scale in ((30, 0.5), (60, 0.5)):
        for together in (False, True):
            figures["rigs"][f"640x480 colour, {fps} fps, scale {scale}, {WHERE[together]}"] = rig(fps, scale, together)
    figures["road"] = roads()
    show(figures)
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"written: {target}")


def median(step: Callable[[int], object], count: int = 100) -> float:
    """Milliseconds a call takes: the median of `count` calls after ten that don't count."""
    for number in range(10):
        step(number)
    times = []
    for number in range(count):
        begin = time.perf_counter()
        step(number)
        times.append(time.perf_counter() - begin)
    return float(np.median(times)) * 1e3


def estimator(images: list[Any], timed: dict[str, float]) -> None:
    """Our estimator against the bare ONNX Runtime session on the same graph and the same, already small, images."""
    ours = Estimator(NETWORK, scale=0.5)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    bare = onnxruntime.InferenceSession(str(NETWORK), options, providers=["CPUExecutionProvider"])
    small = [cv2.resize(image, None, fx=0.5, fy=0.5) for image in images]
    timed["estimator, 640x480 scaled by 0.5"] = median(lambda number: ours.estimate(images[number % len(images)]))
    timed["bare ONNX Runtime session, 320x240"] = median(
        lambda number: bare.run(None, {"image": small[number % len(small)]})
    )


def encoders(images: list[Any], timed: dict[str, float]) -> None:
    for video in ("lossless", "h264"):
        encoder = create_encoder(video, images[0], "bgr8")
        clock = iter(range(0, 10**15, 16_666_667))
        timed[f"encode {video}, 640x480 colour"] = median(
            lambda number, encoder=encoder, clock=clock: encoder.encode(images[number % len(images)], next(clock))
        )


def messages(images: list[Any], timed: dict[str, float]) -> None:
    from dlstream_common import Frame

    frame = Frame("top", 0, 0, images[0], "bgr8")
    timed["image to message, 640x480 colour"] = median(lambda number: image_to_message(frame, "top"))
    ones = np.ones(27, np.float32)
    names = tuple(f"keypoint{number}" for number in range(27))
    poses = FramePoses("top", 0, 0, names, tuple(Individual(str(number), ones, ones, ones) for number in range(4)))
    timed["poses of 4 animals, 27 keypoints, to message and back"] = median(
        lambda number: poses_from_message(poses_to_message(poses))
    )


def engine(timed: dict[str, float]) -> None:
    running = Engine(load_experiment(ROOT / "config" / "experiments" / "example.yaml"))
    running.start(0)
    ones = np.ones(5, np.float32)
    names = ("snout", "leftear", "rightear", "neck", "tailbase")

    def step(number: int) -> None:
        x = np.float32(300 + 300 * np.sin(number / 20))
        poses = FramePoses("top", number, number * 33_000_000, names, (Individual("", ones * x, ones * 163, ones),))
        running.poses(poses, number * 33_000_000 + 5_000_000)

    timed["one decision of the example experiment"] = median(step)


def rig(fps: int, scale: float, together: bool) -> dict[str, Any]:
    """The demo rig, its nodes in one process or each in its own."""
    text = (ROOT / "config" / "rig.demo.yaml").read_text().replace("fps: 30", f"fps: {fps}")
    text = text.replace("demo_mouse.onnx\n", f"demo_mouse.onnx\n  scale: {scale}\n")
    return run_rig(text.replace("rig: demo", f"rig: demo\ntogether: {str(together).lower()}"))


def run_rig(text: str) -> dict[str, Any]:
    """A rig for so many seconds; latencies in milliseconds."""
    with tempfile.TemporaryDirectory() as name, private_domain() as domain:
        folder = Path(name)
        for part in ("networks", "experiments", "images"):
            (folder / part).symlink_to(ROOT / "config" / part)
        (folder / "rig.yaml").write_text(text)
        run = [*command("run", str(folder / "rig.yaml")), "--seconds", str(SECONDS), "--status", "0"]
        done = subprocess.run(run, env={**os.environ, **domain}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the rig failed:\n{done.stdout}{done.stderr}")
        [session] = (folder / "sessions").iterdir()
        summary: Summary = summarise(session)
        table = session / "top.latency.csv"
        latencies = {
            "acquisition to pose published, less the inference": road_beyond_inference(table, "published_ns"),
            "acquisition to pose at a subscriber, less the inference": road_beyond_inference(table, "recorded_ns"),
        }
    return {
        "frames": summary.frames_captured,
        "lost": summary.frames_dropped,
        "left out by the pose node": summary.poses_dropped,
        "latency_ms": latencies | summary.latency_ms.model_dump(),
    }


def roads() -> dict[str, Any]:
    """From acquisition to the published pose, beyond the inference: 100 frames a second of 640x480 colour, both ways.

    Once with frames that are read from a raw video, which costs what a camera's driver costs, once with the synthetic
    camera, which draws them; with the session's video recorded losslessly and without one.
    """
    found = {}
    with tempfile.TemporaryDirectory() as name:
        video = Path(name) / "arena.avi"
        write_raw_video(video)
        for source in (f"source: video, path: {video}, fps: 100, loop: true", f"{SYNTHETIC}, fps: 100, seed: 1"):
            for recorded in ("lossless", "none"):
                for together in (True, False) if recorded == "lossless" else (True,):
                    kind = "raw video" if str(video) in source else "synthetic camera"
                    title = f"{kind}, recorded video: {recorded}, {WHERE[together]}"
                    found[title] = run_rig(road_rig(source, recorded, together))
    return found


def write_raw_video(path: Path) -> None:
    """Two seconds of the arena at 100 fps, not compressed."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, 0, 100.0, (640, 480))
    arena = Arena(640, 480, seed=5, fps=100.0)
    for number in range(200):
        writer.write(arena.render(number)[0])
    writer.release()


def road_rig(source: str, recorded: str, together: bool) -> str:
    return f"""\
rig: road
together: {str(together).lower()}
cameras:
  top: {{{source}}}
pose: {{network: networks/demo_mouse.onnx, threads: 1, scale: 0.2}}
experiment: experiments/demo.yaml
outputs:
  screen: {{type: screen, offscreen: true, images: {{left: images/stripes.png, right: images/checkers.png}}}}
recorder: {{directory: sessions, video: {recorded}, min_free: 0.1}}
"""


def road_beyond_inference(table: Path, end: str) -> dict[str, float]:
    """Milliseconds from a frame's acquisition to a stamp of its pose, less the time of the inference."""
    hops = pd.read_csv(table).iloc[50:]  # the first ones meet caches that are cold
    return spread((hops[end] - hops.stamp_ns - (hops.inference_end_ns - hops.inference_start_ns)) / 1e6)


def spread(milliseconds: pd.Series[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
    return {"p50": p50, "p95": p95, "p99": p99, "max": float(milliseconds.max()), "n": len(milliseconds)}


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return {
        "processor": next((line.split(":")[1].strip() for line in lines if "model name" in line), "not known"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
    }


def show(figures: dict[str, Any]) -> None:
    console = Console()
    console.print(figures["machine"])
    table = Table("step", "ms, median", box=None, title="Single steps, one core", title_justify="left")
    for name, value in figures["milliseconds"].items():
        table.add_row(name, f"{value:.3f}")
    steps = figures["milliseconds"]
    ratio = steps["bare ONNX Runtime session, 320x240"] / steps["estimator, 640x480 scaled by 0.5"]
    table.add_row("ratio bare session / estimator (with the scaling)", f"{ratio:.2f}")
    console.print(table)
    show_road(figures["road"])
    for name, found in figures["rigs"].items():
        title = f"{name}: {found['frames']} frames, {found['lost']} lost, {found['left out by the pose node']} left out"
        table = Table("latency, ms", "p50", "p95", "p99", "max", "n", box=None, title=title, title_justify="left")
        for hop, values in found["latency_ms"].items():
            row = [f"{values[key]:.2f}" if values[key] is not None else "-" for key in ("p50", "p95", "p99", "max")]
            table.add_row(hop, *row, str(values["n"]))
        console.print(table)


def show_road(found: dict[str, Any]) -> None:
    table = Table("ms", "p50", "p95", "p99", "max", "frames", "lost", "left out", box=None, title_justify="left")
    table.title = "Acquisition to pose published, beyond the inference; 640x480 colour at 100 fps (bar: p50 1, p99 3)"
    for name, run in found.items():
        values = run["latency_ms"]["acquisition to pose published, less the inference"]
        row = [f"{values[key]:.2f}" for key in ("p50", "p95", "p99", "max")]
        table.add_row(name, *row, str(run["frames"]), str(run["lost"]), str(run["left out by the pose node"]))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
