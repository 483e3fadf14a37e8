"""The end of a SLEAP network's graph: from maps to poses, or to candidates and the strength of their connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlstream_pose.convert.sources._sleap_steps import Steps

_FLOAT_STEP = 1.1920928955078125e-07  # of a float32 at 1


@dataclass(frozen=True)
class Fields:
    """How SLEAP rates the connection of two candidates.

    Attributes:
        edges: pairs of keypoints, and for each its pair of maps among the part-affinity fields.
        stride: pixels of the resized frame for one cell of the fields.
        samples: number of points examined between two candidates.
        longest: longer connections than this, relative to the map, are rated lower, by `weight`.
        candidates: number of maxima of a heat map that are examined.
    """

    edges: tuple[tuple[int, int, int], ...]
    stride: float
    samples: int
    longest: float
    weight: float
    candidates: int


def _refined(maps: Any, x: Any, y: Any, patch: int) -> Any:
    """The places (K, M, 2) of cells x and y (K, M) in maps (K, h, w), each the mean of the cells around it."""
    import torch

    place = torch.stack([x, y], dim=2).to(maps.dtype)
    if patch == 0:
        return place
    before = patch // 2
    around = torch.nn.functional.pad(maps, (patch, patch, patch, patch))
    width = around.shape[2]
    steps = torch.arange(patch)
    corner = (y - before + patch) * width + (x - before + patch)
    index = corner.unsqueeze(2) + (steps[:, None] * width + steps[None]).reshape(1, 1, -1)
    values = around.reshape(maps.shape[0], -1).gather(1, index.reshape(maps.shape[0], -1)).reshape(index.shape)
    offset = steps.to(maps.dtype) - (patch - 1) / 2
    rows, columns = offset.repeat_interleave(patch), offset.repeat(patch)
    total = values.sum(dim=2)
    shift = torch.stack([(values * columns).sum(dim=2) / total, (values * rows).sum(dim=2) / total], dim=2)
    return place + shift


def single(steps: Steps) -> Any:
    """For each keypoint the place of its map's maximum."""
    import torch

    class Single(torch.nn.Module):
        def forward(self, maps: Any) -> Any:
            columns, rows = maps.amax(dim=1), maps.amax(dim=2)
            value = columns.amax(dim=1, keepdim=True)
            x, y = columns.argmax(dim=1, keepdim=True), rows.argmax(dim=1, keepdim=True)
            point = _refined(maps, x, y, steps.patch).squeeze(1) * steps.stride / steps.scale
            seen = value >= steps.threshold
            point = torch.where(seen, point, torch.full_like(point, float("nan")))
            confidence = torch.where(seen, value.clamp(max=1.0), torch.zeros_like(value))
            return torch.cat([point, confidence], dim=1)

    return Single()


