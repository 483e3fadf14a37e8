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
_SURE = 0.5


class Teacher:
    """A network file for one animal, asked for poses and heat maps.

    Attributes:
        info: what the file says about itself.
        maps: whether it gives heat maps, too; known after the first frame in which it is sure of a keypoint. What it
            gave before is of no use then, if it is false.

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
        self._curved: bool | None = None

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
        if self._curved is None:
            self._decide(poses, maps)
            if self._session is None:
                return poses, None
        # Of a frame without the animal alone it can't be told, and hardly matters: both ways it is dark.
        curved = self._nearer(poses, maps) if self._curved is None else self._curved
        return poses, _from_0_to_1(maps, curved)

    def _poses(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _one(self._network.run(image), len(self.info.keypoints))

    def _decide(self, poses: NDArray[np.float32], maps: NDArray[np.float32]) -> None:
        """Whether the maps go through a sigmoid to become confidences; gives them up if they are no heat maps of these.

        Only keypoints that it is sure of can tell: where there is no animal, all is about 0 either way, and offsets
        lead anywhere.
        """
        sure = poses[:, 2] > _SURE
        if maps.ndim != 3 or len(maps) != len(poses):
            self._session, self.maps = None, False
        elif sure.any():
            seen, stride = maps[sure], self.info.stride
            row, column = np.unravel_index(seen.reshape(len(seen), -1).argmax(axis=1), maps.shape[1:])
            cells = np.column_stack([column, row]) * stride + stride / 2
            near = bool((np.abs(cells - poses[sure, :2]) <= _CELLS * stride).all())
            fitting = [curved for curved in (False, True) if near and self._apart(poses[sure], seen, curved) <= _SAME]
            if not fitting:
                self._session, self.maps = None, False
            elif len(fitting) == 1:
                self._curved = fitting[0]

    def _nearer(self, poses: NDArray[np.float32], maps: NDArray[np.float32]) -> bool:
        return self._apart(poses, maps, True) < self._apart(poses, maps, False)

    def _apart(self, poses: NDArray[np.float32], maps: NDArray[np.float32], curved: bool) -> float:
        return float(np.abs(_from_0_to_1(maps, curved).max(axis=(1, 2)) - poses[:, 2]).max())


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
