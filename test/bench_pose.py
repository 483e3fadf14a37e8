"""Measures pose estimation: against DeepLabCut-Live, against a bare session, in windows, and what follows a network.

`make bench` runs it; by hand, in an environment with DeepLabCut-Live (`make dlc`) or without:

    python test/bench_pose.py --network mouse.onnx --original export.pt --video mouse.mp4 --scale 0.5
    python test/bench_pose.py --network mouse.onnx --original export.pt --labels labeled-data/mouse --only labels
    python test/bench_pose.py --net-type resnet_50 --scale 1 --crops --frames 40 --only speed
    python test/bench_pose.py --network mouse.onnx --original export.pt --also mouse.int8.onnx --only speed

Every contender gets the same frame before the next frame is taken, so that a busy machine slows all of them; what can
be compared are the ratios of the medians. Without a video the frames are those of the synthetic arena.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from bench_labels import against_labels
from bench_labels import table as labels_table
from bench_networks import build_network

from dlstream_camera.arena import Arena
from dlstream_common import DlstreamError
from dlstream_pose import Estimator, PoseSettings, PoseStream
from dlstream_pose.runtime.engines import NotInstalled
from dlstream_pose.runtime.filters import FILTERS, filter_settings
from dlstream_pose.runtime.identity import Identity

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "config" / "networks" / "demo_mouse.onnx"
PARTS = ("speed", "labels", "steps", "cameras")
FRAME = 33_333_333
"""Nanoseconds between two frames."""
_VECTORS = ("avx512_vnni", "avx512f", "avx_vnni", "avx2")
"""What int8 needs to be fast, the best first."""
Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, default=DEMO, help="converted network (.onnx)")
    parser.add_argument("--original", type=Path, help="DeepLabCut's export of it; without: not compared with it")
    parser.add_argument(
        "--also", type=Path, nargs="+", default=[], help="others, such as the same in int8 or a student"
    )
    parser.add_argument("--net-type", help="measure a network of DeepLabCut, such as resnet_50, with random weights")
    parser.add_argument("--video", type=Path, help="video to measure on; without: the synthetic arena")
    parser.add_argument("--labels", type=Path, help="folder of hand-labelled frames, as DeepLabCut keeps them")
    parser.add_argument("--scale", type=float, help="size of the network's images (default: as its file says)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=120, help="frames to measure on (default 120)")
    parser.add_argument("--crops", type=int, nargs="*", default=[192, 256, 320], help="sides of windows, in pixels")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all of it)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench_pose.json")
    parser.add_argument("--plot", type=Path, help="picture to draw")
    given = parser.parse_args(arguments)
    complete(given)
    figures = measure(given)
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures))
    print(f"written: {given.output}")
    if given.plot and "speed" in figures:
        plot(figures, given.plot)


def complete(given: argparse.Namespace) -> None:
    """Fills in what follows from the network, and refuses what can't be measured, before anything is."""
    if given.net_type:
        given.network, given.original = build_network(given.net_type, ROOT / "build")
    elif given.network == DEMO and given.original is None:
        given.original = DEMO.with_suffix(".pt")
    also = [("--also", path) for path in given.also]
    for what, path in (("--network", given.network), ("--original", given.original), ("--video", given.video), *also):
        if path is not None and not path.exists():
            raise SystemExit(f"{what} {path}: there is no such file")
    if given.labels is None and list(given.only) == ["labels"]:
        raise SystemExit("--only labels: needs --labels, a folder of hand-labelled frames as DeepLabCut keeps them")
    try:
        estimator = Estimator(given.network, given.scale)
    except DlstreamError as error:
        raise SystemExit(str(error)) from error
    given.scale, given.keypoints = estimator.scale, len(estimator.info.keypoints)


