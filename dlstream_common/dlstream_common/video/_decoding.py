"""Decodes a stream's packets into pictures in the order of presentation, with a reason for each lost one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from heapq import heappop, heappush

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dlstream_common.video._timeline import JUMP

_MOST_READ_ERRORS = 100
"""Consecutive errors after which the rest of a file counts as unreadable."""
_NO_PICTURE = "the decoder returns no picture for its data"
_INCOMPLETE = "its data is incomplete"

Decoded = tuple[int | None, av.VideoFrame | str]
"""A presentation stamp in ticks of the stream, None if it has none; and the picture, or why it is lost."""


def decode(container: InputContainer, stream: VideoStream) -> Iterator[Decoded]:
    """Yields every picture to be shown. FFmpeg decodes and drops what an edit list hides."""
    _prepare(stream)
    expected = _Expected(container, stream)
    for packet in _packets(container, stream):
        if isinstance(packet, str):
            yield None, packet
            continue
        expected.add(packet)
        try:
            pictures = packet.decode()
        except av.FFmpegError as error:
            if packet.is_discard:
                continue
            reason = f"its data is damaged ({_words(error)})"
            stamp = expected.stamp_of(packet)
            if stamp is None:
                yield None, reason
            else:
                expected.failed(stamp, reason)
            continue
        for picture in pictures:
            yield from expected.shown(picture)
    try:
        remaining = stream.decode(None)
    except av.FFmpegError:
        remaining = []
    for picture in remaining:
        yield from expected.shown(picture)
    yield from expected.rest()


def seek(container: InputContainer, stream: VideoStream, target: int) -> None:
    """Goes to the last key frame at or before a stamp, in ticks; for a stream of which nothing was decoded yet.

    The first picture is decoded before: with 4:4:4 video of x264 from before 2017, FFmpeg decodes all others wrongly
    until it has seen there which version wrote them.
    """
    _prepare(stream)
    with suppress(av.FFmpegError):
        next(container.decode(stream), None)
    container.seek(target, stream=stream)


def _prepare(stream: VideoStream) -> None:
    if stream.codec_context.is_open:
        return
    stream.thread_type = "SLICE"  # with frame threads, errors would be reported some packets too late
    stream.codec_context.options = {"err_detect": "explode"}  # half a picture filled with grey is not a frame


class _Expected:
    """Keeps the stamps of the packets that were decoded, to find the pictures that did not come out.

    AVI has no presentation stamps: its pictures get the packets' decoding stamps, one after another.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._in_turn = container.format.name == "avi"
        self._waiting: list[tuple[int, int]] = []
        self._reasons: dict[tuple[int, int], str] = {}
        self._second_field = False
        self._part = self._part_shown = 0
        self._last: int | None = None
        self._jump = int(JUMP / stream.time_base) if stream.time_base else 0

    def stamp_of(self, packet: av.Packet) -> int | None:
        """The stamp that identifies a packet."""
        return packet.dts if self._in_turn else packet.pts

    def add(self, packet: av.Packet) -> None:
        """Adds a packet before it is decoded."""
        time = packet.pts if packet.dts is None else packet.dts
        if time is not None:
            if self._last is not None and time < self._last - self._jump:
                self._part += 1
            self._last = time
        stamp = self.stamp_of(packet)
        if stamp is not None and not packet.is_discard:
            heappush(self._waiting, (self._part, stamp))

    def failed(self, stamp: int, reason: str) -> None:
        """Notes why the packet added last has no picture."""
        self._reasons[self._part, stamp] = reason

    def shown(self, picture: av.VideoFrame) -> Iterator[Decoded]:
        """Yields a picture that came out, after the lost ones before it."""
        if self._in_turn:
            if picture.is_corrupt and self._reasons:  # the failed one comes out nevertheless
                del self._reasons[min(self._reasons)]
            stamp = yield from self._next_in_turn()
        else:
            stamp = picture.pts
            if stamp is not None:
                yield from self._up_to(stamp)
        self._second_field = bool(picture.interlaced_frame)
        yield stamp, _INCOMPLETE if picture.is_corrupt else picture

    def rest(self) -> Iterator[Decoded]:
        """Yields those that never came out."""
        while self._waiting:
            yield from self._lost(heappop(self._waiting))

    def _next_in_turn(self) -> Generator[Decoded, None, int | None]:
        while self._waiting:
            key = heappop(self._waiting)
            if key not in self._reasons:
                return key[1]
            yield from self._lost(key)
        return None

    def _up_to(self, stamp: int) -> Iterator[Decoded]:
        known = set(self._waiting)
        part = next((part for part in range(self._part_shown, self._part + 1) if (part, stamp) in known), None)
        if part is None:
            return  # a second picture of the same packet, or a stamp that the decoder made up
        self._part_shown = part
        while (first := heappop(self._waiting)) != (part, stamp):
            yield from self._lost(first)

    def _lost(self, key: tuple[int, int]) -> Iterator[Decoded]:
        reason = self._reasons.pop(key, "")
        if reason or not self._second_field:  # else the packet contained the other field of the previous picture
            yield key[1], reason or _NO_PICTURE


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet | str]:
    """Yields packets with data (an empty one means "unchanged", or is FFmpeg's end mark), and read errors."""
    packets, errors = container.demux(stream), 0
    while errors < _MOST_READ_ERRORS:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            errors += 1
            yield f"the file can't be read there ({_words(error)})"
            packets = container.demux(stream)
            continue
        errors = 0
        if packet.size:
            yield packet


def _words(error: av.FFmpegError) -> str:
    return (error.strerror or str(error)).strip().rstrip(".").lower()
