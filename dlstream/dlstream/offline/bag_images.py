"""The images of a bag as frames: one that can't be used is a lost frame, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from dlstream.offline.footage import Lost
from dlstream.offline.pictures import decoded
from dlstream_common import DeepCheck, DlstreamError, EncodingError, Frame, Image, RawImage, image_of_any

_SECOND = 1_000_000_000
_FIRST = 30
"""Unusable messages from the first one on after which a topic counts as one that can't be used."""
_NO_STAMP = "has no stamp; for such messages the time at which they were recorded is used"
_HEADER = 12
"""Bytes up to the end of the stamp, with which messages of both types begin."""


class Damaged:
    """The bytes of a message that are none of its type, such as of one that was cut off."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @property
    def stamp(self) -> int:
        """That of its header, as far as there is one; else 0."""
        order = "little" if self.raw[1:2] == b"\1" else "big"
        seconds, rest = (int.from_bytes(self.raw[at : at + 4], order) for at in (4, 8))  # type: ignore[arg-type]
        return seconds * _SECOND + rest if len(self.raw) >= _HEADER and rest < _SECOND else 0


class _Bag(Protocol):
    path: Path

    def messages(self, topics: Iterable[str], damaged: bool = False) -> Iterator[tuple[str, int, Any]]: ...


def stamp_of(time: Any) -> int:
    """Nanoseconds of a builtin_interfaces/Time."""
    return int(time.sec) * _SECOND + int(time.nanosec)


def frames_of(bag: _Bag, topic: str, camera: str, warn: Callable[[str], None]) -> Iterator[Frame | Lost]:
    """The images of a topic. Size and encoding are those of the first one that can be used.

    Args:
        warn: gets each sentence that a person should read.

    Raises:
        DlstreamError: the bag can't be read, or most of the messages, or the first ones, can't be used.
    """
    looks: tuple[tuple[int, ...], str] | None = None
    told, deep, first = False, DeepCheck(), ""
    last: int | None = None
    repeated = False
    count = lost = 0
    others, changed = 0, ""  # images of another size or encoding in a row, and where the first of them is
    unsaid: list[str] = []  # where none can be used, the error says enough
    for number, (_, recorded, message) in enumerate(bag.messages([topic], damaged=True)):
        where = f"{bag.path}: message {number} of {topic}"
        own = message.stamp if isinstance(message, Damaged) else stamp_of(message.header.stamp)
        if not told and not own and not isinstance(message, Damaged):
            told = True
            warn(f"{where} {_NO_STAMP}")
        stamp, count = own or recorded, number + 1
        if not repeated and last is not None and stamp <= last:
            repeated = True
            which = "an earlier stamp than" if stamp < last else "the stamp of"
            warn(f"{where} has {which} the message before it; all count in the order in which they were recorded")
        last = stamp
        try:
            image, encoding = _image(message)
            if looks and (image.shape, encoding) != looks:
                others += 1
                changed = changed or where
                if others > _FIRST:
                    raise DlstreamError(
                        f"{changed}: from here on the images are {_looks(image.shape, encoding)}; expected "
                        f"{_looks(*looks)} as before. Split the bag there (ros2 bag convert)"
                    )
                raise EncodingError(f"it is {_looks(image.shape, encoding)}; expected {_looks(*looks)} as before")
            others, changed = 0, ""
        except EncodingError as error:
            lost += 1
            first = first or f"{where}: {error}"
            if looks is None and lost == _FIRST:
                raise DlstreamError(first) from error
            unsaid.append(f"{where}, stamp {stamp / _SECOND:.3f} s, is a lost frame: {error}")
            if looks:
                warn(unsaid.pop())
            yield Lost(number, stamp, f"message {number} of {topic}: {error}")
            continue
        looks = image.shape, encoding
        while unsaid:
            warn(unsaid.pop(0))
        if said := deep.add(RawImage.of(message)) if hasattr(message, "encoding") else "":
            warn(f"{bag.path}: {topic}: {said}")
        yield Frame(camera, number, stamp, image, encoding)
    if said := deep.finish():
        warn(f"{bag.path}: {topic}: {said}")
    if lost and 2 * lost > count:
        raise DlstreamError(
            f"{first}. Found {lost} of {count} messages that can't be used; expected at most half of them. If the "
            "images change, split the bag there (ros2 bag convert)"
        )


def _looks(shape: tuple[int, ...], encoding: str) -> str:
    return f"{shape[1]}x{shape[0]} {encoding}"


def _image(message: Any) -> tuple[Image, str]:
    """The image of a message of either type, with its encoding.

    Raises:
        EncodingError: it is none, or of an encoding that can't be read.
    """
    if isinstance(message, Damaged):
        raise EncodingError(f"found {len(message.raw)} bytes that are no message of its type. Was it cut off?")
    if hasattr(message, "encoding"):
        return image_of_any(RawImage.of(message))
    return decoded(bytes(message.data), message.format)
