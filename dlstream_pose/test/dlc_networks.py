"""Small networks of DeepLabCut 3 with weights of chance, built by DeepLabCut's own classes, for the converter's tests.

Weights of chance give flat maps; the last layers are scaled on an image so that there are peaks to find.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

KEYPOINTS = ["snout", "leftear", "rightear", "tailbase"]


def texture(seed: int = 0, height: int = 128, width: int = 160) -> np.ndarray:
    """An image of blobs and noise."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (6, 8, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + random.normal(0, 25, smooth.shape), 0, 255).astype(np.uint8)


def config(net_type: str, individuals: int = 1, top_down: bool = False) -> dict[str, Any]:
    """The configuration that DeepLabCut makes for a project."""
    from deeplabcut.pose_estimation_pytorch.config.pose import PoseConfig

    project: dict[str, Any] = {
        "Task": "test", "scorer": "nobody", "date": "today", "multianimalproject": individuals > 1, "identity": None,
        "project_path": "/project", "engine": "pytorch", "video_sets": {}, "bodyparts": KEYPOINTS, "skeleton": [],
        "TrainingFraction": [0.95], "iteration": 0, "default_net_type": "resnet_50", "default_augmenter": "default",
        "snapshotindex": -1, "batch_size": 8,
    }  # fmt: skip
    if individuals > 1:
        names = [f"mouse{number}" for number in range(1, individuals + 1)]
        project |= {
            "individuals": names,
            "multianimalbodyparts": KEYPOINTS,
            "uniquebodyparts": [],
            "bodyparts": "MULTI!",
        }
    return PoseConfig.build(project, "/project/x.yaml", top_down=top_down, net_type=net_type).to_dict(normalize=True)


def write(path: Path, settings: dict[str, Any], seed: int = 0) -> Path:
    """Writes what `export_model` would for such a network, trained by nobody."""
    import torch
    from deeplabcut.pose_estimation_pytorch.models import PoseModel

    torch.manual_seed(seed)
    model = PoseModel.build(settings["model"], pretrained_backbone=False).eval()
    size = settings["data"]["inference"].get("top_down_crop") or {"height": 128, "width": 160}
    image = torch.from_numpy(texture(99, size["height"], size["width"])[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
    normal = (image - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    with torch.no_grad():
        _spread(model, normal)
    torch.save({"config": settings, "pose": model.state_dict()}, path)
    return path


def _spread(model: Any, image: Any) -> None:
    """Scales the last layers: heat maps reach from 0 to almost 1 then, and other maps have a sensible range."""
    features = model.backbone(image)
    features = model.neck(features) if model.neck else features
    head = model.heads["bodypart"]
    logits = getattr(head.predictor, "apply_sigmoid", False)
    ranges = {"heatmap": (-9.0, 3.0) if logits else (0.0, 0.9), "paf": (-1.0, 1.0), "offset": (-6.0, 6.0)}
    for name, maps in head(features).items():
        if maps.ndim == 4:
            bottom, top = ranges.get(name, (-0.5, 0.5))
            low, high = maps.amin(dim=(0, 2, 3)), maps.amax(dim=(0, 2, 3))
            branch = getattr(head, f"{name}_head", None)
            if branch is None:  # a transformer's: one layer for every keypoint
                low, high = low.amin(), high.amax()
            gain = (top - bottom) / (high - low).clamp(min=1e-6)
            if branch is None:
                layer = [module for module in head.modules() if type(module).__name__ == "Linear"][-1]
                layer.weight.mul_(gain)
                layer.bias.mul_(gain).add_(bottom - low * gain)
            else:
                _rescale(branch, gain, bottom - low * gain)


def _rescale(branch: Any, gain: Any, shift: Any) -> None:
    """Makes `gain * x + shift` of what a branch gives, by changing its last layers."""
    layers = getattr(branch, "offset_final_layer", None)
    if layers is None:
        layers = [[module for module in branch.modules() if hasattr(module, "weight") and module.weight.ndim == 4][-1]]
    start = 0
    for layer in layers:
        turned = type(layer).__name__ == "ConvTranspose2d"
        count = layer.weight.shape[1 if turned else 0]
        part = slice(start, start + count)
        layer.weight.mul_(gain[part].view((1, -1, 1, 1) if turned else (-1, 1, 1, 1)))
        layer.bias.mul_(gain[part]).add_(shift[part])
        start += count


def write_top_down(path: Path, settings: dict[str, Any], seed: int = 0) -> Path:
    """The same for a top-down network, with a detector of chance that finds boxes with different scores."""
    import torch
    from deeplabcut.pose_estimation_pytorch.models import DETECTORS

    write(path, settings, seed)
    torch.manual_seed(seed)
    detector = DETECTORS.build(dict(settings["detector"]["model"]))
    detector.eval()
    images = np.stack([texture(number, 240, 320) for number in range(96, 100)])[..., ::-1].copy()
    image = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    # Weights of chance let the backbone fade out: the statistics of one image bring each layer back to life.
    for module in detector.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
            module.momentum = 1.0
    with torch.no_grad():
        detector(image)
        detector.eval()
        seen = []
        heads = detector.model.head.classification_head, detector.model.head.regression_head
        hooks = [head.register_forward_hook(lambda module, given, found: seen.append(found)) for head in heads]
        detector(image)
        for hook in hooks:
            hook.remove()
        surplus = seen[0][..., 1] - seen[0][..., 0]
        for head, gain in zip(heads, (0.8 / surplus.std(), 0.5 / seen[1].std()), strict=True):
            for layers in head.module_list:
                layers[-1].weight.mul_(gain)
                layers[-1].bias.mul_(gain)
        least = float((surplus * 0.8 / surplus.std()).quantile(0.995))
        for layers in heads[0].module_list:  # few boxes are sure: background and animal take turns in the bias
            layers[-1].bias[1::2] -= least
    content = torch.load(path, weights_only=True)
    torch.save(content | {"detector": detector.state_dict()}, path)
    return path
