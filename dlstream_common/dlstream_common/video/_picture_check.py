"""Finds pictures that can't be right: black, of one colour, with few of their bits in use, or a sensor's raw mosaic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from dlstream_common.bits import BitsCheck
from dlstream_common.frame import Image
from dlstream_common.video._mosaic import is_mosaic

_FRAMES = 10
"""Frames from the first one that must look wrong before this is reported: the first frames of many cameras are dark."""
_NOISE = 3
"""Range of grey values (of 255) within a picture that counts as one colour."""
_BLACK = 10
"""Brightest grey value (of 255) of a picture that counts as black."""
_ROWS, _COLUMNS = 60, 80
"""Pixels that are looked at first, spread over the picture; only if they look wrong, all of them are."""
_SPELLS = 20
"""From then on pictures that went wrong are counted and reported together at the end: the light may flicker."""
_MOSAICS = 5
"""Frames looked at for a mosaic."""
_MOSAIC = (
    "probably the raw mosaic of a colour sensor (Bayer), taken for grey: the network sees a pattern of single pixels. "
    "Let the camera give colour, such as pixel_format: BayerRG8, or convert the images to colour"
)
_WHY = "is the lens covered, the light off, or the file damaged?"
_WHY_NO_DEPTH = "is the lens covered, the scene too near, or the emitter off in the dark?"


@dataclass(frozen=True, slots=True)
class Remark:
    """What was noticed about pictures.

    Attributes:
        kind: `doubt`: the whole recording can't be right; `gone`: from a frame on nothing is to be seen; `back`: it is.
        text: a sentence.
        frame: the number of the frame that it is about.
        values: for an event: `first_frame`, and at the end `last_frame`, `count` of frames, `seconds`.
    """

    kind: Literal["doubt", "gone", "back"]
    text: str
    frame: int
    values: Mapping[str, str] = field(default_factory=dict)

    def words(self) -> dict[str, str]:
        """For an event: the values with the text."""
        return {"text": self.text, **self.values}


class PictureCheck:
    """Looks at every frame of a camera or a video, and reports when something can't be right, and when it is over.

    A frame that shows something costs less than 100 µs, whatever its size; each of the first five 2 ms more.

    Args:
        depth: they are depths in millimetres, not pictures.
    """

    def __init__(self, depth: bool = False) -> None:
        self._depth = depth
        self._spells = _Spells(_WHY_NO_DEPTH if depth else _WHY)
        self._bits, self._mosaic = BitsCheck(), _MosaicCheck()
        self._brightest = 0
        self._last = (0, 0)

    def add(self, image: Image, number: int, stamp: int) -> list[Remark]:
        """Looks at a frame, uint8 or uint16, with its number and its stamp in nanoseconds. Returns what is new."""
        if not image.size:
            return []
        self._last = number, stamp
        if self._depth:
            there = _some(image).any() or image.any()
            return self._spells.add(None if there else _NoDepth(), number, stamp)
        blank = self._blank(image)
        if self._bits.add(image):
            return self._spells.add(None, number, stamp) + _doubt(self._bits.certain(), number)
        remarks = self._spells.add(blank, number, stamp)
        return remarks if blank else remarks + _doubt(self._mosaic.add(image), number)

    def finish(self) -> list[Remark]:
        """Call it after the last frame. Returns what is not reported yet."""
        number, stamp = self._last
        doubts = _doubt(self._bits.finish(), number) + _doubt(self._mosaic.finish(), number)
        return doubts + self._spells.finish(number, stamp)

    def _blank(self, image: Image) -> _OneColour | None:
        """The colour of a picture that shows nothing else; None if it shows something."""
        for pixels in (_some(image), image):  # a look at all pixels takes its time
            low, high = pixels.min(axis=0).min(axis=0), pixels.max(axis=0).max(axis=0)
            brightest = int(high.max())
            self._brightest = max(self._brightest, brightest)
            full = 255 if image.dtype == np.uint8 else self._brightest  # a camera may use few of 16 bits
            black, noise = _BLACK * full // 255, _NOISE * full // 255
            if brightest > black and (high.astype(int) - low).max() > noise:
                return None
        values = tuple(int(value) for value in np.atleast_1d(high))
        return _OneColour(values, values, brightest <= black, noise)


class _NoDepth:
    """Depth images without a depth."""

    def __str__(self) -> str:
        return "no depth in the whole image"


@dataclass(frozen=True, slots=True)
class _OneColour:
    """Pictures of one colour each; `str` says which.

    Attributes:
        low, high: the least and greatest value of each channel among the pictures: blue, green, red, or grey alone.
        black: whether all are black.
        noise: a difference of values that counts as none.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    black: bool
    noise: int

    def __or__(self, other: _OneColour) -> _OneColour:
        low = tuple(min(pair) for pair in zip(self.low, other.low, strict=True))
        high = tuple(max(pair) for pair in zip(self.high, other.high, strict=True))
        return _OneColour(low, high, self.black and other.black, self.noise)

    def __str__(self) -> str:
        if self.black:
            return "a black picture"
        if max(high - low for low, high in zip(self.low, self.high, strict=True)) > self.noise:
            return f"a picture of one colour, which changes (values {min(self.low)} to {max(self.high)})"
        if max(self.high) - min(self.high) <= self.noise:
            return f"a picture of one colour (value {max(self.high)})"
        return f"a picture of one colour (blue {self.high[0]}, green {self.high[1]}, red {self.high[2]})"


