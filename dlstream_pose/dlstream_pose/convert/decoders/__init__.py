"""Decoders of DeepLabCut's heads, one module each.

A module has `PREDICTORS`, the names of DeepLabCut's predictors that it replaces, and `build(predictor, stride)`, which
gives a torch module from the head's outputs (a dictionary) to poses (K, 3) or (N, K, 3) in pixels of the image. If
a step remains after the graph, the module has the same name as the one in `dlstream_pose.runtime.decoders` that does
it; the torch module then gives that decoder's input, and `decoding(predictor)` its settings.
"""

from __future__ import annotations

from types import ModuleType

from dlstream_common import NetworkError
from dlstream_common.picking import a_module
from dlstream_common.plugins import Registry

HEADS: Registry[ModuleType] = Registry("converter of heads", __name__, __path__, a_module)


def decoder_for(predictor: str) -> ModuleType:
    """The decoder that replaces a predictor of DeepLabCut.

    Raises:
        NetworkError: there is none.
    """
    known = []
    for module in HEADS.values():
        if predictor in module.PREDICTORS:
            return module
        known.extend(module.PREDICTORS)
    raise NetworkError(f"found a network with the predictor '{predictor}'; expected one of {', '.join(known)}")
