"""A video file, decoded by FFmpeg frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from math import ceil
from pathlib import Path
from shlex import quote

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from dlstream_common.errors import SourceError
from dlstream_common.file_kinds import IMAGES, MP4, VIDEOS, kind_of_file
from dlstream_common.frame import Image
from dlstream_common.video._decoding import decode, seek
from dlstream_common.video._doubts import doubt_about_bits, doubt_about_pixels, doubts_about_times, own_rate
from dlstream_common.video._items import LostFrame, VideoFrame, other_size
from dlstream_common.video._pixels import Orientation, ToImage
from dlstream_common.video._timeline import Timeline
from dlstream_common.video._truncation import announced_size, appended_at, has_index

_NO_TIMES = 0x80
"""FFmpeg's flag of formats without times, such as raw H.264."""
_NOBODYS_RATE = Fraction(1009, 64)
"""FFmpeg's default for streams without times, instead of 25: if FFmpeg returns it, the stream has no rate."""
_LARGE_JPEGS = "jpeg_pipe"
"""What FFmpeg takes a stream of JPEGs for, if the first ones are large."""
_USUAL_RATE = Fraction(30)
_TRACE = 1e-3
"""Ticks by which a time may be too late, as it was rounded."""


class VideoFile:
    """A video, see `FrameFile`.

    Args:
        fps: frames per second, instead of the file's own times; 0: its own times.
        pixels: makes, for each time that the file is read, what converts FFmpeg's pictures to images; default: as in a
            `VideoFrame`.
        origin: nanoseconds of the file's own time from which times count; default: that of the first frame.

    Attributes:
        seconds: its duration according to its header; 0 if unknown.
        width, height: of its first frame that can be decoded; frames of another size are lost ones.

    Raises:
        SourceError: it can't be opened, is truncated, has no frame that can be decoded, or has no times and no `fps`
            is given.
    """

    def __init__(
        self,
        path: Path,
        fps: float = 0.0,
        pixels: Callable[[], Callable[[av.VideoFrame], Image]] = ToImage,
        origin: int | None = None,
    ) -> None:
        self.path, self._pixels, self._origin = path, pixels, origin
        _check_file(path)
        with _opened(path) as container:
            _check_container(container, path)
            stream, remarks = _stream_of(container, path)
            self._timeless = bool(container.format.flags & _NO_TIMES)
            own = _own_rate(stream, self._timeless)
            if self._timeless and not fps:
                if own is None:
                    raise SourceError(
                        f"{path}: found a {container.format.name} stream, which has neither times nor a frame rate; "
                        "expected one of them. Give the camera's rate: --fps 30, or 'fps: 30' in the rig file"
                    )
                remarks.append(
                    f"a {container.format.name} stream without times; its frame rate of {float(own):g} fps is used. "
                    "--fps (in a rig file: 'fps') sets another rate"
                )
            self._counted = self._timeless or fps > 0
            if not self._counted:
                remarks += doubts_about_times(path, container, stream, own)
            remarks += doubt_about_pixels(stream)
            self._rate = Fraction(fps).limit_denominator(10**6) if fps else own or _USUAL_RATE
            self.fps = float(self._rate) if fps or own else None
            self.expected = _expected(container, stream, own)
            self.seconds = _seconds(container, stream)
            first = self._first(container, stream)
            turned = Orientation.of(first).transposed
            self.width, self.height = (first.height, first.width) if turned else (first.width, first.height)
            remarks += doubt_about_bits(first)
        self.remarks = tuple(remarks)

    def frames(self) -> Iterator[VideoFrame | LostFrame]:
        """See `FrameFile`."""
        with _opened(self.path) as container:
            stream, _ = _stream_of(container, self.path)
            timeline = Timeline(None if self._counted else stream.time_base, self._rate, self._origin)
            orientation: Orientation | None = None
            pixels = self._pixels()
            depends = not stream.codec_context.codec.intra_only
            for number, (stamp, found) in enumerate(decode(container, stream)):
                time = timeline.time(number, stamp)
                if isinstance(found, str):
                    smeared = "; the frames up to the next key frame depend on it and may be smeared" if depends else ""
                    yield LostFrame(number, time, found + smeared)
                    continue
                if orientation is None:
                    orientation = Orientation.of(found)
                image = orientation.turn(pixels(found))
                if image.shape[:2] != (self.height, self.width):
                    yield other_size(number, time, image, self.width, self.height, "the first frame")
                    continue
                yield VideoFrame(number, time, image)

    def image_at(self, seconds: float) -> Image | None:
        """The first decodable frame at or after a time, or the last one before it; None if there is none."""
        with _opened(self.path) as container:
            stream, _ = _stream_of(container, self.path)
            assert stream.time_base is not None
            target = ceil(seconds / stream.time_base - _TRACE) + (stream.start_time or 0)
            if target > (stream.start_time or 0):
                seek(container, stream, target)
            last: av.VideoFrame | None = None
            for _, found in decode(container, stream, sought=True):
                if isinstance(found, str):
                    continue
                last = found
                if found.pts is None or found.pts >= target:
                    break
            return None if last is None else Orientation.of(last).turn(self._pixels()(last))

    def _first(self, container: InputContainer, stream: VideoStream) -> av.VideoFrame:
        for _, found in decode(container, stream):
            if not isinstance(found, str):
                return found
        raise SourceError(f"{self.path}: found no frame that can be decoded; expected a video")


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise SourceError(f"{path}: found no such file; expected a video")
    try:
        there = path.stat().st_size
        if there == 0:
            raise SourceError(f"{path}: found an empty file; expected a video")
        announced = announced_size(path)
        rest = "or save what is there with 'ffmpeg -i FILE -c copy NEW'"
        if announced is not None and not has_index(path):
            rest = "as its index, which is at the end of such files, is missing"
        second = appended_at(path)
    except OSError as error:
        raise SourceError(f"{path}: can't be read ({error.strerror}); expected a video") from error
    if announced is not None:
        raise SourceError(
            f"{path}: found {there} bytes; expected {announced}, by the sizes in the file. It is truncated: copy it "
            f"again, {rest}"
        )
    if second is not None:
        raise SourceError(
            f"{path}: found a second MP4 appended to the first at byte {second}, which players leave out; expected "
            f"one. Split them: `head -c {second} {quote(str(path))} > 1.mp4` and "
            f"`tail -c +{second + 1} {quote(str(path))} > 2.mp4`"
        )


