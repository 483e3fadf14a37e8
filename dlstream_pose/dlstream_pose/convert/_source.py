"""What the converter needs from a source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.runtime.network_info import NetworkInfo


class SourceNetwork(ABC):
    """A network of another tool, opened for conversion."""

    info: NetworkInfo
    """What the network file will say about itself."""

    def limit(self, individuals: int) -> None:
        """Sets the largest number of individuals, for a network that does not know it.

        Raises:
            NetworkError: it knows.
        """
        raise NetworkError(
            f"individuals: found {individuals}; expected none to be given: this network is for "
            f"{len(self.info.individuals)}, as its file says"
        )

    @abstractmethod
    def export(self, path: Path) -> None:
        """Writes the network as ONNX, with the input and the output that `dlstream_pose.runtime.network` describes."""

    @abstractmethod
    def reference(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the other tool itself finds in an image (H, W, 3), blue, green, red: (N, K, 3) x, y, confidence."""


def gist(error: Exception) -> str:
    """An error of another tool in one line: PyTorch names every weight that is missing, on hundreds of lines."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]} ..."
