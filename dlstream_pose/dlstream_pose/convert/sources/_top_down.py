"""Networks of DeepLabCut 3 that look at one animal at a time, with the detector that finds the animals."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._source import SourceNetwork, gist
from dlstream_pose.convert.sources._dlc_transforms import check_transforms
from dlstream_pose.runtime._present import present
from dlstream_pose.runtime.top_down import Detector, widened

_OPSET = 17
_EXAMPLE = (240, 320)
_MIN_SCORE = 0.6
_COUNTER = ".num_batches_tracked"


class TopDownNetwork(SourceNetwork):
    """A network for crops, and its detector.

    Args:
        content: what is in it.
        pose: the network for crops.
        normalise: a torch function from RGB from 0 to 1 to what a detector that wants it normalised takes.
    """

    def __init__(self, content: dict[str, Any], pose: SourceNetwork, normalise: Callable[[Any], Any]) -> None:
        config = content["config"]
        if not content.get("detector"):
            raise NetworkError(
                "found a top-down network without its detector; expected both: export it again with "
                "deeplabcut.export_model(..., without_detector=False)"
            )
        about = config["detector"]
        inference = about["data"]["inference"]
        check_transforms(inference, "detector.data.inference", pads=False)
        try:
            detector = built(dict(about["model"]))
            load(detector, content["detector"])
        except Exception as error:
            raise NetworkError(f"DeepLabCut can't build the detector that the file describes: {gist(error)}") from error
        detector.eval()
        wanted = bool(inference.get("normalize_images", False))
        self._pose = pose
        self._detector = _graph(detector, normalise if wanted else lambda rgb: rgb)
        size = config["data"]["inference"].get("top_down_crop") or {"width": 256, "height": 256}
        if size["width"] != size["height"]:
            raise NetworkError(
                f"found crops of {size['width']}x{size['height']}; expected square ones: DeepLabCut-Live 1.1.0, with "
                "which the result is compared, swaps width and height of others"
            )
        with TemporaryDirectory() as folder:
            graph = self._export_detector(Path(folder) / "detector.onnx")
        self._animals = len(config["metadata"]["individuals"])
        self.info = pose.info.model_copy(
            update={
                "format": 2,
                "individuals": tuple(config["metadata"]["individuals"]),
                "detector": Detector(
                    graph=base64.b64encode(graph),
                    crop=(int(size["width"]), int(size["height"])),
                    min_score=_MIN_SCORE,
                    net_type=str(about["model"].get("variant") or about["model"].get("type", "")),
                ),
            }
        )

    def export(self, path: Path) -> None:
        self._pose.export(path)

    def reference(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As DeepLabCut-Live does it: each confident box is cut out by torchvision and given to the network for crops.

        No box, no pose; and never more poses than there are animals.
        """
        import torch
        from torchvision.transforms.functional import resized_crop

        with torch.inference_mode():
            boxes, scores = self._detector(torch.from_numpy(np.ascontiguousarray(image)))
        channels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
        detector = self.info.detector
        assert detector is not None
        found = [np.zeros((0, len(self.info.keypoints), 3), np.float32)]
        for box in boxes[scores >= _MIN_SCORE][: self._animals].tolist():
            left, top, right, bottom = widened(box, detector.crop)
            width, height = right - left, bottom - top
            part = resized_crop(channels, top, left, height, width, list(detector.crop[::-1]))
            pose = self._pose.reference(np.ascontiguousarray(part.permute(1, 2, 0).numpy()))
            scale = np.array([width / detector.crop[0], height / detector.crop[1]])
            found.append(
                np.concatenate([pose[..., :2] * scale + [left, top], pose[..., 2:]], axis=-1, dtype=np.float32)
            )
        return present(np.concatenate(found))

    def _export_detector(self, path: Path) -> bytes:
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # torchvision's detectors choose boxes by the data: only the older of PyTorch's exporters follows them.
            torch.onnx.export(
                self._detector,
                (torch.zeros(*_EXAMPLE, 3, dtype=torch.uint8),),
                path,
                input_names=["image"],
                output_names=["boxes", "scores"],
                dynamic_axes={"image": {0: "height", 1: "width"}, "boxes": {0: "count"}, "scores": {0: "count"}},
                opset_version=_OPSET,
                dynamo=False,
            )
        return path.read_bytes()


def built(about: dict[str, Any]) -> Any:
    """The detector that a configuration describes, with random weights; nothing is loaded from the internet.

    DeepLabCut's class for FasterRCNN lets torchvision load weights of ImageNet, which the file's own replace at once.
    """
    from deeplabcut.pose_estimation_pytorch.models import DETECTORS
    from deeplabcut.pose_estimation_pytorch.models.detectors.torchvision import TorchvisionDetectorAdaptor

    if about.get("type") != "FasterRCNN":
        return DETECTORS.build(about | {"pretrained": False})
    return TorchvisionDetectorAdaptor(
        str(about.get("variant", "fasterrcnn_mobilenet_v3_large_fpn")),
        box_score_thresh=float(about.get("box_score_thresh", 0.01)),
        model_kwargs={"weights_backbone": None},
    )


def load(detector: Any, weights: dict[str, Any]) -> None:
    """Loads weights; a file whose backbone had frozen statistics does not count the batches that made them."""
    lacking = [name for name in detector.state_dict().keys() - weights.keys() if name.endswith(_COUNTER)]
    detector.load_state_dict(weights | {name: detector.state_dict()[name] for name in lacking})


def _graph(detector: Any, normalise: Callable[[Any], Any]) -> Any:
    """Frame in, boxes and scores out."""
    import torch

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = detector

        def forward(self, image: Any) -> Any:
            rgb = image.permute(2, 0, 1).flip(0).to(torch.float32) / 255
            found = self.detector(normalise(rgb)[None])[1][0]
            return found["boxes"], found["scores"]

    graph = Graph()
    graph.training = False
    return graph