def _opened(path: Path) -> InputContainer:
    # "file:" keeps a name with a colon from being taken for a URL.
    name, options = f"file:{path}", {"framerate": f"{_NOBODYS_RATE}"}
    try:
        container = av.open(name, options=options)
        if container.format.name != _LARGE_JPEGS:
            return container
        container.close()
        return av.open(name, format="mjpeg", options=options)
    except (av.FFmpegError, ValueError) as error:
        kind = kind_of_file(path)
        if kind and kind not in VIDEOS:
            raise SourceError(f"{path}: found {kind}; expected a video") from error
        if kind == MP4 and not has_index(path):
            raise SourceError(
                f"{path}: found an MP4 without its index (moov), which recorders write at the end; expected a whole "
                "video. Is it still being recorded? If its recorder was killed: the tool untrunc repairs it, with a "
                "whole video of the same camera"
            ) from error
        raise SourceError(
            f"{path}: found no video that can be read ({path.stat().st_size} bytes); expected a whole video file. "
            "Is it truncated, or not a video?"
        ) from error


def _check_container(container: InputContainer, path: Path) -> None:
    """Refuses an image with the name of a video, which would be a video of one frame."""
    kind, form = kind_of_file(path), container.format.name
    if kind in IMAGES and (form.endswith("_pipe") or (form == "mjpeg" and _is_one_picture(path))):
        raise SourceError(f"{path}: found {kind}; expected a video. Rename it, so that its ending says so")


def _is_one_picture(path: Path) -> bool:
    with _opened(path) as container:
        packets = (packet for packet in container.demux(video=0) if packet.size)
        return len(list(islice(packets, 2))) < 2


def _stream_of(container: InputContainer, path: Path) -> tuple[VideoStream, list[str]]:
    """The first stream of moving pictures, and remarks on the choice."""
    covers = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        there = "sound" if container.streams.audio else "no video"
        there += " and a cover picture" if container.streams.video else ""
        raise SourceError(f"{path}: found {there}; expected a video")
    remarks = []
    if len(streams) > 1:
        sizes = ", ".join(f"{stream.width}x{stream.height}" for stream in streams)
        remarks.append(f"{len(streams)} video streams ({sizes}); the first one is read")
    return streams[0], remarks


def _own_rate(stream: VideoStream, timeless: bool) -> Fraction | None:
    if not timeless:
        return own_rate(stream, _NOBODYS_RATE)
    rate = stream.codec_context.framerate
    return Fraction(rate) if rate and 0 < rate < 10_000 and rate != _NOBODYS_RATE else None


def _seconds(container: InputContainer, stream: VideoStream) -> float:
    """Its duration according to its header; 0 if unknown."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _expected(container: InputContainer, stream: VideoStream, rate: Fraction | None) -> int:
    if stream.duration and stream.time_base and rate:
        return round(stream.duration * stream.time_base * rate)
    if stream.frames:
        return int(stream.frames)
    return round(container.duration / av.time_base * (rate or _USUAL_RATE)) if container.duration else 0
