"""Networks of DeepLabCut 3: the .pt file that `deeplabcut.export_model` writes."""

from __future__ import annotations

import hashlib
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._source import SourceNetwork, gist
from dlstream_pose.convert._weights import load_numbers
from dlstream_pose.convert.decoders import decoder_for
from dlstream_pose.convert.sources._dlc_transforms import check_transforms
from dlstream_pose.convert.sources._top_down import TopDownNetwork
from dlstream_pose.runtime._present import present
from dlstream_pose.runtime.decoders import outputs_of
from dlstream_pose.runtime.network_info import NetworkInfo, Source

EXPECTED = "a file of DeepLabCut 3 that ends in .pt"
requires = {"deeplabcut": "-r requirements-dlc.txt"}
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OPSET = 18
_OPSET_DEKR = 19  # the first with deformable convolutions
_EXAMPLE = (240, 320)


def accepts(path: Path) -> bool:
    """Whether a path is a source of this kind."""
    return any(path.glob("*.pt")) if path.is_dir() else path.suffix == ".pt"


def open_source(path: Path) -> SourceNetwork:
    """Loads the network.

    Raises:
        NetworkError: torch or DeepLabCut is not installed, or the file is not a network of DeepLabCut 3.
    """
    path = _one_export(path) if path.is_dir() else path
    try:
        import deeplabcut.pose_estimation_pytorch.models  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise NetworkError(
            f"{path}: converting a network of DeepLabCut 3 needs torch and DeepLabCut ({error}), in an environment of "
            "their own: make dlc, or pip install -r requirements-dlc.txt"
        ) from error
    content = load_numbers(path, "what deeplabcut.export_model writes")
    if isinstance(content, dict) and "model" in content:
        raise NetworkError(
            f"{path}: found a snapshot of a training, which does not say what network it is; expected what "
            "deeplabcut.export_model makes of it. Run deeplabcut.export_model(CONFIG), and convert the .pt file that "
            "it writes to exported-models-pytorch"
        )
    if not isinstance(content, dict) or not {"config", "pose"} <= content.keys():
        raise NetworkError(f"{path}: found no 'config' and 'pose' in it; expected what deeplabcut.export_model writes")
    try:
        return _open(path, content)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    except Exception as error:  # an invalid configuration can cause errors of any kind
        raise NetworkError(
            f"{path}: its configuration is not one of DeepLabCut 3 ({type(error).__name__}: {gist(error)}); expected "
            "what deeplabcut.export_model writes"
        ) from error


def _one_export(folder: Path) -> Path:
    files = sorted(folder.glob("*.pt"))
    if len(files) > 1:
        found = ", ".join(file.name for file in files[:5]) + (", ..." if len(files) > 5 else "")
        raise NetworkError(f"{folder}: found {found}; expected one .pt file: name the one to convert")
    return files[0]


def _open(path: Path, content: dict[str, Any]) -> SourceNetwork:
    from deeplabcut.pose_estimation_pytorch.models import PoseModel

    config = content["config"]
    head = _head(config)
    inference = config["data"]["inference"]
    if config["data"].get("colormode", "RGB") != "RGB" or inference.get("scale_to_unit_range"):
        raise NetworkError(
            f"found colormode {config['data']['colormode']} and scale_to_unit_range "
            f"{inference.get('scale_to_unit_range')}; expected a network for RGB images that are not scaled"
        )
    method = str(config.get("method", "bu")).lower()
    check_transforms(inference, "data.inference", crops=method == "td")
    try:
        model = PoseModel.build(config["model"], pretrained_backbone=False)
        model.load_state_dict(content["pose"])
    except Exception as error:
        raise NetworkError(f"DeepLabCut can't build the network that the file describes: {gist(error)}") from error
    if method == "bu":
        return DeepLabCutNetwork(path, config, model.eval(), head)
    crop = inference.get("top_down_crop") or {"height": 256, "width": 256}
    taken = head.get("input_size")
    if taken and [int(side) for side in taken] != [int(crop["width"]), int(crop["height"])]:
        raise NetworkError(
            f"found crops of {crop['width']}x{crop['height']} (data.inference.top_down_crop) and a head for "
            f"{taken[0]}x{taken[1]} (input_size); expected the same: DeepLabCut 3.0.2 writes the first wrongly for "
            "rtmpose_x. Set it in pytorch_config.yaml to what the network was trained on, and export again"
        )
    pose = DeepLabCutNetwork(path, config, model.eval(), head, (int(crop["height"]), int(crop["width"])))
    return TopDownNetwork(content, pose, _normalise)


def _normalise(rgb: Any) -> Any:
    """RGB (..., 3, H, W) from 0 to 1, normalised as for ImageNet's networks."""
    import torch

    return (rgb - torch.tensor(_MEAN)[:, None, None]) / torch.tensor(_DEVIATION)[:, None, None]


