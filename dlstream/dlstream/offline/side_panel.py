"""The panel at the right of an annotated picture: it covers nothing of the animal."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream.offline.experiment_state import PanelLine

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GROUND = (30, 26, 24)
_DIM = (150, 150, 150)
COLOURS = {  # blue, green, red
    "head": (245, 245, 245),
    "title": (245, 245, 245),
    "true": (110, 230, 90),
    "false": _DIM,
    "on": (60, 170, 255),
    "off": _DIM,
    "sham": (235, 150, 215),
    "note": (110, 225, 255),
    "fault": (90, 90, 255),
}
_FILLED = ("true", "on", "sham", "fault")
_LEAST_HEIGHT = 240


class SidePanel:
    """Puts lines beside pictures of one size; the result has one size, too.

    Args:
        width, height: of the pictures, in pixels.
        lines: how many there may be; further ones are left out.
    """

    def __init__(self, width: int, height: int, lines: int) -> None:
        self.unit = min(2.0, max(1.0, height / 480))
        self.line = round(20 * self.unit)
        self._picture = (width, height)
        self.panel_width = round(250 * self.unit)
        self.width = width + self.panel_width
        self.height = max(height, _LEAST_HEIGHT, round((lines + 1) * self.line))
        self._canvas = np.full((self.height, self.width, 3), _GROUND, np.uint8)
        self._shown: list[PanelLine | None] = [None] * ((self.height - self.line // 2) // self.line)

    def beside(self, picture: NDArray[np.uint8], lines: Sequence[PanelLine]) -> NDArray[np.uint8]:
        """The picture, (height, width, 3), blue, green, red, with the lines at its right; until the next call."""
        width, height = self._picture
        canvas = self._canvas  # a new one for each picture took as long as a third of its encoding
        canvas[:height, :width] = picture
        for number, shown in enumerate(self._shown):
            line = lines[number] if number < len(lines) else None
            if line != shown:  # letters take longer than the rest, and few lines change from picture to picture
                self._shown[number] = line
                top = number * self.line + round(8 * self.unit) // 2
                row = canvas[top : top + self.line]
                row[:, width:] = _GROUND
                if line is not None:
                    self._draw(row, line, width)
        return canvas

    def _draw(self, row: NDArray[np.uint8], line: PanelLine, left: int) -> None:
        pad, size = round(8 * self.unit), 0.42 * self.unit
        colour = COLOURS[line.kind]
        base = round(0.67 * self.line)
        thickness = max(1, round(self.unit))
        if line.kind in _FILLED:
            corner = (left + round(2 * self.unit), round(2 * self.unit))
            cv2.rectangle(row, corner, (corner[0] + round(3 * self.unit), self.line - 3), colour, -1)
        room = self.panel_width - 2 * pad
        text = _fitting(line.text, size, thickness, round(0.62 * room))
        used = cv2.getTextSize(text, _FONT, size, thickness)[0][0]
        label = _fitting(line.label, size, thickness, room - used - pad)
        cv2.putText(row, label, (left + pad, base), _FONT, size, colour, thickness, cv2.LINE_AA)
        right = left + self.panel_width - pad - used
        cv2.putText(row, text, (right, base), _FONT, size, colour, thickness, cv2.LINE_AA)


def _fitting(text: str, size: float, thickness: int, room: int) -> str:
    """The text as OpenCV's letters have it, shortened to the room (pixels)."""
    text = text.encode("ascii", "replace").decode()
    while text and cv2.getTextSize(text, _FONT, size, thickness)[0][0] > room:
        text = text[:-3] + ".." if len(text) > 3 else ""
    return text
