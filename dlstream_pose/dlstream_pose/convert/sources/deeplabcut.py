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
from dlstream_pose.convert._source import SourceNetwork
from dlstream_pose.convert.decoders import decoder_for
from dlstream_pose.network import NetworkInfo, Source

SUFFIXES = (".pt",)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OPSET = 18
_EXAMPLE = (240, 320)


def open_source(path: Path) -> SourceNetwork:
    """Loads the network.

    Raises:
        NetworkError: torch or DeepLabCut is not installed, or the file is not a single-animal network of DeepLabCut 3.
    """
    try:
        import torch
        from deeplabcut.pose_estimation_pytorch.models import PoseModel
    except ImportError as error:
        raise NetworkError(
            f"{path}: converting a network of DeepLabCut needs DeepLabCut 3 ({error}): "
            "pip install deeplabcut==3.0.2 onnx onnxscript"
        ) from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises anything from EOFError to UnpicklingError
        raise NetworkError(
            f"{path}: can't be loaded ({str(error).splitlines()[0] if str(error) else type(error).__name__}); expected "
            "what deeplabcut.export_model writes"
        ) from error
    if not isinstance(content, dict) or not {"config", "pose"} <= content.keys():
        raise NetworkError(f"{path}: found no 'config' and 'pose' in it; expected what deeplabcut.export_model writes")
    config = content["config"]
    head = _only_head(path, config)
    _check_images(path, config["data"])
    try:
        model = PoseModel.build(config["model"], pretrained_backbone=False)
        model.load_state_dict(content["pose"])
    except Exception as error:
        raise NetworkError(f"{path}: DeepLabCut can't build the network that the file describes: {error}") from error
    return DeepLabCutNetwork(path, config, model.eval(), head)


def _only_head(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    heads = config["model"]["heads"]
    if config.get("method", "bu").lower() != "bu" or list(heads) != ["bodypart"]:
        raise NetworkError(
            f"{path}: found a network of method '{config.get('method')}' with the heads {', '.join(heads)}; expected a "
            "network for one animal on the whole image ('bu' with the head bodypart)"
        )
    head: dict[str, Any] = heads["bodypart"]
    return head


def _check_images(path: Path, data: dict[str, Any]) -> None:
    """Refuses a preparation of images that the graph doesn't do."""
    padding, colours = data["inference"].get("auto_padding"), data.get("colormode", "RGB")
    if padding or colours != "RGB":
        raise NetworkError(
            f"{path}: found auto_padding {padding} and colormode {colours}; expected a network for RGB images that are "
            "not padded"
        )


class DeepLabCutNetwork(SourceNetwork):
    """A single-animal network of DeepLabCut 3."""

    def __init__(self, path: Path, config: dict[str, Any], model: Any, head: dict[str, Any]) -> None:
        self._config, self._model = config, model
        decoder = decoder_for(head["predictor"]["type"])
        stride = float(model.get_stride("bodypart"))
        self._graph = _graph(model, decoder.build(head["predictor"], stride), self._normalised)
        metadata = config["metadata"]
        self.info = NetworkInfo(
            keypoints=tuple(metadata["bodyparts"]),
            individuals=tuple(metadata["individuals"][:1]),
            stride=stride,
            decoder=decoder.__name__.rpartition(".")[2],
            net_type=config.get("net_type", ""),
            source=Source(
                file=path.name,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                tool="DeepLabCut",
                version=version("deeplabcut"),
            ),
        )

    @property
    def _normalised(self) -> bool:
        return bool(self._config["data"]["inference"].get("normalize_images", False))

    def export(self, path: Path) -> None:
        import torch

        example = torch.zeros(*_EXAMPLE, 3, dtype=torch.uint8)
        sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                self._graph,
                (example,),
                path,
                input_names=["image"],
                output_names=["poses"],
                dynamic_shapes={"image": sizes},
                opset_version=_OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )

    def reference(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As DeepLabCut-Live does it: the same steps before the network, the model's own predictor behind it."""
        import torch

        with torch.inference_mode():
            rgb = torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).permute(2, 0, 1).float() / 255
            if self._normalised:
                rgb = (rgb - torch.tensor(_MEAN)[:, None, None]) / torch.tensor(_DEVIATION)[:, None, None]
            poses = self._model.get_predictions(self._model(rgb[None]))["bodypart"]["poses"][0]
        return np.asarray(poses.numpy(), np.float32)


def _graph(model: Any, decoder: Any, normalised: bool) -> Any:
    """Frame in, poses out: colour order, normalisation, backbone, head and decoder as one torch module."""
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
            rgb = image.permute(2, 0, 1).flip(0).unsqueeze(0).to(torch.float32)
            return self.decoder(self.model(rgb * self.gain + self.offset)["bodypart"])

    return Graph().eval()
