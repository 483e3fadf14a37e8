"""An engine without a network: the brightest pixel is the animal, such as a lamp on its head."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose import Engine


class Brightest(Engine):
    """Takes, in a network's place, a JSON file with the name of its one keypoint: {"keypoint": "lamp"}."""

    name = "brightest"
    parallel = True

    def __init__(self, path: Path, threads: int, at_once: int = 1) -> None:
        try:
            content = path.read_bytes()
            keypoint = str(json.loads(content)["keypoint"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NetworkError(f'{path}: {error!r}; expected a JSON file such as {{"keypoint": "lamp"}}') from error
        self.sha256 = hashlib.sha256(content).hexdigest()
        source = {"file": path.name, "sha256": self.sha256, "tool": "lab-parts"}
        self.metadata = json.dumps({"keypoints": [keypoint], "stride": 1, "decoder": "brightest", "source": source})
        self.inputs, self.outputs = {"image": "tensor(uint8)"}, {"poses": "tensor(float)"}
        self.description = "the brightest pixel"

    def run(self, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        light = image.sum(axis=2)
        y, x = np.unravel_index(light.argmax(), light.shape)
        return [np.array([[[x, y, light[y, x] / 765]]], np.float32)]  # (animals, keypoints, 3): x, y, confidence
