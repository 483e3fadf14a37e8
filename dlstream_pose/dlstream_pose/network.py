"""Network files: ONNX that says of itself what it finds.

A network takes one frame, uint8 (H, W, 3) in the order blue, green, red, of any size, as the input `image`, and gives
`poses`, float32 (N, K, 3) or (K, 3): x and y in pixels of that frame, and the confidence from 0 to 1. Colour
conversion, normalisation and decoding are part of the graph. What the keypoints are called, and where the network
comes from, stands in the file's metadata under the key `dlstream`, as JSON.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dlstream_common import NetworkError

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
        path: the .onnx file.
        threads: how many threads compute one frame; 0 leaves it to ONNX Runtime.

    Raises:
        NetworkError: the file is missing, damaged, not a network, or a network that dlstream did not convert.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self.path = Path(path)
        content = _read(self.path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the cores away from the other nodes of the rig.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes have no common base
            raise NetworkError(
                f"{self.path}: found {len(content)} bytes that ONNX Runtime can't load ({_first_line(error)}); "
                "expected a network as dlstream's converter writes it. The file may be damaged or incomplete: convert "
                "the original again"
            ) from error
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
            (poses,) = self._session.run(["poses"], {"image": image})
        except Exception as error:
            raise NetworkError(f"{self.path}: failed on an image of {image.shape}: {_first_line(error)}") from error
        return np.asarray(poses, np.float32).reshape(-1, len(self.info.keypoints), 3)

    def _read_info(self) -> NetworkInfo:
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
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
        inputs = {item.name: item.type for item in self._session.get_inputs()}
        outputs = {item.name: item.type for item in self._session.get_outputs()}
        if inputs != {"image": "tensor(uint8)"} or outputs.get("poses") != "tensor(float)":
            raise NetworkError(
                f"{self.path}: found the inputs {_signature(inputs)} and outputs {_signature(outputs)}; expected "
                "image: tensor(uint8) and poses: tensor(float). Convert the network again"
            )


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path}: can't be read ({error.strerror}); expected a network file (.onnx)") from error
    if not content:
        raise NetworkError(f"{path}: found an empty file; expected a network (.onnx)")
    if path.suffix in (".pt", ".pth"):
        raise NetworkError(
            f"{path}: found a PyTorch file; expected ONNX. Convert it first: "
            f"dlstream network convert {path.name} {path.with_suffix('.onnx').name}"
        )
    return content


def _first_line(error: Exception) -> str:
    lines: list[Any] = str(error).strip().splitlines() or [type(error).__name__]
    return str(lines[0])[:300]


def _signature(items: dict[str, str]) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in items.items()) or "nothing"