def several(steps: Steps, fields: Fields) -> Any:
    """For each keypoint its map's local maxima, and for each pair of them how well the fields connect the two."""
    import torch

    count = fields.candidates

    class Several(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, value in (
                ("first", torch.tensor([first for first, _, _ in fields.edges])),
                ("second", torch.tensor([second for _, second, _ in fields.edges])),
                ("maps", torch.tensor([number for _, _, number in fields.edges])),
                ("along", torch.linspace(0, 1, fields.samples)),
            ):
                self.register_buffer(name, value, persistent=False)

        def forward(self, maps: Any, affinity_maps: Any) -> Any:
            keypoints, _, columns = maps.shape
            score = torch.where(self.is_peak(maps), maps, torch.zeros_like(maps)).reshape(keypoints, -1)
            confidence, place = torch.topk(score, count, dim=1)
            y = torch.div(place, columns, rounding_mode="floor")
            single, left = self.flat_top(maps, place - y * columns, y, confidence)
            confidence = torch.where(single, confidence, torch.zeros_like(confidence))
            point = _refined(maps, place - y * columns - left.to(torch.int64), y, steps.patch) * steps.stride
            found = (confidence > 0).unsqueeze(2)
            # A random map can have a patch that sums to almost nothing.
            point = torch.where(found & (point.abs() < 1e6), point, torch.zeros_like(point))
            parts = [point / steps.scale, confidence.unsqueeze(2), place.unsqueeze(2).to(point.dtype)]
            return torch.cat(parts, dim=2), self.affinities(point, affinity_maps)

        def is_peak(self, maps: Any) -> Any:
            """Higher than the four neighbours before, in reading order, and not lower than the four behind."""
            around = torch.nn.functional.pad(maps, (1, 1, 1, 1), value=-1e9)
            above, level, below = around[:, :-2], around[:, 1:-1], around[:, 2:]
            before = torch.maximum(above[..., :-2], above[..., 1:-1])
            before = torch.maximum(before, torch.maximum(above[..., 2:], level[..., :-2]))
            behind = torch.maximum(level[..., 2:], below[..., :-2])
            behind = torch.maximum(behind, torch.maximum(below[..., 1:-1], below[..., 2:]))
            return (maps > before) & (maps >= behind) & (maps > steps.threshold)

        def flat_top(self, maps: Any, x: Any, y: Any, value: Any) -> tuple[Any, Any]:
            """Of maxima (K, M): whether one and the cells as high form a top of at most 2x2; SLEAP drops larger ones.

            Beside it whether that top begins left of the maximum.
            """
            around = torch.nn.functional.pad(maps, (2, 2, 2, 2), value=-1e9)
            width = around.shape[2]
            step = torch.arange(5)
            index = (y * width + x).unsqueeze(2) + (step[:, None] * width + step[None]).reshape(1, 1, -1)
            near = around.reshape(maps.shape[0], -1).gather(1, index.reshape(maps.shape[0], -1)).reshape(index.shape)
            high = near >= value.unsqueeze(2)

            def any_of(*cells: tuple[int, int]) -> Any:
                return high[:, :, [row * 5 + column for row, column in cells]].any(dim=2)

            right, below, left, corner = any_of((2, 3)), any_of((3, 2)), any_of((3, 1)), any_of((3, 3))
            larger = left & (right | corner)
            larger = larger | (right & any_of((1, 4), (2, 4), (3, 4))) | (below & any_of((4, 1), (4, 2), (4, 3)))
            larger = larger | (corner & any_of((2, 4), (3, 4), (4, 2), (4, 3), (4, 4)))
            larger = larger | (left & any_of((2, 0), (3, 0), (4, 0), (4, 1), (4, 2)))
            return ~larger, left

        def affinities(self, point: Any, affinity_maps: Any) -> Any:
            """(E, M, M): the field's mean along the line, in the line's direction, less the penalty for its length."""
            channels, rows, columns = affinity_maps.shape
            start = point[self.first].unsqueeze(2).expand(-1, -1, count, -1)
            stop = point[self.second].unsqueeze(1).expand(-1, count, -1, -1)
            way = stop - start
            line = start.unsqueeze(3) + (way / (1 + _FLOAT_STEP)).unsqueeze(3) * self.along[:, None]
            cell = torch.round(line / fields.stride).to(torch.int64)
            x, y = cell[..., 0].clamp(min=0, max=columns - 1), cell[..., 1].clamp(min=0, max=rows - 1)
            index = (y * columns + x).reshape(len(fields.edges), 1, -1).expand(-1, 2, -1)
            vectors = affinity_maps.reshape(channels // 2, 2, -1)[self.maps].gather(2, index)
            vectors = vectors.reshape(len(fields.edges), 2, count, count, fields.samples).permute(0, 2, 3, 4, 1)
            length = torch.sqrt((way**2).sum(dim=3, keepdim=True))
            mean = (vectors * (way / length).unsqueeze(3)).sum(dim=4).mean(dim=3)
            longest = fields.longest * max_of(channels, rows, columns) * fields.stride
            return mean + (longest / length.squeeze(3) - 1).clamp(max=0) * fields.weight

    def max_of(channels: int, rows: Any, columns: Any) -> Any:
        return torch.sym_max(torch.sym_max(rows, columns), channels)

    return Several()
