"""A stream of a RealSense device, and what is asked of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["color", "depth", "infrared"]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A stream of a device, and what is asked of it; 0: whatever the device has.

    Attributes:
        index: 1 or 2 for infrared, else 0.
    """

    kind: Kind
    index: int = 0
    width: int = 0
    height: int = 0
    fps: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.index} {self.width}x{self.height} {self.fps}"

    @classmethod
    def of(cls, text: str) -> StreamRequest:
        """From its text.

        Raises:
            ValueError: it is none.
        """
        found = re.fullmatch(r"(color|depth|infrared) (\d+) (\d+)x(\d+) (\d+)", text)
        if found is None:
            raise ValueError("streams as 'depth 0 640x480 30'")
        kind: Any = found[1]
        return cls(kind, *(int(word) for word in found.groups()[1:]))

    @property
    def name(self) -> str:
        """In words, such as "infrared 1"."""
        return f"{self.kind} {self.index}" if self.index else self.kind
