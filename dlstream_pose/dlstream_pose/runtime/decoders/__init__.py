"""What remains to be done after a network's graph: from its outputs to poses.

Most networks give poses at once. The part that does not fit a graph, such as grouping keypoints into animals, is done
here, with NumPy only, the same way for every engine. A module's name is the `decoder` in the network's metadata. It has
`OUTPUTS`, the names of the graph's outputs that it takes, and `make(info)`, which gives a `Decoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_common.picking import a_module
from dlstream_common.plugins import Registry
from dlstream_pose.runtime.network_info import NetworkInfo

Outputs = Mapping[str, NDArray[np.float32]]
Decoder = Callable[[Outputs], NDArray[np.float32]]
"""From the graph's outputs, by name, to new poses (N, K, 3): x, y, confidence; NaN, NaN, 0 where nothing was found."""
PLAIN = ("poses",)

DECODERS: Registry[ModuleType] = Registry("decoder", __name__, __path__, a_module)


def make_decoder(info: NetworkInfo) -> tuple[tuple[str, ...], Decoder]:
    """The outputs that a network's decoder takes, and the decoder.

    Raises:
        NetworkError: the network needs a decoder that does not exist, or has wrong settings for it.
    """
    if info.decoder in DECODERS:
        module = DECODERS[info.decoder]
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
    # A copy: the poses are written to, and the array may be an engine's own, which it returns again.
    return PLAIN, lambda outputs: np.array(outputs["poses"], np.float32).reshape(-1, count, 3)


def outputs_of(name: str) -> tuple[str, ...]:
    """The outputs that a decoder takes from the graph."""
    outputs: tuple[str, ...] = DECODERS[name].OUTPUTS if name in DECODERS else PLAIN
    return outputs
