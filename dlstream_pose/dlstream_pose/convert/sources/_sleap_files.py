"""A SLEAP folder: its configuration, checked without SLEAP, and its weights, loaded as plain numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dlstream_common import NetworkError
from dlstream_pose.convert._weights import load_numbers

_YAML, _JSON = "training_config.yaml", "training_config.json"
_CKPT, _KERAS = "best.ckpt", "best_model.h5"
_EXPORTED = "export_metadata.json", "model.trt.metadata.json", "frozen_graph.pb"
_KINDS = ("single_instance", "bottomup")
_KERAS_KINDS = {"multi_instance": "bottomup"}
_BACKBONES = ("unet", "convnext", "swint")


def is_sleap(path: Path) -> bool:
    """Whether a path is a model folder of SLEAP, or one of the files in it that name it."""
    if path.is_dir():
        return any((path / name).exists() for name in (_YAML, _JSON, _CKPT, _KERAS, *_EXPORTED))
    return path.name in (_YAML, _JSON, _CKPT, _KERAS)


class SleapFolder:
    """A model folder whose configuration has been read and can be converted.

    Attributes:
        kind: `single_instance` or `bottomup`.
        weights: the file with the weights.
        legacy: whether SLEAP itself trained it, with TensorFlow, and not SLEAP-NN.

    Raises:
        NetworkError: something is missing, can't be read, or is of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path if path.is_dir() else path.parent
        self.legacy = not (self.path / _YAML).exists()
        settings = self.path / (_JSON if self.legacy else _YAML)
        if not settings.exists():
            raise NetworkError(self._without_settings())
        content = _read(settings)
        model = content.get("model" if self.legacy else "model_config")
        heads = _chosen(settings, model, "heads" if self.legacy else "head_configs")
        backbone = _chosen(settings, model, "backbone" if self.legacy else "backbone_config")
        self.kind = _KERAS_KINDS.get(heads, heads) if self.legacy else heads
        if self.kind not in _KINDS:
            raise NetworkError(
                f"{settings}: found a model of the kind '{heads}'; expected {' or '.join(_KINDS)}. A top-down pair "
                "(centroid, centered_instance) can't be converted: train a bottom-up model on the same labels"
            )
        known = ("unet",) if self.legacy else _BACKBONES
        if backbone not in known:
            raise NetworkError(f"{settings}: found the backbone '{backbone}'; expected one of {', '.join(known)}")
        tiling = ((content.get("data_config") or {}).get("preprocessing") or {}).get("tiling") or {}
        if tiling.get("enabled"):
            raise NetworkError(f"{settings}: found tiling switched on; expected a model that looks at whole frames")
        self.weights = self.path / (_KERAS if self.legacy else _CKPT)
        if not self.weights.exists():
            raise NetworkError(f"{self.path}: found no {self.weights.name}; expected the model's weights beside it")

    def _without_settings(self) -> str:
        found = [name for name in _EXPORTED if (self.path / name).exists()]
        if found:
            return (
                f"{self.path}: found an export of SLEAP ({found[0]}); expected the folder in which the model was "
                f"trained, with {_YAML} or {_JSON}: exports leave out how frames are resized and how maxima are refined"
            )
        return f"{self.path}: found no {_YAML} or {_JSON}; expected one beside the weights, as SLEAP's training writes"


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else YAML(typ="safe", pure=True).load(text)
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror})") from error
    except (YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place is not None else ""
        reason = getattr(error, "problem", None) or (str(error).splitlines() or [type(error).__name__])[0]
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise NetworkError(f"{path}{line}: not {kind} ({reason}); expected what SLEAP's training writes") from error
    if not isinstance(content, dict) or any(
        not isinstance(content.get(key) or {}, dict) for key in ("model", "model_config", "data_config")
    ):
        raise NetworkError(f"{path}: found no keys with values; expected what SLEAP's training writes")
    return content


def _chosen(path: Path, model: Any, key: str) -> str:
    """The only one of several kinds that is not empty."""
    kinds = model.get(key) if isinstance(model, dict) else None
    chosen = [str(name) for name, value in kinds.items() if value] if isinstance(kinds, dict) else []
    if len(chosen) != 1:
        found = ", ".join(chosen) or "none"
        raise NetworkError(f"{path}: {key}: found {found}; expected one, as SLEAP's training writes it")
    return chosen[0]


def animals_in(folder: Path) -> int:
    """The largest number of animals in a labelled training frame; 0 if no labels were kept."""
    import sleap_io

    most = 0
    for path in sorted(folder.glob("labels_gt*.slp")) + sorted(folder.glob("labels_train_gt*.slp")):
        try:
            labels = sleap_io.load_slp(str(path), open_videos=False)
        except Exception as error:  # h5py and sleap-io raise errors of any kind
            raise NetworkError(f"{path}: can't be read ({type(error).__name__}: {error})") from error
        most = max(most, *(len(frame.instances) for frame in labels.labeled_frames), 0)
    return most


@contextmanager
def cleaned(folder: SleapFolder) -> Iterator[Path]:
    """A copy of a model folder that SLEAP-NN can load without running code from it or downloading weights.

    SLEAP-NN unpickles whatever a checkpoint holds; the copy holds only the numbers.
    """
    import torch
    from omegaconf import OmegaConf

    with TemporaryDirectory() as name:
        copy = Path(name)
        if folder.legacy:
            shutil.copy(folder.path / _JSON, copy / _JSON)
            shutil.copy(folder.weights, copy / _KERAS)
            yield copy
            return
        weights = _numbers(folder.weights)
        torch.save({"state_dict": weights, "pytorch-lightning_version": "2.0.0"}, copy / _CKPT)
        settings = OmegaConf.load(folder.path / _YAML)
        for kind in ("convnext", "swint"):
            if OmegaConf.select(settings, f"model_config.backbone_config.{kind}.pre_trained_weights"):
                OmegaConf.update(settings, f"model_config.backbone_config.{kind}.pre_trained_weights", None)
        OmegaConf.save(settings, copy / _YAML)
        yield copy


def _numbers(path: Path) -> dict[str, Any]:
    import torch

    content = load_numbers(path, "what SLEAP-NN's training writes")
    weights = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise NetworkError(f"{path}: found no weights in it ('state_dict'); expected what SLEAP-NN's training writes")
    return dict(weights)
