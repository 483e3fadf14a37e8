"""Network files: ONNX that says of itself what it finds.

A network takes one frame, uint8 (H, W, 3) in the order blue, green, red, of any size, as the input `image`, and gives
`poses`, float32 (N, K, 3) or (K, 3): x and y in pixels of that frame, and the confidence from 0 to 1. Colour
conversion, normalisation and decoding are part of the graph; where the last step of decoding is not, the graph has
the outputs that one of `dlstream_pose.decoders` takes. What the keypoints are called, and where the network comes
from, stands in the file's metadata under the key `dlstream`, as JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dlstream_common import NetworkError
from dlstream_pose._fit import fitted
from dlstream_pose.decoders import Decoder, make_decoder
from dlstream_pose.engines import Engine, first_line, open_engine
from dlstream_pose.top_down import Detector, TopDown

METADATA_KEY = "dlstream"
FORMAT = 3
"""1: the graph gives `poses`. 2: a decoder may follow, or a detector come first. 3: frames may have to be fitted first.

Raised when a file of the new kind can't be read by an older dlstream; unknown extra fields are ignored.
"""


class Source(BaseModel):
    """What a network was converted from."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    tool: str
    version: str = ""


class Proof(BaseModel):
    """How the network compared with its original when it was converted."""

    model_config = ConfigDict(frozen=True)

    frames: int = Field(ge=0)
    on: str = ""
    """What the frames were: names of videos or images, or made-up textures."""
    seen: int = Field(ge=0)
    """How many keypoints had a confidence above 0.1."""
    worst: float | None = None
    """The largest distance of a seen keypoint, in pixels; nothing where none was seen."""
    worst_confidence: float = 0.0


class NetworkInfo(BaseModel):
    """What a network file says of itself."""

    model_config = ConfigDict(frozen=True)

    format: int = Field(1, ge=1, le=FORMAT)
    keypoints: tuple[str, ...] = Field(min_length=1)
    edges: tuple[tuple[int, int], ...] = ()
    """The skeleton: pairs of indices into `keypoints`."""
    individuals: tuple[str, ...] = ("individual_1",)
    stride: float = Field(gt=0)
    decoder: str
    outputs: tuple[str, ...] = ("poses",)
    """What the graph gives."""
    decoding: dict[str, Any] = {}
    """Settings of the decoder behind the graph."""
    input_size: tuple[int, int] | None = None
    """Width and height, in pixels, of the images that the network was trained on."""
    scale: float | None = Field(None, gt=0, le=8)
    """Size of the images that the network was trained on, relative to the camera's; None: not noted."""
    fit: bool = False
    """Whether whole frames of another size are fitted into `input_size` first, as the network's own tool does."""
    input_range: tuple[int, int] = (0, 255)
    """The least and the greatest value in an image."""
    input_channels: str = "bgr"
    net_type: str = ""
    detector: Detector | None = None
    """For a network that looks at one animal at a time: what finds the animals."""
    source: Source
    proof: Proof | None = None

    @property
    def animals(self) -> tuple[str, ...]:
        """The names that individuals have in its poses: one, where the network does not tell any apart."""
        return self.individuals or ("individual_1",)

    @model_validator(mode="after")
    def _fits(self) -> NetworkInfo:
        if len(set(self.keypoints)) < len(self.keypoints):
            raise ValueError("a keypoint's name occurs twice")
        if any(not 0 <= index < len(self.keypoints) for edge in self.edges for index in edge):
            raise ValueError("an edge of the skeleton leads to a keypoint that does not exist")
        if self.fit and (self.input_size is None or min(self.input_size) < 1):
            raise ValueError("frames have to be fitted into a size that is not given")
        return self


class Network:
    """A network, ready to run.

    Args:
        path: the .onnx file; for the engine dlclive DeepLabCut's own .pt or .pb file.
        threads: how many threads compute one frame; 0: one for each core.
        engine: what computes it, see `dlstream_pose.engines`.
        at_once: how many threads may call `run` at the same time without waiting for one another.

    Raises:
        NetworkError: the file is missing, damaged, not a network, or a network that dlstream did not convert; or the
            engine is not there.
    """

    def __init__(self, path: str | Path, threads: int = 1, engine: str = "auto", at_once: int = 1) -> None:
        self.path = Path(path)
        self.engine: Engine = open_engine(engine, self.path, threads, at_once)
        self.sha256 = self.engine.sha256
        self.info = self._read_info()
        self._outputs, self._decode = self._find_decoder()
        self._top_down = self._find_detector(threads)
        self._check_graph()

    def run(self, image: NDArray[np.uint8], whole: bool = True) -> NDArray[np.float32]:
        """The poses in one frame.

        Args:
            image: (height, width, 3) uint8, in the order blue, green, red.
            whole: whether it is a whole frame, or a part of one that was fitted already; see `NetworkInfo.fit`.

        Returns:
            (N, K, 3) float32: x, y in pixels of this image, and confidence, for each of N individuals; networks for
            several animals give those that they found, with NaN, NaN, 0 for a keypoint that they did not.

        Raises:
            NetworkError: the image does not fit the network.
        """
        try:
            if self.info.fit and whole and self.info.input_size is not None:
                image, ratio = fitted(image, self.info.input_size)
                poses = self._run(image)
                if ratio != 1:
                    poses[..., :2] /= ratio
                return poses
            return self._top_down.run(image, self._run) if self._top_down else self._run(image)
        except Exception as error:
            raise NetworkError(f"{self.path}: failed on an image of {image.shape}: {first_line(error)}") from error

    def _run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = self.engine.run(self._outputs, image)
        return self._decode(dict(zip(self._outputs, outputs, strict=True)))

    def _find_decoder(self) -> tuple[tuple[str, ...], Decoder]:
        try:
            return make_decoder(self.info)
        except NetworkError as error:
            raise NetworkError(f"{self.path}: {error}") from error

    def _find_detector(self, threads: int) -> TopDown | None:
        if self.info.detector is None:
            return None
        try:
            return TopDown(self.info.detector, len(self.info.individuals), threads)
        except NetworkError as error:
            raise NetworkError(f"{self.path}: {error}") from error

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
        expected = dict.fromkeys(self._outputs, "tensor(float)")
        if inputs != {"image": "tensor(uint8)"} or not expected.items() <= outputs.items():
            raise NetworkError(
                f"{self.path}: found the inputs {_signature(inputs)} and outputs {_signature(outputs)}; expected "
                f"image: tensor(uint8) and {_signature(expected)}. Convert the network again"
            )


def _signature(items: dict[str, str]) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in items.items()) or "nothing"
