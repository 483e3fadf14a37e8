"""Network files: ONNX that says of itself what it finds.

A network takes one frame, uint8 (H, W, 3) in the order blue, green, red, of any size, as the input `image`, and gives
`poses`, float32 (N, K, 3) or (K, 3): x and y in pixels of that frame, and the confidence from 0 to 1. Colour
conversion, normalisation and decoding are part of the graph. What the keypoints are called, and where the network
comes from, stands in the file's metadata under the key `dlstream`, as JSON.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dlstream_common import NetworkError
from dlstream_pose.engines import Engine, first_line, open_engine

METADATA_KEY = "dlstream"
FORMAT = 1
"""Raised when a file of the new kind can't be read by an older dlstream; unknown extra fields are ignored."""


class Source(BaseModel):
    """What a network was converted from."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    tool: str
    version: str = ""


class NetworkInfo(BaseModel):
    """What a network file says of itself."""

    model_config = ConfigDict(frozen=True)

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    keypoints: tuple[str, ...] = Field(min_length=1)
    edges: tuple[tuple[int, int], ...] = ()
    """The skeleton: pairs of indices into `keypoints`."""
    individuals: tuple[str, ...] = ("individual_1",)
    stride: float = Field(gt=0)
    decoder: str
    input_size: tuple[int, int] | None = None
    """Width and height, in pixels, of the images that the network was trained on."""
    net_type: str = ""
    source: Source

    @model_validator(mode="after")
    def _fits(self) -> NetworkInfo:
        if len(set(self.keypoints)) < len(self.keypoints):
            raise ValueError("a keypoint's name occurs twice")
        if any(not 0 <= index < len(self.keypoints) for edge in self.edges for index in edge):
            raise ValueError("an edge of the skeleton leads to a keypoint that does not exist")
        return self


class Network:
    """A network, ready to run.

    Args:
        path: the .onnx file; for the engine dlclive DeepLabCut's own .pt or .pb file.
        threads: how many threads compute one frame; 0: one for each core.
        engine: what computes it, see `dlstream_pose.engines`.

    Raises:
        NetworkError: the file is missing, damaged, not a network, or a network that dlstream did not convert; or the
            engine is not there.
    """

    def __init__(self, path: str | Path, threads: int = 1, engine: str = "auto") -> None:
        self.path = Path(path)
        self.engine: Engine = open_engine(engine, self.path, threads)
        self.sha256 = self.engine.sha256
        self.info = self._read_info()
        self._check_graph()

    def run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The poses in one frame.

        Args:
            image: (height, width, 3) uint8, in the order blue, green, red.

        Returns:
            (N, K, 3) float32: x, y in pixels of this image, and confidence, for each of N individuals.

        Raises:
            NetworkError: the image does not fit the network.
        """
        try:
            (poses,) = self.engine.run(["poses"], image)
        except Exception as error:
            raise NetworkError(f"{self.path}: failed on an image of {image.shape}: {first_line(error)}") from error
        return np.asarray(poses, np.float32).reshape(-1, len(self.info.keypoints), 3)

    def _read_info(self) -> NetworkInfo:
        text = self.engine.metadata
        if text is None:
            raise NetworkError(
                f"{self.path}: found an ONNX file without '{METADATA_KEY}' metadata; expected one that dlstream's "
                "converter wrote. Convert the original network: dlstream network convert SOURCE.pt NETWORK.onnx"
            )
        try:
            return NetworkInfo.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise NetworkError(
                f"{self.path}: metadata {key or METADATA_KEY}: found {first['input']!r:.80}; {first['msg']}. "
                "Convert the network again, or use the version of dlstream that converted it"
            ) from error

    def _check_graph(self) -> None:
        inputs, outputs = self.engine.inputs, self.engine.outputs
        if inputs != {"image": "tensor(uint8)"} or outputs.get("poses") != "tensor(float)":
            raise NetworkError(
                f"{self.path}: found the inputs {_signature(inputs)} and outputs {_signature(outputs)}; expected "
                "image: tensor(uint8) and poses: tensor(float). Convert the network again"
            )


def _signature(items: dict[str, str]) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in items.items()) or "nothing"
