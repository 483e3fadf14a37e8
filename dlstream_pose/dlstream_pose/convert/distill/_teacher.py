"""The large network: its poses, and the heat maps that they come from, where its graph has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert._file import onnx_package
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.network_info import NetworkInfo

_CELLS = 3.0
"""A point is at most so many cells away from the maximum of its heat map; else the map is not its heat map."""
_SAME = 0.01


class Teacher:
    """A network file for one animal, asked for poses and heat maps.

    Attributes:
        info: what the file says about itself.
        maps: whether it gives heat maps, too; known after the first frame.

    Raises:
        NetworkError: the file is for several animals, has a detector, or is no network file.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._network = Network(path, threads, "onnx")
        self.info: NetworkInfo = self._network.info
        self.sha256 = self._network.sha256
        if len(self.info.individuals) > 1 or self.info.detector is not None:
            what = "a detector" if self.info.detector else f"{len(self.info.individuals)} animals"
            raise NetworkError(f"{path}: found a network with {what}; expected one for one animal, without a detector")
        self._session, self._name = _with_heat_map(path, threads)
        self.maps = self._session is not None
        self._asked = False
        self._curved = False

    def answer(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Poses (K, 3) in pixels of the image, and heat maps (K, rows, columns) from 0 to 1, or None.

        Args:
            image: (H, W, 3) blue, green, red, of the size that the network looks at.
        """
        image = np.ascontiguousarray(image)
        fits = not self.info.fit or self.info.input_size == (image.shape[1], image.shape[0])
        if self._session is None or not fits:
            self.maps = False
            return self._poses(image), None
        poses, maps = self._session.run(["poses", self._name], {"image": image})
        poses, maps = _one(poses, len(self.info.keypoints)), np.asarray(maps, np.float32)
        maps = maps[0] if maps.ndim == 4 else maps
        if not self._asked:
            self._asked = True
            curved = self._kind(poses, maps)
            if curved is None:
                self._session, self.maps = None, False
                return poses, None
            self._curved = curved
        return poses, _from_0_to_1(maps, self._curved)

    def _poses(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _one(self._network.run(image), len(self.info.keypoints))

    def _kind(self, poses: NDArray[np.float32], maps: NDArray[np.float32]) -> bool | None:
        """Whether the maps go through a sigmoid to become confidences; None if they are no heat maps of these poses."""
        if maps.ndim != 3 or len(maps) != len(poses):
            return None
        row, column = np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])
        cells = np.column_stack([column, row]) * self.info.stride + self.info.stride / 2
        if not (np.abs(cells - poses[:, :2]) <= _CELLS * self.info.stride).all():
            return None
        for curved in (False, True):
            if np.allclose(_from_0_to_1(maps, curved).max(axis=(1, 2)), poses[:, 2], atol=_SAME):
                return curved
        return None


def _from_0_to_1(maps: NDArray[np.float32], curved: bool) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-maps)) if curved else np.clip(maps, 0, 1), np.float32)


def _one(poses: NDArray[np.float32], keypoints: int) -> NDArray[np.float32]:
    """The one animal; NaN, NaN, 0 where it was not found."""
    poses = poses if poses.ndim == 3 else poses[None]
    if len(poses):
        return np.asarray(poses[0], np.float32)
    nothing = np.full((keypoints, 3), np.nan, np.float32)
    nothing[:, 2] = 0
    return nothing


def _with_heat_map(path: Path, threads: int) -> tuple[Any, str]:
    """A session that also gives what the places of the maxima are taken from; None where the graph has no such step."""
    import onnxruntime

    onnx = onnx_package()
    model = onnx.load(path)
    made = {name: node for node in model.graph.node for name in node.output}
    maxima = [node for node in model.graph.node if node.op_type == "ArgMax"]
    flat = made.get(maxima[0].input[0]) if len(maxima) == 1 else None
    if flat is None or flat.op_type != "Reshape":
        return None, ""
    name = flat.input[0]
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # ONNX Runtime's errors have no common base; then the points have to do
        return None, ""
    return session, name
