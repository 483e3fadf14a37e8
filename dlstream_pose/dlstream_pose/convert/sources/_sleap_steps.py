"""The steps from a frame to poses, from a SLEAP model's configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Steps:
    """What SLEAP does before and after the network.

    Attributes:
        channels: how many the network takes, 1 or 3.
        grey, colour: whether frames are made grey, or coloured, before anything else.
        scale: by which frames are resized.
        divisor: the padded frame's width and height are multiples of it.
        stride: pixels of the resized frame for one cell of the heat map.
        threshold: the least confidence of a maximum that counts.
        patch: width and height, in cells, of what a maximum's place is averaged over; 0: the cell itself.
    """

    channels: int
    grey: bool
    colour: bool
    scale: float
    divisor: int
    stride: float
    threshold: float
    patch: int
