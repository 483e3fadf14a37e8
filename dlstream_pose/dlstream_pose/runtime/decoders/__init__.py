"""What is left to do behind a network's graph: from its outputs to poses.

Most networks give poses at once. The part that does not fit a graph, such as grouping keypoints into animals, is done
here, with NumPy alone, for every engine alike. A module's name is the word `decoder` in the network's metadata. It has
`OUTPUTS`, the names of the graph's outputs that it takes, and `make(info)`, which gives a `Decoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError

if TYPE_CHECKING:
    from dlstream_pose.runtime.network import NetworkInfo

Outputs = Mapping[str, NDArray[np.float32]]
Decoder = Callable[[Outputs], NDArray[np.float32]]
"""From the graph's outputs, by name, to poses (N, K, 3): x, y, confidence; NaN, NaN, 0 where nothing was found."""
PLAIN = ("poses",)


def make_decoder(info: NetworkInfo) -> tuple[tuple[str, ...], Decoder]:
    """The outputs that a network's decoder takes, and the decoder.

    Raises:
        NetworkError: the network needs a decoder that does not exist, or its settings for it are wrong.
    """
    module = _module(info.decoder)
    if module is not None:
        try:
            return module.OUTPUTS, module.make(info)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise NetworkError(
                f"the settings of the decoder '{info.decoder}' in the network's metadata are wrong ({error!r}); "
                "convert the network again"
            ) from error
    if info.outputs != PLAIN:
        raise NetworkError(
            f"the network needs the decoder '{info.decoder}', which this version of dlstream does not have; use the "
            "version that converted it"
        )
    count = len(info.keypoints)
    return PLAIN, lambda outputs: np.asarray(outputs["poses"], np.float32).reshape(-1, count, 3)


def outputs_of(name: str) -> tuple[str, ...]:
    """The outputs that a decoder takes from the graph."""
    module = _module(name)
    return module.OUTPUTS if module is not None else PLAIN


def _module(name: str) -> ModuleType | None:
    path = f"{__name__}.{name}"
    usable = name.isidentifier() and not name.startswith("_") and find_spec(path) is not None
    return import_module(path) if usable else None