class _Spells:
    """Frames on end in which nothing is to be seen."""

    def __init__(self, why: str) -> None:
        self._why = why
        self._seen = False
        self._what: _OneColour | _NoDepth | None = None
        self._first, self._begin, self._last, self._count = 0, 0, 0, 0
        self._told = False
        self._spells, self._more, self._more_frames = 0, 0, 0

    def add(self, what: _OneColour | _NoDepth | None, number: int, stamp: int) -> list[Remark]:
        """A frame: `what` it is in place of a picture; None: a picture."""
        if what is None:
            remarks = self._back(number, stamp) if self._told else []
            self._close()
            self._seen = True
            return remarks
        if not self._count:
            self._what, self._first, self._begin = what, number, stamp
        elif isinstance(what, _OneColour) and isinstance(self._what, _OneColour):
            self._what |= what
        self._last = number
        self._count += 1
        if self._told or self._spells >= _SPELLS or not (self._seen or self._count >= _FRAMES):
            return []
        return self._gone()

    def finish(self, number: int, stamp: int) -> list[Remark]:
        """What is left to report at the end."""
        remarks = []
        if self._told:
            text = f"{self._what} to the end: from frame {self._first} on, {self._lasted(stamp)}"
            remarks = [Remark("gone", text, self._first, self._values(stamp))]
        elif self._count and not self._seen:
            remarks = self._gone()
        self._close()
        if self._more:
            times = "once" if self._more == 1 else f"{self._more} times"
            text = f"no picture {times} more: {_frames(self._more_frames)}"
            remarks.append(Remark("gone", text, number, {"count": str(self._more_frames)}))
        self._more = self._more_frames = 0
        return remarks

    def _gone(self) -> list[Remark]:
        self._told = True
        self._spells += 1
        text = f"{self._what} from frame {self._first} on: {self._why}"
        return [Remark("gone", text, self._first, {"first_frame": str(self._first)})]

    def _back(self, number: int, stamp: int) -> list[Remark]:
        text = f"a picture again from frame {number} on, after {self._lasted(stamp)} without: {self._what}"
        return [Remark("back", text, number, self._values(stamp))]

    def _close(self) -> None:
        if self._count and self._seen and not self._told:
            self._more += 1
            self._more_frames += self._count
        self._count, self._told = 0, False

    def _lasted(self, stamp: int) -> str:
        return f"{_frames(self._count)} ({(stamp - self._begin) / 1e9:.3f} s)"

    def _values(self, stamp: int) -> dict[str, str]:
        numbers = {"first_frame": str(self._first), "last_frame": str(self._last), "count": str(self._count)}
        return {**numbers, "seconds": f"{(stamp - self._begin) / 1e9:.3f}"}


class _MosaicCheck:
    """Whether the first pictures are a mosaic."""

    def __init__(self) -> None:
        self._left, self._found = _MOSAICS, 0

    def add(self, image: Image) -> str:
        """A frame. Returns what is wrong once it is certain."""
        if not self._left:
            return ""
        self._left -= 1
        self._found += is_mosaic(image)
        return "" if self._left else self._result()

    def finish(self) -> str:
        """What is wrong with the frames, if not reported yet."""
        return self._result() if self._left else ""

    def _result(self) -> str:
        looked, self._left = _MOSAICS - self._left, 0
        return _MOSAIC if 2 * self._found > looked else ""


def _some(image: Image) -> Image:
    """Pixels spread over an image."""
    return np.ascontiguousarray(image[:: max(1, image.shape[0] // _ROWS), :: max(1, image.shape[1] // _COLUMNS)])


def _doubt(text: str, number: int) -> list[Remark]:
    return [Remark("doubt", text, number)] if text else []


def _frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"
