"""Decodes a stream's packets into pictures in the order of presentation, with a reason for each lost one."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from statistics import median

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dlstream_common.video._cuts import FIELD, Cuts, Decoded
from dlstream_common.video._ffv1 import SliceSums
from dlstream_common.video._timeline import JUMP

_MOST_READ_ERRORS = 100
"""Consecutive errors after which the rest of a file counts as unreadable."""
_STEPS = 9
"""Last steps from picture to picture that show the time of a frame."""
_NO_PICTURE = "the decoder returns no picture for its data"
_INCOMPLETE = "its data is incomplete"
_EMPTY = "the file has no data for it"
_WRONG_SUM = "its data is damaged (a slice contradicts its check sum)"


def decode(container: InputContainer, stream: VideoStream) -> Iterator[Decoded]:
    """Yields every picture to be shown; FFmpeg decodes and drops what an edit list hides."""
    _prepare(stream)
    if container.format.name != "mpegts" or not stream.time_base:
        return _decoded(container, stream, None)
    cuts = Cuts(float(1 / stream.time_base))
    return cuts.told(_decoded(container, stream, cuts))


def strict_decoder(context: av.VideoCodecContext) -> None:
    """Has a decoder, before it is opened, report a damaged frame: FFmpeg shows it patched up, unmarked."""
    context.thread_type = "SLICE"  # with frame threads, errors would be reported some packets too late
    options = {"err_detect": "crccheck+explode"}
    if context.name == "h264":
        context.thread_count = 1  # with slice threads, FFmpeg drops the errors of all slices
        options = {"err_detect": "crccheck"}  # an error would take a frame along that waits for its turn; flags do not
    context.options = {**context.options, **options}


def _decoded(container: InputContainer, stream: VideoStream, cuts: Cuts | None) -> Iterator[Decoded]:
    expected = _Expected(container, stream)
    sums = SliceSums() if stream.codec_context.name == "ffv1" else None
    for packet in _packets(container, stream):
        if isinstance(packet, str):
            yield None, packet
            continue
        expected.add(packet)
        if cuts:
            cuts.add(packet)
        reason = "" if packet.size else _EMPTY
        pictures: list[av.VideoFrame] = []
        if packet.size:
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                reason = f"its data is damaged ({_words(error)})"
            if sums and sums.is_damaged(bytes(packet)):
                reason, pictures = _WRONG_SUM, []
        if reason and not packet.is_discard:
            stamp = expected.stamp_of(packet)
            if stamp is None:
                yield None, reason
            else:
                expected.failed(stamp, reason)
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
    strict_decoder(stream.codec_context)


class _Expected:
    """Keeps the stamps of the packets that were decoded, to find the pictures that did not come out.

    AVI has no presentation stamps: its pictures get the packets' decoding stamps, one after another.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._in_turn = container.format.name == "avi"
        self._waiting: list[tuple[int, int]] = []
        self._reasons: dict[tuple[int, int], str] = {}
        self._gone: set[tuple[int, int]] = set()
        self._interlaced = False
        self._before: tuple[int, int] | None = None
        self._shown: tuple[int, int] | None = None
        self._steps: deque[int] = deque(maxlen=_STEPS)
        self._usual = 1 / (stream.average_rate * stream.time_base) if stream.average_rate and stream.time_base else 0
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
                if (self._part_shown, stamp) in self._gone:
                    return  # it comes too late, after the next one: the decoder waited for one that is missing
                yield from self._up_to(stamp)
        self._interlaced = self._interlaced or bool(picture.interlaced_frame)
        yield stamp, _INCOMPLETE if picture.is_corrupt else picture

    def rest(self) -> Iterator[Decoded]:
        """Yields those that never came out."""
        while self._waiting:
            yield from self._lost(heappop(self._waiting))

    def _next_in_turn(self) -> Generator[Decoded, None, int | None]:
        while self._waiting:
            key = heappop(self._waiting)
            if key not in self._reasons:
                self._before = key
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
        if self._shown is not None and self._shown[0] == part and stamp > self._shown[1]:
            self._steps.append(stamp - self._shown[1])
        self._before = self._shown = (part, stamp)

    def _lost(self, key: tuple[int, int]) -> Iterator[Decoded]:
        reason = self._reasons.pop(key, "")
        if self._is_second_field(key):
            return
        self._gone.add(key)
        self._before = key
        yield key[1], reason or _NO_PICTURE

    def _is_second_field(self, key: tuple[int, int]) -> bool:
        """Whether a packet without a picture has the other field of the one before it, as in H.264 of camcorders."""
        if not self._interlaced or self._before is None or self._before[0] != key[0]:
            return False
        period = median(self._steps) if self._steps else self._usual
        return key[1] - self._before[1] <= FIELD * period


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet | str]:
    """Yields packets and read errors. An empty packet of an AVI means "unchanged" and is left out."""
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
        if packet.size or (packet.pts is not None and container.format.name != "avi"):  # FFmpeg's end mark has no stamp
            yield packet


def _words(error: av.FFmpegError) -> str:
    return (error.strerror or str(error)).strip().rstrip(".").lower()
