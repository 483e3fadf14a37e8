"""Trains the demo's network on frames of the synthetic arena and writes it in three forms.

    python tools/train_demo_network.py                 (or: make demo-network)
    python tools/train_demo_network.py --convert-only  (keep the trained .pt; write the .onnx and the errors again)

It needs an environment of its own, apart from the project's, with DeepLabCut and what the converter asks for:

    pip install deeplabcut==3.0.2 "deeplabcut-live[pytorch]==1.1.0" onnx onnxscript onnxruntime pydantic ruamel.yaml

What it writes, in config/networks:

    demo_mouse.pt    as DeepLabCut's `export_model` writes a network: DeepLabCut and DeepLabCut-Live load it as it is
    demo_mouse.onnx  the same network, converted for dlstream
    demo_mouse.json  how it was trained, and its error on arenas it has never seen

The network is DeepLabCut's CSPNeXt, four times narrower than its standard, with the usual heat-map head, and learns
at half the arena's size (320x240): at first on crops, which are cheap, then on whole frames. DeepLabCut's own classes
build the model, its targets, its loss and its predictions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

# Threads that spin while they wait are slower by an order of magnitude where other programs use the same cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
for package in ("dlstream_common", "dlstream_camera", "dlstream_pose"):
    sys.path.insert(0, str(ROOT / package))

from dlstream_camera.arena import KEYPOINTS, SKELETON, Arena  # noqa: E402
from dlstream_pose import Estimator  # noqa: E402
from dlstream_pose.convert import convert  # noqa: E402
from dlstream_pose.convert.distill import _student  # noqa: E402

SEED = 7
SCALE = 0.5
WIDTH, HEIGHT = 320, 240
# Shrinking moves pixel centres: what is at x in the frame is at x * SCALE - LAG in the small image, and is called
# x * SCALE there, as DeepLabCut-Live and the estimator do.
LAG = (1 - SCALE) / 2
TRAINING_ARENAS = range(1000, 1060)
FRAMES_PER_ARENA = 100
UNSEEN_ARENAS = (0, 1, *range(9000, 9008))
UNSEEN_FRAMES_PER_ARENA = 100
CROP = 160
# What is fed, how many images a step, how many steps.
STAGES = (("crops", 16, 2200), ("frames", 8, 900))
PEAK_RATE = 1e-3
MIRRORED = [KEYPOINTS.index(name) for name in ("snout", "rightear", "leftear", "neck", "tailbase")]
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def model_config() -> dict[str, Any]:
    """DeepLabCut's configuration of the model: a small student, whose offsets weigh more."""
    config = _student.model_config("small", len(KEYPOINTS))
    config["heads"]["bodypart"]["criterion"]["locref"]["weight"] = 0.1
    return config


def export_config(steps: int) -> dict[str, Any]:
    """The configuration that DeepLabCut stores beside the weights."""
    settings = {"batch_size": STAGES[0][1], "epochs": 1, "steps": steps, "seed": SEED}
    config = _student.export_config("small", KEYPOINTS, "individual_1")
    return {**config, "model": model_config(), "train_settings": settings}


def arena_frames(arenas: range) -> tuple[np.ndarray, np.ndarray]:
    """Frames at half size and their keypoints: (N, 240, 320, 3) uint8 bgr and (N, K, 2) float32."""
    images, points = [], []
    for seed in arenas:
        arena = Arena(seed=seed, fps=30.0)
        numbers = np.sort(np.random.default_rng((SEED, seed)).integers(0, 3000, FRAMES_PER_ARENA))
        for number in numbers:
            image, truth = arena.render(int(number))
            images.append(cv2.resize(image, (WIDTH, HEIGHT)))
            # The estimator gives x / scale for a point x of the small image; this is its inverse.
            points.append(truth * SCALE)
    return np.stack(images), np.stack(points)


