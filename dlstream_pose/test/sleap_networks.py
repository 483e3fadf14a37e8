"""Small networks of SLEAP with weights of chance, built by SLEAP-NN's own classes and laid out as its training does it.

Weights of chance give flat maps; the last layers are scaled on an image so that there are maxima to find.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from dlc_networks import texture

NODES = ["snout", "leftear", "rightear", "neck", "tailbase"]
EDGES = [("neck", "snout"), ("snout", "leftear"), ("snout", "rightear"), ("neck", "tailbase")]
SIZE = (160, 128)
"""Width and height that the networks were trained on, if they had been."""


def settings(kind: str, **changes: Any) -> dict[str, Any]:
    """What training_config.yaml says; a change's name is a key of the preprocessing or of the network."""
    maps = {"part_names": NODES, "sigma": 2.5, "output_stride": 2}
    fields = {"edges": [list(edge) for edge in EDGES], "sigma": 10.0, "output_stride": 4, "loss_weight": 1.0}
    head: dict[str, Any] = {"confmaps": maps}
    if kind == "bottomup":
        head = {"confmaps": maps | {"loss_weight": 1.0}, "pafs": fields}
    size = {"max_width": SIZE[0], "max_height": SIZE[1]}
    asked = {"ensure_rgb": False, "ensure_grayscale": False, "scale": 1.0, **size}
    network = {"in_channels": 3, "filters": 8, "filters_rate": 1.5, "max_stride": 16, "output_stride": 2}
    skeleton = {
        "name": "mouse",
        "nodes": [{"name": name} for name in NODES],
        "edges": [{"source": {"name": first}, "destination": {"name": second}} for first, second in EDGES],
        "symmetries": [],
    }
    for key, value in changes.items():
        (asked if key in asked else network)[key] = value
    return {
        "data_config": {"preprocessing": asked, "skeletons": [skeleton]},
        "model_config": {"backbone_config": {"unet": network}, "head_configs": {kind: head}},
        "trainer_config": {},
    }


def write(folder: Path, kind: str, seed: int = 0, **changes: Any) -> Path:
    """Writes such a folder: training_config.yaml and best.ckpt."""
    import torch
    from omegaconf import OmegaConf
    from sleap_nn.config.training_job_config import verify_training_cfg
    from sleap_nn.inference.loaders import _common_lightning_kwargs
    from sleap_nn.training import lightning_modules

    folder.mkdir(parents=True, exist_ok=True)
    written = settings(kind, **changes)
    config = verify_training_cfg(OmegaConf.create(written | {"data_config": {**written["data_config"], **_PATHS}}))
    config.data_config.skeletons = OmegaConf.create(written["data_config"]["skeletons"])
    OmegaConf.save(config, folder / "training_config.yaml")
    torch.manual_seed(seed)
    name = "SingleInstanceLightningModule" if kind == "single_instance" else "BottomUpLightningModule"
    module = getattr(lightning_modules, name)(**_common_lightning_kwargs(config, "unet", kind)).eval()
    channels = written["model_config"]["backbone_config"]["unet"]["in_channels"]
    image = torch.from_numpy(texture(99)[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        _spread(module.model, image[:, :channels])
    torch.save(
        {"epoch": 1, "pytorch-lightning_version": "2.6.0", "state_dict": module.state_dict()}, folder / "best.ckpt"
    )
    return folder


_PATHS = {"train_labels_path": ["labels.slp"], "val_labels_path": ["labels.slp"]}


def _spread(model: Any, image: Any) -> None:
    """Scales the last layers: few cells of a heat map are sure, and fields are as strong as in a trained network."""
    import torch

    for head, layers, maps in zip(model.heads, model.head_layers, model(image).values(), strict=True):
        flat = maps[0].flatten(1)
        low, bottom, top = (0.997, 0.2, 0.95) if "Confmaps" in head.name else (0.0, -2.0, 2.0)
        least, most = torch.quantile(flat, low, dim=1), flat.amax(dim=1)
        gain = (top - bottom) / (most - least).clamp(min=1e-9)
        last = [module for module in layers.modules() if hasattr(module, "weight")][-1]
        last.weight.mul_(gain.view(-1, 1, 1, 1))
        last.bias.mul_(gain).add_(bottom - least * gain)


def frames(padded: bool = True) -> list[np.ndarray]:
    """Of the size that the networks were trained on, of others, and a grey one.

    Not padded: none that a network of several animals fills up with black, where weights of chance see maxima in what
    is flat but for the last bits.
    """
    shapes = [(128, 160), (128, 160), *([(117, 171), (200, 150), (96, 110)] if padded else [(256, 320), (64, 80)])]
    made = [texture(number, *shape) for number, shape in enumerate(shapes)]
    grey = texture(7)
    grey[..., 0] = grey[..., 1] = grey[..., 2]
    return [*made, grey]
