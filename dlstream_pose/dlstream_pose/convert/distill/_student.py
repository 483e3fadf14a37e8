"""The small network: DeepLabCut's own CSPNeXt, narrower, with a heat-map head. So DeepLabCut can load it, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._weights import load_numbers
from dlstream_pose.convert.distill._kept import write_torch
from dlstream_pose.convert.distill._targets import LOCREF_STD

SIZES = {"small": 0.25, "tiny": 0.1875, "nano": 0.125}
"""How wide each size is, relative to DeepLabCut's widest CSPNeXt; its cspnext_s is 0.5."""
STRIDE = 8.0
ACTIVATION = "ReLU"
_DEMO = "small"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def check_installed() -> None:
    """Raises a NetworkError if torch or DeepLabCut is missing."""
    try:
        import deeplabcut.pose_estimation_pytorch.models  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise NetworkError(
            f"distilling a network needs torch and DeepLabCut ({error}), in an environment of their own: make dlc, "
            'then make distill ARGS="TEACHER.onnx --videos ... --out STUDENT.onnx"'
        ) from error


def model_config(size: str, keypoints: int) -> dict[str, Any]:
    """DeepLabCut's configuration of the model."""
    width = SIZES[size]
    channels, between = int(1024 * width), max(32, int(256 * width))
    return {
        "backbone": {
            "type": "CSPNeXt",
            "model_name": "cspnext_s",
            # DeepLabCut's own SiLU can't be joined with an int8 convolution: a frame would take 1.4 times as long.
            "activation_fn": ACTIVATION,
            "freeze_bn_stats": False,
            "freeze_bn_weights": False,
            "deepen_factor": 0.33,
            "widen_factor": width,
        },
        "backbone_output_channels": channels,
        "neck": None,
        "pose_model": None,
        "heads": {
            "bodypart": {
                "type": "HeatmapHead",
                "weight_init": "normal",
                "predictor": {
                    "type": "HeatmapPredictor",
                    "apply_sigmoid": False,
                    "clip_scores": True,
                    "location_refinement": True,
                    "locref_std": LOCREF_STD,
                },
                "target_generator": {
                    "type": "HeatmapGaussianGenerator",
                    "num_heatmaps": keypoints,
                    "pos_dist_thresh": 17,
                    "heatmap_mode": "KEYPOINT",
                    "gradient_masking": False,
                    "generate_locref": True,
                    "locref_std": LOCREF_STD,
                },
                "criterion": {
                    "heatmap": {"type": "WeightedMSECriterion", "weight": 1.0},
                    "locref": {"type": "WeightedHuberCriterion", "weight": 0.05},
                },
                "heatmap_config": {
                    "channels": [channels, between, keypoints],
                    "kernel_size": [3, 3],
                    "strides": [2, 2],
                },
                "locref_config": {
                    "channels": [channels, between, 2 * keypoints],
                    "kernel_size": [3, 3],
                    "strides": [2, 2],
                },
            }
        },
    }


def export_config(size: str, keypoints: tuple[str, ...], animal: str) -> dict[str, Any]:
    """The configuration that DeepLabCut's `export_model` stores beside the weights."""
    return {
        "config_version": 0,
        "net_type": "cspnext_s",
        "method": "bu",
        "device": "auto",
        "metadata": {
            "project_path": "",
            "pose_config_path": "",
            "bodyparts": list(keypoints),
            "unique_bodyparts": [],
            "individuals": [animal],
            "with_identity": None,
        },
        "data": {
            "colormode": "RGB",
            "inference": {"normalize_images": True, "scale_to_unit_range": False, "auto_padding": None},
            "train": {"normalize_images": True, "scale_to_unit_range": False},
        },
        "model": model_config(size, len(keypoints)),
        "train_settings": {"batch_size": 16, "epochs": 1, "seed": 0},
    }


def build(size: str, keypoints: int, start: Path | None = None) -> Any:
    """The model, with random weights, or with those of another that fit.

    Args:
        start: what `export_model` wrote of a network of the same size; its keypoints may be others.

    Raises:
        NetworkError: it can't be read, or is of another size.
    """
    from deeplabcut.pose_estimation_pytorch.models import PoseModel

    model = PoseModel.build(model_config(size, keypoints), pretrained_backbone=False)
    if start is None:
        return model
    content = load_numbers(start, "what deeplabcut.export_model writes")
    given = content.get("pose", {}) if isinstance(content, dict) else {}
    own = model.state_dict()
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    backbone = {name for name in own if name.startswith("backbone.")}
    if not backbone <= fitting.keys():
        raise NetworkError(
            f"{start}: found a network of another kind or size; expected one that distill wrote as {size}"
        )
    model.load_state_dict(own | fitting)
    return model


def usual_start(size: str) -> Path | None:
    """The demo's network, if it is there and of this size: it knows edges, and mice from above."""
    path = Path(__file__).resolve().parents[4] / "config" / "networks" / "demo_mouse.pt"
    return path if size == _DEMO and path.is_file() else None


def batch_of(images: list[NDArray[np.float32]], device: Any) -> Any:
    """(N, 3, H, W) normalised RGB of images (H, W, 3), blue, green, red, 0 to 255."""
    import torch

    stacked = np.ascontiguousarray(np.stack(images)[..., ::-1].transpose(0, 3, 1, 2))
    batch = torch.from_numpy(stacked).to(device)
    mean, deviation = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (_MEAN, _DEVIATION))
    return ((batch / 255 - mean) / deviation).contiguous(memory_format=torch.channels_last)


def maps_shape(model: Any, size: tuple[int, int], device: Any) -> tuple[int, int]:
    """Rows and columns of the model's maps for images of this width and height."""
    import torch

    was = model.training
    model.eval()
    with torch.inference_mode():
        found = model(torch.zeros(1, 3, size[1], size[0], device=device))["bodypart"]["heatmap"].shape
    model.train(was)
    return int(found[-2]), int(found[-1])


def poses_of_images(model: Any, images: list[NDArray[np.uint8]], device: Any) -> NDArray[np.float32]:
    """(N, K, 3) as DeepLabCut's own predictor finds them."""
    import torch

    found = []
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(images), 8):
            batch = batch_of([image.astype(np.float32) for image in images[start : start + 8]], device)
            found.append(model.get_predictions(model(batch))["bodypart"]["poses"][:, 0, :, :3].cpu().numpy())
    return np.asarray(np.concatenate(found), np.float32)


def save_export(path: Path, weights: dict[str, Any], size: str, keypoints: tuple[str, ...], animal: str) -> None:
    """Writes the network as DeepLabCut's `export_model` does.

    Raises:
        NetworkError: it can't be written.
    """
    config = export_config(size, keypoints, animal)
    write_torch(path, {"config": config, "pose": {name: value.cpu() for name, value in weights.items()}})