def _head(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of the head that finds the animals' keypoints. Other heads are ignored."""
    heads = config["model"]["heads"]
    method = str(config.get("method", "bu")).lower()
    if method == "ctd":
        raise NetworkError(
            "found a conditional top-down network (method 'ctd'), which needs the poses of another network; "
            "expected one that needs only frames: train a bottom-up or top-down network on the same labels"
        )
    if method not in ("bu", "td") or "bodypart" not in heads:
        raise NetworkError(
            f"found a network of method '{method}' with the heads {', '.join(heads)}; expected 'bu' (whole image) or "
            "'td' (one animal at a time), with the head bodypart"
        )
    head: dict[str, Any] = heads["bodypart"]
    return head


class DeepLabCutNetwork(SourceNetwork):
    """A network of DeepLabCut 3 for one animal or several; with a fixed height and width, it takes no other images."""

    def __init__(
        self,
        path: Path,
        config: dict[str, Any],
        model: Any,
        head: dict[str, Any],
        size: tuple[int, int] | None = None,
    ) -> None:
        self._model, self._size = model, size
        inference, predictor = config["data"]["inference"], head["predictor"]
        self._normalised = bool(inference.get("normalize_images", False))
        padding = inference.get("auto_padding") or {}
        self._divisors = tuple(int(padding.get(f"pad_{side}_divisor") or 1) for side in ("height", "width"))
        decoder = decoder_for(predictor["type"])
        stride = float(model.get_stride("bodypart"))
        self._graph = _graph(model, decoder.build(predictor, stride), self._normalised, self._divisors)
        self._check(config["metadata"]["bodyparts"])
        word = decoder.__name__.rpartition(".")[2]
        behind = hasattr(decoder, "decoding")
        self._several = behind
        metadata = config["metadata"]
        names = tuple(metadata["individuals"])
        self.info = NetworkInfo(
            format=2 if behind else 1,
            keypoints=tuple(metadata["bodyparts"]),
            individuals=names if behind else names[:1],
            stride=stride,
            decoder=word,
            outputs=outputs_of(word) if behind else ("poses",),
            decoding=decoder.decoding(predictor) if behind else {},
            net_type=str(config.get("net_type", "")),
            source=Source(
                file=path.name,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                tool="DeepLabCut",
                version=version("deeplabcut"),
            ),
        )

    def _check(self, names: list[str]) -> None:
        """Runs the graph once: do its outputs fit the names of the keypoints?"""
        import torch

        with torch.inference_mode():
            outputs = self._graph(torch.zeros(*(self._size or (128, 128)), 3, dtype=torch.uint8))
        found = outputs[0].shape[0] if isinstance(outputs, tuple) else outputs.shape[-2]
        if found != len(names):
            raise NetworkError(
                f"found {found} keypoints in the network and {len(names)} names in its configuration: "
                f"{', '.join(names)}; expected as many"
            )

    def export(self, path: Path) -> None:
        import torch

        example = torch.zeros(*(self._size or _EXAMPLE), 3, dtype=torch.uint8)
        sizes = None if self._size else {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                self._graph,
                (example,),
                path,
                input_names=["image"],
                output_names=list(self.info.outputs),
                dynamic_shapes={"image": sizes} if sizes else None,
                opset_version=_OPSET_DEKR if self.info.decoder == "dekr" else _OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )

    def reference(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As DeepLabCut-Live does it: the same steps before the network, and the model's own predictor after it."""
        import torch

        with torch.inference_mode():
            rgb = torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).permute(2, 0, 1).float() / 255
            (height, width), (rows, columns) = image.shape[:2], self._divisors
            rgb = torch.nn.functional.pad(rgb[None], (0, -width % columns, 0, -height % rows), mode="reflect")
            if self._normalised:
                rgb = _normalise(rgb)
            poses = self._model.get_predictions(self._model(rgb))["bodypart"]["poses"][0]
        found = np.asarray(poses.numpy()[..., :3], np.float32)
        return present(found) if self._several else found


def _graph(model: Any, decoder: Any, normalised: bool, divisors: tuple[int, ...]) -> Any:
    """Frame in, poses out: padding, colour order, normalisation, backbone, head and decoder as one torch module."""
    import torch

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.decoder = model, decoder
            mean = torch.tensor(_MEAN if normalised else (0.0, 0.0, 0.0))
            deviation = torch.tensor(_DEVIATION if normalised else (1.0, 1.0, 1.0))
            self.register_buffer("gain", (1 / (255 * deviation)).view(1, 3, 1, 1), persistent=False)
            self.register_buffer("offset", (-mean / deviation).view(1, 3, 1, 1), persistent=False)

        def forward(self, image: Any) -> Any:
            for side, divisor in enumerate(divisors):
                if divisor > 1:
                    image = mirrored(image, side, divisor)
            rgb = image.permute(2, 0, 1).flip(0).unsqueeze(0).to(torch.float32)
            return self.decoder(self.model(rgb * self.gain + self.offset)["bodypart"])

    def mirrored(image: Any, side: int, divisor: int) -> Any:
        """The image, mirrored at its edges up to a multiple of the divisor."""
        size = image.shape[side]
        place = torch.arange((size + divisor - 1) // divisor * divisor)
        return image.index_select(side, torch.where(place < size, place, 2 * (size - 1) - place))

    return Graph().eval()
