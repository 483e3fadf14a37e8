"""Decodes a stream's packets into pictures in the order of presentation, with a reason for each lost one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dlstream_common.jpeg import ends_in_zeros
from dlstream_common.video._avi_index import in_index
from dlstream_common.video._cuts import Cuts, Decoded
from dlstream_common.video._expected import Expected
from dlstream_common.video._ffv1 import SliceSums
from dlstream_common.video._gaps import Gaps, with_shortfall
from dlstream_common.video._in_turn import InTurn
from dlstream_common.video._mpeg_order import in_shown_order, is_made_up, is_unchanged

_MOST_READ_ERRORS = 100
"""Consecutive errors after which the rest of a file counts as unreadable."""
_EMPTY = "the file has no data for it"
_HEADLESS = "the file lacks it: the head of its data is damaged"
_ZEROS = "its data is damaged (it ends in zeros)"
_TAIL = 16
"""Bytes at the end of a JPEG that are looked at first."""
_WRONG_SUM = "its data is damaged (a slice contradicts its check sum)"


def decode(container: InputContainer, stream: VideoStream, sought: bool = False) -> Iterator[Decoded]:
    """Yields every picture to be shown; FFmpeg decodes and drops what an edit list hides.

    Args:
        sought: not from the beginning of the file; then it does not matter what is missing before.
    """
    _prepare(stream)
    form = container.format.name
    cuts: Cuts | Gaps | None = None
    if form == "mpegts" and stream.time_base:
        cuts = Cuts(float(1 / stream.time_base))
    elif form == "matroska,webm" and not sought:
        cuts = Gaps(container, stream)
    decoded = _decoded(container, stream, cuts, sought)
    if form == "avi" and not sought:
        decoded = with_shortfall(decoded, stream.frames, len(stream.index_entries))
    return cuts.told(decoded) if cuts else decoded


def strict_decoder(context: av.VideoCodecContext) -> None:
    """Has a decoder, before it is opened, report a damaged frame: FFmpeg shows it patched up, unmarked."""
    context.thread_type = "SLICE"  # with frame threads, errors would be reported some packets too late
    options = {"err_detect": "crccheck+explode"}
    if context.name == "h264":
        context.thread_count = 1  # with slice threads, FFmpeg drops the errors of all slices
        options = {"err_detect": "crccheck"}  # an error would take a frame along that waits for its turn; flags do not
    context.options = {**context.options, **options}


def _decoded(
    container: InputContainer, stream: VideoStream, cuts: Cuts | Gaps | None, sought: bool
) -> Iterator[Decoded]:
    packets, codec = _packets(container, stream), stream.codec_context.name
    is_avi = container.format.name == "avi"
    is_stamped = not is_avi
    if is_avi:
        packets, is_stamped = in_shown_order(in_index(packets, container, stream, sought), codec)
    expected: Expected | InTurn = Expected(stream) if is_stamped else InTurn()
    sums = SliceSums() if codec == "ffv1" else None
    for packet in packets:
        if isinstance(packet, str):
            yield None, packet
            continue
        if not is_avi or not is_unchanged(packet, codec):
            expected.add(packet)
        if cuts:
            cuts.add(packet)
        reason = "" if packet.size else _HEADLESS if is_avi else _EMPTY
        pictures: list[av.VideoFrame] = []
        if packet.size:
            try:
                pictures = [picture for picture in packet.decode() if not is_made_up(picture, codec)]
            except av.FFmpegError as error:
                reason = f"its data is damaged ({_words(error)})"
            if sums and sums.is_damaged(bytes(packet)):
                reason, pictures = _WRONG_SUM, []
            if codec == "mjpeg" and not any(memoryview(packet)[-_TAIL:]) and ends_in_zeros(bytes(packet)):
                reason, pictures = _ZEROS, []
        if reason:
            yield from expected.failed(packet, reason)
        for number, picture in enumerate(pictures, 1):
            yield from expected.shown(picture, len(pictures) - number)
    try:
        remaining = stream.decode(None)
    except av.FFmpegError:
        remaining = []
    for picture in remaining:
        expected.ended()
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
            if errors == 1:  # it is one place, however often it is tried
                yield f"the file can't be read there ({_words(error)})"
            packets = container.demux(stream)
            continue
        errors = 0
        if packet.size or (packet.pts is not None and container.format.name != "avi"):  # FFmpeg's end mark has no stamp
            yield packet


def _words(error: av.FFmpegError) -> str:
    return (error.strerror or str(error)).strip().rstrip(".").lower()