class Batches:
    """Batches of augmented frames or crops: mirrored both ways, brighter or darker, tinted, noisier."""

    def __init__(self, images: np.ndarray, points: np.ndarray) -> None:
        self._images, self._points = images, points
        self._random = np.random.default_rng(SEED)

    def draw(self, count: int, crops: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, H, W) normalised RGB and (B, 1, K, 3) x, y, visibility (2 in the image, 0 outside of it)."""
        chosen = self._random.integers(len(self._images), size=count)
        drawn = [self._one(int(index), crops) for index in chosen]
        images = np.stack([image for image, _ in drawn])
        points = np.stack([point for _, point in drawn])
        tensor = torch.from_numpy(np.ascontiguousarray(images[..., ::-1].transpose(0, 3, 1, 2)))
        return (tensor / 255 - MEAN) / DEVIATION, torch.from_numpy(points[:, None])

    def _one(self, index: int, crops: bool) -> tuple[np.ndarray, np.ndarray]:
        random = self._random
        image, points = self._images[index], self._points[index]
        if crops:
            image, points = self._crop(image, points)
        height, width = image.shape[:2]
        points = points.copy()
        if random.random() < 0.5:
            image, points[:, 0] = image[:, ::-1], width - 1 + 2 * LAG - points[:, 0]
            points = points[MIRRORED]
        if random.random() < 0.5:
            image, points[:, 1] = image[::-1], height - 1 + 2 * LAG - points[:, 1]
            points = points[MIRRORED]
        light = random.uniform(0.7, 1.3) * random.uniform(0.94, 1.06, 3)
        noise = random.standard_normal(image.shape, np.float32) * random.uniform(0.0, 5.0)
        altered = np.clip(image * light.astype(np.float32) + random.uniform(-15, 15) + noise, 0, 255)
        inside = ((points >= 0) & (points < (width, height))).all(axis=1)
        return altered.astype(np.float32), np.column_stack([points, 2.0 * inside]).astype(np.float32)

    def _crop(self, image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        random = self._random
        if random.random() < 0.8:
            corner = points.mean(axis=0) - CROP / 2 + random.uniform(-55, 55, 2)
        else:
            corner = random.uniform(0, 1, 2) * (WIDTH, HEIGHT)
        x, y = np.clip(np.rint(corner), 0, (WIDTH - CROP, HEIGHT - CROP)).astype(int)
        return image[y : y + CROP, x : x + CROP], points - (x, y)


def train(threads: int) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Trains from nothing; returns the model, its weights averaged over the last steps, and what was done."""
    from deeplabcut.pose_estimation_pytorch.models import PoseModel

    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    started = time.monotonic()
    batches = Batches(*arena_frames(TRAINING_ARENAS))
    print(f"{time.monotonic() - started:6.0f} s  frames rendered", flush=True)
    model = PoseModel.build(model_config(), pretrained_backbone=False)
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=1e-4)
    steps = sum(stage[2] for stage in STAGES)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps, pct_start=0.15)
    model.train()
    done, losses = 0, []
    for what, count, stage_steps in STAGES:
        for _ in range(stage_steps):
            images, points = batches.draw(count, crops=what == "crops")
            outputs = model(images)
            loss = model.get_loss(outputs, model.get_target(outputs, {"keypoints": points}))
            optimizer.zero_grad()
            loss["total_loss"].backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
            averaged.update_parameters(model)
            losses.append((loss["bodypart_heatmap"].item(), loss["bodypart_locref"].item()))
            done += 1
            if done % 50 == 0:
                heatmap, locref = np.mean(losses[-50:], axis=0)
                seconds = time.monotonic() - started
                figures = f"heat map {heatmap:.5f}  locref {locref:.5f}"
                print(f"{seconds:6.0f} s  {what} {done}/{steps}  {figures}", flush=True)
    facts = {
        "script": "tools/train_demo_network.py",
        "seed": SEED,
        "steps": steps,
        "images": sum(count * stage_steps for _, count, stage_steps in STAGES),
        "training_arenas": [TRAINING_ARENAS.start, TRAINING_ARENAS.stop - 1],
        "minutes": round((time.monotonic() - started) / 60, 1),
        "machine": f"{threads} threads, {platform.machine()}",
        "torch": torch.__version__,
    }
    return averaged.module.eval(), facts


