"""Several animals by regression from their centres (DEKR): the graph does everything except removing absent animals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlstream_pose.runtime.decoders import Decoder, Outputs
from dlstream_pose.runtime.network_info import NetworkInfo

OUTPUTS = ("poses",)


def make(info: NetworkInfo) -> Decoder:
    """The graph always gives as many poses as there are animals; those without any confidence are no animals."""
    count = len(info.keypoints)

    def decode(outputs: Outputs) -> NDArray[np.float32]:
        poses = np.asarray(outputs["poses"], np.float32).reshape(-1, count, 3)
        return poses[(poses[..., 2] > 0).any(axis=1)]

    return decode
