"""Networks of DeepLabCut 2: the folder that its `export_model` writes, a frozen graph (.pb) and pose_cfg.yaml."""

from __future__ import annotations

import gc
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._source import SourceNetwork
from dlstream_pose.convert.sources._tf_graph import around
from dlstream_pose.runtime.dlc_export import ExportSettings, one_graph, read_settings
from dlstream_pose.runtime.network_info import NetworkInfo, Source

EXPECTED = "a folder with DeepLabCut 2's .pb and pose_cfg.yaml"
requires = {"tensorflow": "-r requirements-dlc-tf.txt", "tf2onnx": "-r requirements-dlc-tf.txt"}
_SETTINGS = "pose_cfg.yaml"
_SLEAPS = "frozen_graph.pb"
_OPSET = 17
_CAREFUL = "TF2ONNX_CATCH_ERRORS"
"""Tells tf2onnx whether to continue when one of its optimizations fails, for which it keeps a copy."""


def accepts(path: Path) -> bool:
    """Whether a path is a source of this kind."""
    if path.is_dir():
        return (path / _SETTINGS).exists() or any(graph.name != _SLEAPS for graph in path.glob("*.pb"))
    return path.suffix == ".pb" or path.name == _SETTINGS


def open_source(path: Path) -> SourceNetwork:
    """Loads the network.

    Raises:
        NetworkError: TensorFlow or tf2onnx is not installed, or the folder is not a single-animal network of
            DeepLabCut 2.
    """
    folder = path if path.is_dir() else path.parent
    file = path if path.suffix == ".pb" and not path.is_dir() else one_graph(folder)
    settings = read_settings(folder / _SETTINGS)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise NetworkError(
            f"{path}: converting a network of DeepLabCut 2 needs TensorFlow and tf2onnx ({error}), in an environment "
            "of their own: make dlc-tf, or pip install -r requirements-dlc-tf.txt"
        ) from error
    graph = tensorflow.compat.v1.GraphDef()
    try:
        graph.ParseFromString(file.read_bytes())
        return TensorFlowNetwork(file, settings, graph)
    except NetworkError:
        raise
    except Exception as error:  # protobuf's and TensorFlow's errors have no common base
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NetworkError(
            f"{file}: TensorFlow can't load it ({reason:.300}); expected a frozen graph, as "
            "deeplabcut.export_model writes it. The file may be damaged or incomplete"
        ) from error


def _ends(path: Path, operations: Any, settings: ExportSettings) -> tuple[str, list[str]]:
    """The poses that the graph itself makes, if it does, and its score map and map of offsets.

    DeepLabCut-Live finds a network's outputs by their place, too.
    """
    if "concat_1" not in operations[-1].name:
        return "", [f"{operation.name}:0" for operation in (operations[-1], operations[-2])[: 1 + settings.refined]]
    scores = [operation.name for operation in operations if operation.type == "Sigmoid"]
    offsets = [operation.name for operation in operations if operation.name.endswith("locref_pred/block4/BiasAdd")]
    if not scores or not offsets:
        raise NetworkError(
            f"{path}: found no score map (Sigmoid) or no map of offsets (locref_pred/block4/BiasAdd) in the graph; "
            "export the network again with TFGPUinference=False"
        )
    return f"{operations[-1].name}:0", [f"{scores[-1]}:0", f"{offsets[-1]}:0"]


class TensorFlowNetwork(SourceNetwork):
    """A single-animal network of DeepLabCut 2."""

    def __init__(self, path: Path, settings: ExportSettings, graph: Any) -> None:
        import tensorflow

        self._settings, self._graph = settings, graph
        whole = tensorflow.Graph()
        with whole.as_default():
            tensorflow.import_graph_def(graph, name="")
        operations = whole.get_operations()
        if len(operations) < 3 or operations[0].type != "Placeholder":
            raise NetworkError(
                f"{path}: found a graph of {len(operations)} operations that begins with "
                f"{operations[0].type if operations else 'nothing'}; expected one that begins with a Placeholder"
            )
        self._input, (self._decoded, self._outputs) = f"{operations[0].name}:0", _ends(path, operations, settings)
        self._check(path, whole)
        self._session = tensorflow.compat.v1.Session(graph=whole)
        self.info = NetworkInfo(
            keypoints=settings.keypoints,
            stride=settings.stride,
            decoder="heatmap",
            net_type=settings.net_type,
            source=Source(
                file=path.name,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                tool="DeepLabCut",
                version=f"2 (TensorFlow {tensorflow.__version__})",
            ),
        )

    def _check(self, path: Path, whole: Any) -> None:
        count = len(self._settings.keypoints)
        for name, channels in zip(self._outputs, (count, 2 * count), strict=False):
            shape = whole.get_tensor_by_name(name).shape
            found = shape[-1] if shape.rank else None
            if found is not None and found != channels:
                raise NetworkError(
                    f"{path}: the graph's end {name} has {found} channels; expected {channels} for the {count} "
                    f"keypoints of {_SETTINGS} with location_refinement {self._settings.refined}: do the two "
                    "belong together?"
                )

    def export(self, path: Path) -> None:
        import logging

        import onnx
        import tf2onnx

        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        # Otherwise tf2onnx copies the whole graph before each of dozens of steps: 10 GB for a resnet_50.
        for caught in ("FALSE", "TRUE"):
            os.environ[_CAREFUL] = caught
            try:
                model, _ = tf2onnx.convert.from_graph_def(
                    self._graph,
                    input_names=[self._input],
                    output_names=self._outputs,
                    opset=_OPSET,
                    inputs_as_nchw=[self._input],
                )
                break
            except Exception:
                if caught == "TRUE":
                    raise
            finally:
                del os.environ[_CAREFUL]
        settings = self._settings
        around(model, self._input, self._outputs, len(settings.keypoints), settings.stride, settings.deviation)
        onnx.save(model, path)
        del model
        gc.collect()  # tf2onnx's graphs, gigabytes, hold each other

    def reference(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As DeepLabCut-Live does it; without location_refinement, where it fails, the middle of the cell."""
        fed = {self._input: image[None, ..., ::-1]}
        if self._decoded:
            return np.asarray(self._session.run(self._decoded, fed), np.float32)[:, [1, 0, 2]][None]
        outputs = self._session.run(self._outputs, fed)
        count, stride = len(self._settings.keypoints), self._settings.stride
        scores = outputs[0][0]
        offsets = np.zeros((*scores.shape, 2))
        if self._settings.refined:
            offsets = outputs[1][0].reshape(*scores.shape, 2) * self._settings.deviation
        poses = np.zeros((1, count, 3), np.float32)
        for keypoint in range(count):
            row, column = np.unravel_index(np.argmax(scores[..., keypoint]), scores.shape[:2])
            x, y = np.array([column, row]) * stride + stride / 2 + offsets[row, column, keypoint]
            poses[0, keypoint] = x, y, scores[row, column, keypoint]
        return poses
