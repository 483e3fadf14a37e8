"""An engine without a network: the brightest pixel is the animal, such as a lamp on its head."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dlstream_common import NetworkError
from dlstream_pose import Engine, EngineSettings


class BrightestSettings(EngineSettings):
    """The brightest pixel, for a lamp on an animal's head."""

    min_light: Annotated[int, Field(ge=0, le=255)] = 0
    """Mean of blue, green and red below which a pixel is no lamp: it is not seen."""


class Brightest(Engine[BrightestSettings]):
    """Takes, in a network's place, a JSON file with the name of its one keypoint: {"keypoint": "lamp"}."""

    name = "brightest"
    parallel = True

    def __init__(self, path: Path, settings: BrightestSettings, at_once: int = 1) -> None:
        self._min_light = settings.min_light
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
        if light[y, x] < 3 * self._min_light:
            return [np.array([[[np.nan, np.nan, 0]]], np.float32)]
        return [np.array([[[x, y, light[y, x] / 765]]], np.float32)]  # (animals, keypoints, 3): x, y, confidence
