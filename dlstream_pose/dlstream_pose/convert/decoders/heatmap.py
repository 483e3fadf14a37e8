"""One animal, one heat map for each keypoint: the place of the maximum, refined by the map of offsets."""

from __future__ import annotations

from typing import Any

PREDICTORS = ("HeatmapPredictor",)


def build(predictor: dict[str, Any], stride: float) -> Any:
    """DeepLabCut's `HeatmapPredictor`, for a batch of one, as operations that ONNX has.

    x = column * stride + stride / 2 + offset_x * locref_std, and the same for y; the confidence is the maximum.

    Args:
        predictor: DeepLabCut's configuration of the predictor.
        stride: pixels of the image for one cell of the heat map.
    """
    import torch

    sigmoid = bool(predictor.get("apply_sigmoid", True))
    clip = bool(predictor.get("clip_scores", False))
    refine = bool(predictor.get("location_refinement", True))
    deviation = float(predictor.get("locref_std", 7.2801))

    class HeatmapDecoder(torch.nn.Module):
        def forward(self, outputs: dict[str, Any]) -> Any:
            heatmap = outputs["heatmap"][0]
            keypoints, _, columns = heatmap.shape
            flat = heatmap.reshape(keypoints, -1)
            confidence, place = flat.max(dim=1, keepdim=True)
            if sigmoid:
                confidence = torch.sigmoid(confidence)
            if clip:
                confidence = confidence.clip(0.0, 1.0)
            row = torch.div(place, columns, rounding_mode="floor")
            cell = torch.cat([place - row * columns, row], dim=1).to(heatmap.dtype)
            point = cell * stride + stride / 2
            if refine:
                offsets = outputs["locref"][0].reshape(keypoints, 2, -1)
                index = place.unsqueeze(2).expand(-1, 2, 1)
                point = point + offsets.gather(2, index).squeeze(2) * deviation
            return torch.cat([point, confidence], dim=1)

    return HeatmapDecoder()
