"""Several animals by part-affinity fields: the graph's part, up to candidates and the strength of their connections."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlstream_common import NetworkError

PREDICTORS = ("PartAffinityFieldPredictor",)
_PEAK = 0.01
_SAMPLES = 10
_DECIMALS = 1000
_FARTHEST = 2048
"""Cells between two candidates, at most."""


def decoding(predictor: dict[str, Any]) -> dict[str, Any]:
    """Settings for `dlstream_pose.runtime.decoders.part_affinity`.

    Raises:
        NetworkError: DeepLabCut is configured to group in an unsupported way.
    """
    for key in ("add_discarded", "force_fusion"):
        if predictor.get(key):
            raise NetworkError(f"found {key} switched on in the predictor; expected it off, as DeepLabCut sets it")
    graph, kept = predictor["graph"], predictor["edges_to_keep"]
    return {
        "animals": int(predictor["num_animals"]),
        "edges": [[int(end) for end in graph[index]] for index in kept],
        "min_affinity": float(predictor.get("min_affinity", 0.05)),
        "clip": bool(predictor.get("clip_scores", False)),
    }


def build(predictor: dict[str, Any], stride: float) -> Any:
    """The first half of DeepLabCut's `PartAffinityFieldPredictor`, for a batch of one.

    Gives `candidates` (K, M, 4), for each keypoint the M best maxima of its smoothed heat map: x, y, confidence, and
    the number that DeepLabCut gives to the joint; and `affinities` (E, M, M), for each pair of candidates of each edge
    the field's integral along the line between them, by its length. M is the greatest number of animals: DeepLabCut
    looks at no more.
    """
    import torch

    animals = int(predictor["num_animals"])
    keypoints = int(predictor["num_multibodyparts"])
    radius, sigma = int(predictor.get("nms_radius", 5)), float(predictor.get("sigma", 1))
    sigmoid = bool(predictor.get("apply_sigmoid", True))
    deviation = float(predictor.get("locref_stdev", 7.2801))
    kept = [int(index) for index in predictor["edges_to_keep"]]
    ends = [predictor["graph"][index] for index in kept]

    class PartAffinityDecoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            offsets = torch.arange(-radius, radius + 1, dtype=torch.float32) ** 2
            weights = torch.softmax(-offsets / (2 * sigma**2), dim=0)
            kernel = torch.einsum("i,j->ij", weights, weights)[None, None]
            self.register_buffer("kernel", kernel, persistent=False)
            distances = torch.arange(-_FARTHEST, _FARTHEST + 1, dtype=torch.float32)
            for name, value in (
                ("kept", torch.tensor(kept)),
                ("first", torch.tensor([int(end[0]) for end in ends])),
                ("second", torch.tensor([int(end[1]) for end in ends])),
                # The samples on a line are rounded down to cells, which hangs on a product's last bit: looked up, no
                # engine can join it with the sum that follows.
                ("steps", distances[:, None] * torch.linspace(0, 1, _SAMPLES, dtype=torch.float32)),
            ):
                self.register_buffer(name, value, persistent=False)

        def forward(self, outputs: dict[str, Any]) -> Any:
            heatmap = outputs["heatmap"][0]
            channels, _, columns = heatmap.shape
            if sigmoid:
                heatmap = torch.sigmoid(heatmap)
            smooth = torch.nn.functional.conv2d(heatmap.unsqueeze(1), self.kernel, padding=radius).squeeze(1)
            pooled = torch.nn.functional.max_pool2d(smooth[None], radius, stride=1, padding=radius // 2)[0]
            peak = (smooth == pooled) & (smooth >= _PEAK)
            number = torch.cumsum(peak.reshape(-1).to(torch.float32), 0).reshape(channels, -1)[:keypoints] - 1
            score = torch.where(peak, smooth, torch.zeros_like(smooth)).reshape(channels, -1)[:keypoints]
            confidence, place = torch.topk(score, animals, dim=1)
            row = torch.div(place, columns, rounding_mode="floor")
            cell = torch.stack([place - row * columns, row], dim=2).to(torch.float32)
            offsets = outputs["locref"][0].reshape(channels, 2, -1)[:keypoints]
            refined = offsets.gather(2, place.unsqueeze(1).expand(-1, 2, -1)).transpose(1, 2) * deviation
            point = cell * stride + stride // 2 + refined
            index = number.gather(1, place)
            candidates = torch.cat([point, confidence.unsqueeze(2), index.unsqueeze(2)], dim=2)
            return candidates, self.affinities(outputs["paf"][0], cell)

        def affinities(self, fields: Any, cell: Any) -> Any:
            columns = fields.shape[2]
            start = cell[self.first].unsqueeze(2).expand(-1, -1, animals, -1).reshape(-1, 1, 2)
            stop = cell[self.second].unsqueeze(1).expand(-1, animals, -1, -1).reshape(-1, 1, 2)
            apart = (stop - start).reshape(-1, 2).to(torch.int64).clamp(-_FARTHEST, _FARTHEST)
            along = (start + self.steps[apart + _FARTHEST].transpose(1, 2)).to(torch.int32).to(torch.int64)
            place = (along[..., 1] * columns + along[..., 0]).reshape(len(kept), 1, -1).expand(-1, 2, -1)
            vectors = fields.reshape(-1, 2, fields.shape[1] * columns)[self.kept].gather(2, place)
            vectors = vectors.reshape(len(kept), 2, -1, _SAMPLES)
            step = along.to(torch.float32).diff(dim=1).reshape(len(kept), -1, _SAMPLES - 1, 2).permute(0, 3, 1, 2)
            integral = (step * (vectors[..., 1:] + vectors[..., :-1]) / 2).sum(dim=3)
            length = torch.sqrt(((stop - start) ** 2).sum(dim=2)) + float(np.spacing(np.float32(1)))
            affinity = torch.sqrt((integral**2).sum(dim=1)).reshape(-1) / length.reshape(-1)
            return (torch.round(affinity * _DECIMALS) / _DECIMALS).reshape(len(kept), animals, animals)

    return PartAffinityDecoder()