def measure(given: argparse.Namespace) -> Figures:
    frames = list(read_frames(given.video, given.frames))
    figures: Figures = {"machine": machine(), "network": given.network.name, "frames": len(frames)}
    figures["size"] = list(frames[0].shape[1::-1])
    labels = given.labels is not None and "labels" in given.only
    contenders = speed_contenders(given, frames[0]) if labels or "speed" in given.only else {}
    if "speed" in given.only:
        times, processor, poses = race(contenders, frames)
        figures["speed"] = {
            name: {
                "median": float(np.median(taken)),
                "mean": float(np.mean(taken)),
                "min": float(np.min(taken)),
                "processor": float(np.median(processor[name])),
            }
            for name, taken in times.items()
        }
        full = poses["dlstream, whole frame"]
        found = {name: pose for name, pose in poses.items() if not name.startswith("bare")}
        figures["accuracy"] = {name: compare(pose, full) for name, pose in found.items()}
    if labels:
        unlike = ("bare", "Kalman")  # the same as the whole frame, and nothing for images that are not a video
        chosen = {name: one for name, one in contenders.items() if not any(word in name for word in unlike)}
        figures["labels"] = against_labels(
            given.labels, {name: (one.run, "crop" in name) for name, one in chosen.items()}
        )
    if "steps" in given.only:
        figures["steps"] = steps()
    if "cameras" in given.only:
        figures["cameras"] = cameras(given, frames)
    return figures


def read_frames(path: Path | None, count: int) -> Iterator[Any]:
    if path is None:
        arena = Arena(640, 480, seed=9005)
        for number in range(count):
            yield arena.render(number)[0]
        return
    video = cv2.VideoCapture(str(path))
    for _ in range(count):
        read, image = video.read()
        if not read:
            break
        yield image
    video.release()


class Contender:
    """Something that finds poses in frames that come one after the other; `run` is what is timed."""

    def __init__(self, run: Callable[[Any, int], Any], window: Callable[[], bool] = lambda: False) -> None:
        self.run, self.window = run, window


def speed_contenders(given: argparse.Namespace, first: Any) -> dict[str, Contender]:
    contenders: dict[str, Contender] = {}
    try:
        if given.original is None:
            raise ImportError
        import torch
        from dlclive import DLCLive

        torch.set_num_threads(given.threads)  # as many as ours; on a busy machine more of them wait for one another
        live = DLCLive(given.original, model_type="pytorch", resize=given.scale, device="cpu")
        found = np.shape(live.init_inference(first))
        if found[-2] != given.keypoints:
            raise SystemExit(
                f"--original {given.original}: found {found[-2]} keypoints, and {given.keypoints} in {given.network}; "
                "expected the export from which that network was converted"
            )
        contenders["DeepLabCut-Live"] = Contender(lambda image, number: live.get_pose(image))
    except ImportError:
        lacking = "isn't installed in this environment (make dlc)" if given.original else "gets no --original EXPORT.pt"
        print(f"DeepLabCut-Live {lacking}: measured without it")
    small = (int(first.shape[1] * given.scale), int(first.shape[0] * given.scale))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = given.threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    bare = onnxruntime.InferenceSession(str(given.network), options, providers=["CPUExecutionProvider"])
    contenders["bare session, with the resize"] = Contender(
        lambda image, number: bare.run(["poses"], {"image": cv2.resize(image, small)})[0]
    )
    estimator = Estimator(given.network, given.scale, given.threads)
    contenders["dlstream, whole frame"] = Contender(lambda image, number: estimator.detect(image)[0])
    try:
        vino = Estimator(given.network, given.scale, given.threads, "openvino")
        contenders["dlstream, whole frame, OpenVINO"] = Contender(lambda image, number: vino.detect(image)[0])
    except NotInstalled:
        print("OpenVINO isn't installed in this environment (pip install openvino): measured without it")
    for path, engine in product(given.also, ("onnx", "openvino")):
        try:
            other = Estimator(path, given.scale, given.threads, engine)
        except NotInstalled:
            continue
        contenders[f"{path.name}, {engine}"] = Contender(lambda image, number, other=other: other.detect(image)[0])
    contenders["dlstream, whole frame, Kalman"] = stream(estimator, given, filter="kalman")
    for crop in given.crops:
        contenders[f"dlstream, crop {crop}"] = stream(estimator, given, crop=crop)
    return contenders


