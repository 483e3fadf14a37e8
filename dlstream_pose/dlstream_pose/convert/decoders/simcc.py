"""One animal, for each keypoint a row of bins along x and one along y (SimCC, of RTMPose)."""

from __future__ import annotations

from typing import Any

PREDICTORS = ("SimCCPredictor",)


def build(predictor: dict[str, Any], stride: float) -> Any:
    """DeepLabCut's `SimCCPredictor`, for a batch of one.

    The position is that of the greatest value along each axis; the confidence is the smaller of the two, after a
    softmax where the network asks for it.
    """
    import torch

    ratio = float(predictor.get("simcc_split_ratio", 2.0))
    soft = bool(predictor.get("apply_softmax", True))
    normalised = bool(predictor.get("normalize_outputs", False))
    sigma = predictor.get("sigma", 6.0)
    widths = [float(sigma)] * 2 if isinstance(sigma, int | float) else [float(value) for value in sigma]
    beta = float(predictor.get("decode_beta", 150.0))

    def values(bins: Any, width: float) -> Any:
        if normalised:
            bins = bins.clamp(min=0)
            greatest = bins.amax(dim=-1, keepdim=True)
            bins = torch.where(greatest > 1, bins / greatest, bins)
        else:
            bins = bins * (width * beta)
        return torch.softmax(bins, dim=-1) if soft else bins

    class SimCCDecoder(torch.nn.Module):
        def forward(self, outputs: dict[str, Any]) -> Any:
            across, down = (values(outputs[axis][0], width) for axis, width in zip("xy", widths, strict=True))
            sure_x, x = across.max(dim=-1, keepdim=True)
            sure_y, y = down.max(dim=-1, keepdim=True)
            confidence = torch.minimum(sure_x, sure_y)
            place = torch.cat([x, y], dim=1).to(torch.float32)
            least = 1.0 / across.shape[-1] if soft else 0.0
            place = torch.where(confidence <= least, torch.full_like(place, -1.0), place)
            return torch.cat([place / ratio, confidence], dim=1)

    return SimCCDecoder()
