"""A SLEAP network as one torch module: frame in, poses or candidates out, with operations that ONNX has."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dlstream_pose.convert.sources._sleap_decoders import Fields, several, single
from dlstream_pose.convert.sources._sleap_steps import Steps

_GREY = (0.2989, 0.587, 0.114)  # torchvision's red, green and blue, which SLEAP uses


def graph(model: Any, steps: Steps, fields: Fields | None) -> Any:
    """The module. Without fields it gives poses (K, 3), else `candidates` (K, M, 4) and `affinities` (E, M, M)."""
    import torch

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.decoder = single(steps) if fields is None else several(steps, fields)

        def forward(self, image: Any) -> Any:
            maps = self.model(prepared(image))
            if fields is None:
                return self.decoder(maps["SingleInstanceConfmapsHead"][0])
            return self.decoder(maps["MultiInstanceConfmapsHead"][0], maps["PartAffinityFieldsHead"][0])

    def prepared(image: Any) -> Any:
        pixels = image.permute(2, 0, 1).flip(0).to(torch.float32)
        early = steps.grey and not steps.colour
        if early:
            pixels = grey(pixels, whole=True)
        if steps.scale != 1:
            over, under = Fraction(steps.scale).limit_denominator(10000).as_integer_ratio()
            height, width = (side * over // under for side in image.shape[:2])
            # Columns, then rows, rounded after each, as PyTorch resizes bytes.
            pixels = resized(resized(pixels, width).transpose(1, 2), height).transpose(1, 2)
        pixels = padded(padded(pixels, 1), 2)
        if steps.channels == 1 and not early:
            pixels = grey(pixels, whole=False)
        elif steps.channels == 3 and early:
            pixels = pixels.expand(3, -1, -1)
        return (pixels / 255).unsqueeze(0)

    def resized(pixels: Any, size: Any) -> Any:
        """Resizes the last axis by a matrix product: not every engine resizes with a filter."""
        old = pixels.shape[2]
        ratio = old / size
        distance = (torch.arange(old) + 0.5)[:, None] - ((torch.arange(size) + 0.5) * ratio)[None]
        weights = (1 - distance.abs() / torch.sym_max(ratio, 1.0)).clamp(min=0)
        return torch.floor(pixels @ (weights / weights.sum(dim=0, keepdim=True)) + 0.5).clamp(0, 255)

    def grey(pixels: Any, whole: bool) -> Any:
        """One channel. A frame with equal channels is used as it is: SLEAP reads such videos as greyscale."""
        red, green, blue = pixels.unbind(0)
        mixed = red * _GREY[0] + green * _GREY[1] + blue * _GREY[2]
        if whole:
            mixed = torch.floor(mixed)
        if steps.colour:
            return mixed.unsqueeze(0)
        alike = (red - blue).abs().amax(dim=(0, 1)) == 0
        return torch.where(alike, red, mixed).unsqueeze(0)

    def padded(pixels: Any, side: int) -> Any:
        """Padded with black at the end, up to a multiple of the divisor."""
        size = pixels.shape[side]
        place = torch.arange((size + steps.divisor - 1) // steps.divisor * steps.divisor)
        inside = (place < size).to(pixels.dtype)
        filled = pixels.index_select(side, place.clamp(max=size - 1))
        return filled * inside.reshape([1, -1, 1] if side == 1 else [1, 1, -1])

    return Graph().eval()