def stream(estimator: Estimator, given: argparse.Namespace, **keys: Any) -> Contender:
    running = PoseStream(estimator, PoseSettings(network=given.network, scale=given.scale, **keys))
    last: list[bool] = []

    def run(image: Any, number: int) -> Any:
        found = running.estimate(image, "bgr8", number * FRAME)
        last[:] = [found.window is not None]
        individual = found.individuals[0]
        return np.stack([individual.x, individual.y, individual.confidence], axis=1)

    return Contender(run, lambda: last[0])


def race(
    contenders: dict[str, Contender], frames: list[Any]
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, Any]]:
    """Milliseconds, the processor's own milliseconds, and poses of each contender, on each frame after the fifth."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    processor: dict[str, list[float]] = {name: [] for name in contenders}
    poses: dict[str, list[Any]] = {name: [] for name in contenders}
    for number, image in enumerate(frames):
        for name, contender in contenders.items():
            begin, used = time.perf_counter(), time.process_time()
            found = contender.run(image, number)
            taken, used = (time.perf_counter() - begin) * 1e3, (time.process_time() - used) * 1e3
            if number >= 5:
                times[name].append(taken)
                processor[name].append(used)
                poses[name].append((np.array(found, np.float32).reshape(-1, 3), contender.window()))
    return times, processor, poses


def compare(found: list[Any], full: list[Any]) -> Figures:
    """Pixels of the camera's image from the same network on the whole frame, where that one is sure."""
    one, other = np.array([pose for pose, _ in found]), np.array([pose for pose, _ in full])
    distance = np.hypot(*np.moveaxis(one - other, -1, 0)[:2])[other[..., 2] > 0.5]
    return {
        "windows": float(np.mean([window for _, window in found])),
        "rmse": float(np.sqrt(np.mean(distance**2))),
        "median": float(np.median(distance)),
        "p95": float(np.quantile(distance, 0.95)),
    }


def steps() -> Figures:
    """Milliseconds of filters and identity: the median, that of the processor's own time, and the least."""
    found: Figures = {}
    random = np.random.default_rng(0)
    for animals, keypoints in product((1, 4), (8, 27)):
        poses = random.uniform(0.3, 1.0, (animals, keypoints, 3)).astype(np.float32)
        poses[..., :2] *= 60
        poses[..., :2] += 200 * np.arange(animals)[:, None, None]
        noisy = [poses + random.normal(0, 0.5, poses.shape).astype(np.float32) * [1, 1, 0] for _ in range(64)]
        named: dict[str, Callable[[Any, int], object]] = {
            name: kind((animals, keypoints), filter_settings(name)()).update for name, kind in FILTERS.items()
        }
        if animals > 1:
            named["identity"] = Identity(animals, keypoints).assign
        for name, update in named.items():
            wall, processor = [], []
            for number in range(1000):
                begin, used = time.perf_counter(), time.thread_time()
                update(noisy[number % 64], number * FRAME)
                processor.append(time.thread_time() - used)
                wall.append(time.perf_counter() - begin)
            values = {"median": np.median(wall), "processor": np.median(processor), "min": min(wall)}
            key = f"{name}, {animals} x {keypoints}"
            found[key] = {name: float(value) * 1e3 for name, value in values.items()}
    return found


