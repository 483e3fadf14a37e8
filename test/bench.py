"""Measures what users wait for, prints a table, writes build/bench.json: `make bench`.

Figures are medians on this machine; ratios within one run are what can be compared between machines.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
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

from dlstream.environment import private_domain
from dlstream_camera.arena import Arena
from dlstream_common import FramePoses, Individual
from dlstream_common.ros import image_to_message, poses_from_message, poses_to_message
from dlstream_experiment import Engine, load_experiment
from dlstream_pose import Estimator
from dlstream_recorder._encoders import create_encoder
from dlstream_recorder.summary import Summary, summarise

ROOT = Path(__file__).resolve().parents[1]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"


def main() -> None:
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
    for fps, scale in ((30, 0.5), (60, 0.5), (100, 0.2)):
        for together in (False, True):
            where = "one process" if together else "separate processes"
            figures["rigs"][f"640x480 colour, {fps} fps, scale {scale}, {where}"] = rig(fps, scale, together)
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
    """The demo rig for ten seconds, its nodes in one process or each in its own; latencies in milliseconds."""
    with tempfile.TemporaryDirectory() as name, private_domain() as domain:
        folder = Path(name)
        text = (ROOT / "config" / "rig.demo.yaml").read_text().replace("fps: 30", f"fps: {fps}")
        text = text.replace("scale: 0.5 ", f"scale: {scale} ")
        text = text.replace("rig: demo", f"rig: demo\ntogether: {str(together).lower()}")
        for part in ("networks", "experiments", "images"):
            (folder / part).symlink_to(ROOT / "config" / part)
        (folder / "rig.yaml").write_text(text)
        run = [*command("run", str(folder / "rig.yaml")), "--seconds", "10", "--status", "0"]
        done = subprocess.run(run, env={**os.environ, **domain}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the rig failed:\n{done.stdout}{done.stderr}")
        [session] = (folder / "sessions").iterdir()
        summary: Summary = summarise(session)
        road = road_beyond_inference(session / "top.latency.csv")
    return {
        "frames": summary.frames_captured,
        "lost": summary.frames_dropped,
        "left out by the pose node": summary.poses_dropped,
        "latency_ms": {"acquisition to pose at a subscriber, less the inference": road}
        | summary.latency_ms.model_dump(),
    }


def road_beyond_inference(table: Path) -> dict[str, float]:
    """Milliseconds from a frame's acquisition to its pose at the recorder, less the time of the inference."""
    hops = pd.read_csv(table).iloc[30:]  # the first ones meet caches that are cold
    road = (hops.recorded_ns - hops.stamp_ns - (hops.inference_end_ns - hops.inference_start_ns)) / 1e6
    p50, p95, p99 = np.percentile(road, [50, 95, 99])
    return {"p50": p50, "p95": p95, "p99": p99, "max": float(road.max()), "n": len(road)}


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
    for name, found in figures["rigs"].items():
        title = f"{name}: {found['frames']} frames, {found['lost']} lost, {found['left out by the pose node']} left out"
        table = Table("latency, ms", "p50", "p95", "p99", "max", "n", box=None, title=title, title_justify="left")
        for hop, values in found["latency_ms"].items():
            row = [f"{values[key]:.2f}" if values[key] is not None else "-" for key in ("p50", "p95", "p99", "max")]
            table.add_row(hop, *row, str(values["n"]))
        console.print(table)


if __name__ == "__main__":
    main()
