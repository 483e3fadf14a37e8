"""Network files: ONNX with a description of what the network finds.

A network takes one frame, uint8 (H, W, 3) in the order blue, green, red, of any size, as the input `image`, and gives
`poses`, float32 (N, K, 3) or (K, 3): x and y in pixels of that frame, and the confidence from 0 to 1. Colour
conversion, normalisation and decoding are part of the graph; if the last step of decoding is not, the graph has
the outputs that one of `dlstream_pose.runtime.decoders` takes. The names of the keypoints and the network's origin are
in the file's metadata under the key `dlstream`, as JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from dlstream_common import DlstreamError, NetworkError
from dlstream_common.part_faults import PartFault, Shown
from dlstream_pose.runtime._fit import fitted
from dlstream_pose.runtime.decoders import PLAIN, Decoder, make_decoder
from dlstream_pose.runtime.engines import ENGINES, Engine, EngineSettings, first_line, open_engine, settings_of_engine
from dlstream_pose.runtime.network_info import METADATA_KEY, NetworkInfo
from dlstream_pose.runtime.top_down import TopDown


class Network:
    """A network, ready to run.

    Args:
        path: the .onnx file; for the engine dlclive DeepLabCut's own .pt or .pb file.
        threads: how many threads compute one frame; 0: one for each core. Settings of an engine say it themselves.
        engine: what computes it, see `dlstream_pose.runtime.engines`: a name, or an engine's settings.
        at_once: how many threads may call `run` at the same time without waiting for one another.

    Raises:
        NetworkError: the file is missing, damaged, not a network, or a network that dlstream did not convert; or the
            engine is not there.
    """

    def __init__(
        self, path: str | Path, threads: int = 1, engine: str | EngineSettings = "auto", at_once: int = 1
    ) -> None:
        self.path = Path(path)
        settings = settings_of_engine(engine, threads=threads) if isinstance(engine, str) else engine
        self.engine: Engine[Any] = open_engine(settings, self.path, at_once)
        self._author = ENGINES.author(self.engine.name)
        self.sha256 = self.engine.sha256
        self.info = self._read_info()
        self._outputs, self._decode = self._find_decoder()
        self._top_down = self._find_detector(settings.threads)
        self._check_graph()

    def run(self, image: NDArray[np.uint8], whole: bool = True) -> NDArray[np.float32]:
        """The poses in one frame.

        Args:
            image: (height, width, 3) uint8, in the order blue, green, red.
            whole: whether it is a whole frame, or a part of one that was fitted already; see `NetworkInfo.fit`.

        Returns:
            (N, K, 3) float32: x, y in pixels of this image, and confidence, for each of N individuals; networks for
            several animals give those they found, with NaN, NaN, 0 for a keypoint that they did not.

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
        except PartFault:
            raise
        except Exception as error:
            raise NetworkError(f"{self.path}: failed on an image of {image.shape}: {first_line(error)}") from error

    def _run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = self._computed(image)
        try:
            poses = self._decode(outputs)
        except Exception as error:
            if self._author.is_ours:
                raise
            shapes = ", ".join(f"{name} {item.shape}" for name, item in outputs.items())
            found = Shown(f"arrays that can't be decoded ({shapes}: {first_line(error)})")
            raise self._author.returned("run", found, f"what the decoder '{self.info.decoder}' takes") from error
        return poses

    def _computed(self, image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """The engine's arrays by name.

        Raises:
            PartFault: what it returned can't be poses; or it is not dlstream's, and raised something unforeseen.
        """
        try:
            outputs = self.engine.run(self._outputs, image)
        except DlstreamError:
            raise
        except (Exception, SystemExit) as error:
            if self._author.is_ours:  # a library's way of refusing an image
                raise
            raise self._author.raised("run", error, self._expected) from error
        if not isinstance(outputs, (list, tuple)) or len(outputs) != len(self._outputs):
            raise self._author.returned("run", outputs, self._expected)
        plain = self._outputs == PLAIN
        for found in outputs:
            if not isinstance(found, np.ndarray) or found.dtype.kind != ("f" if plain else found.dtype.kind):
                raise self._author.returned("run", found, self._expected)
            if plain and (found.ndim not in (2, 3) or found.shape[-2:] != (len(self.info.keypoints), 3)):
                raise self._author.returned("run", found, self._expected)
        return dict(zip(self._outputs, outputs, strict=True))

    @property
    def _expected(self) -> str:
        if self._outputs != PLAIN:
            return f"a list of arrays: {', '.join(self._outputs)}"
        return f"a list of one float32 array of the shape (animals, {len(self.info.keypoints)}, 3)"

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