def cameras(given: argparse.Namespace, frames: list[Any]) -> Figures:
    """Frames a second of all cameras together: one after the other, and as the pose node serves them."""
    found: Figures = {}
    turns = Estimator(given.network, given.scale, given.threads)
    beside = Estimator(given.network, given.scale, given.threads, at_once=given.threads)
    for count in (1, 2, 3, 4):
        rounds = max(6, 24 // count)
        begin = time.perf_counter()
        for number in range(rounds * count):
            turns.detect(frames[number % len(frames)])
        after = time.perf_counter()
        threads = [
            threading.Thread(target=lambda part: [beside.detect(frames[n % len(frames)]) for n in part], args=(part,))
            for part in np.array_split(np.arange(rounds * count), min(count, given.threads))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done = time.perf_counter()
        found[str(count)] = {
            "by turns": rounds * count / (after - begin),
            "side by side": rounds * count / (done - after),
        }
    return found


def machine() -> Figures:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return {
        "processor": next((line.split(":")[1].strip() for line in lines if "model name" in line), "not known"),
        "cores": os.cpu_count(),
        "vectors": next((name for name in _VECTORS if any(name in line.split() for line in lines)), "no AVX2"),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "load": os.getloadavg()[0],
    }


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    width, height = figures["size"]
    lines = [f"{figures['network']}, {figures['frames']} frames of {width}x{height}; {figures['machine']}"]
    if "speed" in figures:
        lines += ["", *speed_table(figures["speed"], figures["accuracy"])]
    if "labels" in figures:
        lines += ["", *labels_table(figures["labels"])]
    if "steps" in figures:
        lines += ["", "| step, animals x keypoints | median ms | processor ms | least ms |", "|---|---|---|---|"]
        for name, taken in figures["steps"].items():
            lines.append(f"| {name} | {taken['median']:.3f} | {taken['processor']:.3f} | {taken['min']:.3f} |")
    if "cameras" in figures:
        lines += ["", "| cameras | frames/s by turns | side by side |", "|---|---|---|"]
        for count, rate in figures["cameras"].items():
            lines.append(f"| {count} | {rate['by turns']:.1f} | {rate['side by side']:.1f} |")
    return "\n".join(lines)


def speed_table(speed: Figures, accuracy: Figures) -> list[str]:
    live = speed.get("DeepLabCut-Live")
    lines = [
        "| | median ms | mean ms | least ms | processor ms | x DeepLabCut-Live | by processor | windows | RMSE px |"
        " median px |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, taken in speed.items():
        ratios = [f"{live[key] / taken[key]:.2f}" if live else "" for key in ("median", "processor")]
        off = accuracy.get(name, {})
        apart = (
            ["", "", ""]
            if not off
            else [f"{off['windows']:.0%}" if "crop" in name else "", f"{off['rmse']:.2f}", f"{off['median']:.2f}"]
        )
        cells = [f"{taken[key]:.2f}" for key in ("median", "mean", "min", "processor")]
        lines.append(f"| {' | '.join([name, *cells, *ratios, *apart])} |")
    share = speed["bare session, with the resize"]["median"] / speed["dlstream, whole frame"]["median"]
    return [*lines, "", f"estimator at {share:.2f} of the bare session"]


def plot(figures: Figures, path: Path) -> None:
    """Time against error: what each window costs and gains."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    names = list(figures["speed"])[::-1]
    medians = [figures["speed"][name]["median"] for name in names]
    colours = ["#999999" if name.startswith(("Deep", "bare")) else "#0072b2" for name in names]
    bars = left.barh(names, medians, color=colours)
    left.bar_label(bars, fmt="%.1f", padding=3)
    left.set_xlabel("median time of a frame, ms")
    left.margins(x=0.12)
    crops = [name for name in figures["speed"] if "crop" in name or name == "dlstream, whole frame"]
    for name in crops:
        right.scatter(figures["speed"][name]["median"], figures["accuracy"][name]["rmse"], color="#0072b2")
        place = (figures["speed"][name]["median"], figures["accuracy"][name]["rmse"])
        right.annotate(name.removeprefix("dlstream, "), place, textcoords="offset points", xytext=(6, 4))
    right.set_xlabel("median time of a frame, ms")
    right.set_ylabel("RMSE to the whole frame, px")
    right.margins(0.2)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
