"""Several animals by regression from their centres (DEKR), entirely within the graph."""

from __future__ import annotations

from typing import Any

PREDICTORS = ("DEKRPredictor",)


def decoding(predictor: dict[str, Any]) -> dict[str, Any]:
    """Settings for `dlstream_pose.runtime.decoders.dekr`: none."""
    return {}


def build(predictor: dict[str, Any], stride: float) -> Any:
    """DeepLabCut's `DEKRPredictor`, for a batch of one: (N, K, 3), -1 where a pose repeats a better one."""
    import torch

    animals = int(predictor["num_animals"])
    sigmoid = bool(predictor.get("apply_sigmoid", True))
    clip = bool(predictor.get("clip_scores", False))
    snap = bool(predictor.get("use_heatmap", True))
    kind = predictor.get("keypoint_score_type", "combined")
    reach = float(predictor.get("max_absorb_distance", 75))
    alike = float(predictor.get("nms_threshold", 0.05))
    suppress = bool(predictor.get("apply_pose_nms", True))

    def maxima(heatmap: Any) -> Any:
        """The heat maps (C, H, W), 0 outside of their local maxima."""
        pooled = torch.nn.functional.max_pool2d(heatmap[None], 5, stride=1, padding=2)[0]
        return heatmap * (pooled == heatmap).to(heatmap.dtype)

    class DekrDecoder(torch.nn.Module):
        def forward(self, outputs: dict[str, Any]) -> Any:
            heatmap, offset = outputs["heatmap"][0], outputs["offset"][0]
            if sigmoid:
                heatmap = torch.sigmoid(heatmap)
            _, rows, columns = heatmap.shape
            keypoints = offset.shape[0] // 2
            score, place = torch.topk(maxima(heatmap[-1:]).reshape(-1), animals)
            row = torch.div(place, columns, rounding_mode="floor")
            centre = torch.stack([place - row * columns, row], dim=1).to(heatmap.dtype)
            shift = offset.reshape(keypoints, 2, -1)[:, :, place].permute(2, 0, 1)
            points = centre.unsqueeze(1) - shift
            heat = heatmap[:-1]
            if snap:
                heat = maxima(heat)
                points = self.snapped(points, heat)
            confidence = score.unsqueeze(1).expand(-1, keypoints)
            if kind != "center":
                x = points[..., 0].floor().clamp(min=0).minimum(torch.full_like(points[..., 0], 1.0) * (columns - 1))
                y = points[..., 1].floor().clamp(min=0).minimum(torch.full_like(points[..., 1], 1.0) * (rows - 1))
                cell = (y * columns + x).to(torch.int64).transpose(0, 1)
                value = heat.reshape(keypoints, -1).gather(1, cell).transpose(0, 1)
                confidence = value if kind == "heatmap" else confidence * value
            if clip:
                confidence = confidence.clip(0.0, 1.0)
            poses = torch.cat([points * stride + stride / 2, confidence.unsqueeze(2)], dim=2)
            return self.single(poses) if suppress else poses

        def snapped(self, points: Any, heat: Any) -> Any:
            """Points (N, K, 2), each moved to the nearest of its heat map's best maxima, if one is near."""
            keypoints, _, columns = heat.shape
            place = torch.topk(heat.reshape(keypoints, -1), animals, dim=1).indices
            row = torch.div(place, columns, rounding_mode="floor")
            cell = torch.stack([place - row * columns, row], dim=2).to(points.dtype)
            distance = torch.sqrt(((points.unsqueeze(2) - cell.unsqueeze(0)) ** 2).sum(dim=3))
            nearest, which = distance.min(dim=2)
            index = which.permute(1, 0).unsqueeze(2).expand(-1, -1, 2)
            best = cell.gather(1, index).permute(1, 0, 2)
            return torch.where((nearest < reach).unsqueeze(2), best, points)

        def single(self, poses: Any) -> Any:
            """Poses without those that are close to a better one, which become -1, in DeepLabCut's order."""
            place = poses[..., :2]
            extent = place.amax(dim=1) - place.amin(dim=1)
            size = torch.sqrt((extent**2).sum(dim=1).clamp(min=1))
            between = torch.sqrt(((place.unsqueeze(1) - place.unsqueeze(0)) ** 2).sum(dim=3))
            close = (between < alike * size.reshape(1, -1, 1)).sum(dim=2) > alike
            better = torch.triu(torch.ones(animals, animals), diagonal=1) > 0
            kept = ~(close & better).any(dim=0)
            number = torch.arange(animals, dtype=torch.float32)
            order = torch.topk(kept.to(torch.float32) + (number + 1) / (animals + 1), animals).indices
            return torch.where(kept.reshape(-1, 1, 1), poses, torch.full_like(poses, -1.0))[order]

    return DekrDecoder()