def unseen_frames(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Whole frames (640x480) of arenas that were not trained on, and their keypoints (N, K, 2)."""
    images, points = [], []
    for seed in UNSEEN_ARENAS:
        arena = Arena(seed=seed, fps=30.0)
        for number in np.linspace(0, 3000, count, endpoint=False):
            image, truth = arena.render(int(number))
            images.append(image)
            points.append(truth)
    return images, np.stack(points)


def errors_of(network: Path) -> dict[str, Any]:
    """The network's error on unseen arenas, in pixels of the 640x480 frame."""
    estimator = Estimator(network, scale=SCALE)
    images, truth = unseen_frames(UNSEEN_FRAMES_PER_ARENA)
    found = [estimator.estimate(image, "bgr8")[0] for image in images]
    x, y, confidence = (np.stack([getattr(one, name) for one in found]) for name in ("x", "y", "confidence"))
    distance = np.hypot(x - truth[..., 0], y - truth[..., 1])

    def figures(values: np.ndarray) -> dict[str, float]:
        return {
            "mean": round(float(values.mean()), 3),
            "rmse": round(float(np.sqrt((values**2).mean())), 3),
            "p95": round(float(np.percentile(values, 95)), 3),
            "max": round(float(values.max()), 3),
        }

    return {
        "unit": "pixels of the 640x480 frame",
        "arenas": list(UNSEEN_ARENAS),
        "frames": len(images),
        "all": figures(distance),
        "keypoints": {name: figures(distance[:, index]) for index, name in enumerate(KEYPOINTS)},
        "confidence": {
            "median": round(float(np.median(confidence)), 3),
            "p1": round(float(np.percentile(confidence, 1)), 3),
            "lowest": round(float(confidence.min()), 3),
        },
    }


def difference_from_dlclive(source: Path, network: Path) -> dict[str, Any]:
    """How far the converted network is from the original in DeepLabCut-Live, on unseen frames."""
    from dlclive import DLCLive

    images, _ = unseen_frames(5)
    live = DLCLive(str(source), model_type="pytorch", resize=SCALE, device="cpu")
    live.init_inference(images[0])
    expected = np.stack([live.get_pose(image) for image in images])
    estimator = Estimator(network, scale=SCALE)
    found = [estimator.estimate(image, "bgr8")[0] for image in images]
    distance = np.hypot(
        np.stack([one.x for one in found]) - expected[..., 0], np.stack([one.y for one in found]) - expected[..., 1]
    )
    return {"frames": len(images), "max_pixels": round(float(distance.max()), 6)}


def main() -> None:
    """Trains, and writes the network in each format."""
    parser = argparse.ArgumentParser(description="Train the demo's network on frames of the synthetic arena.")
    parser.add_argument("--output", type=Path, default=ROOT / "config" / "networks", help="folder to write to")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--convert-only", action="store_true", help="keep the .pt; write the rest again")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    source, network, report = (arguments.output / f"demo_mouse.{kind}" for kind in ("pt", "onnx", "json"))
    if arguments.convert_only:
        facts = json.loads(report.read_text())["training"]
    else:
        model, facts = train(arguments.threads)
        torch.save({"config": export_config(facts["steps"]), "pose": model.state_dict()}, source)
        report.write_text(json.dumps({"training": facts}, indent=2) + "\n")
    small = [cv2.resize(image, (WIDTH, HEIGHT)) for image in unseen_frames(5)[0]]
    print(convert(source, network, small, SKELETON, (WIDTH, HEIGHT), scale=SCALE), flush=True)
    result = {
        "network": f"CSPNeXt, widen_factor 0.25, {count_of(source)} parameters, stride 8, input scale {SCALE:g}",
        "training": facts,
        "error": errors_of(network),
        "difference_from_deeplabcut_live": difference_from_dlclive(source, network),
    }
    report.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result["error"], indent=2))


def count_of(source: Path) -> int:
    """How many parameters a network has."""
    weights = torch.load(source, weights_only=True)["pose"]
    return sum(weight.numel() for name, weight in weights.items() if "running" not in name and "num_" not in name)


if __name__ == "__main__":
    main()
