"""A Matroska file with one video track, which stays readable wherever it is cut off.

Why not a library's muxer: FFmpeg's rounds every stamp to a millisecond, keeps frames in a buffer, and refuses the
lossless codec that is fast enough (see `_encoders`). Here a frame is one cluster with its stamp in nanoseconds,
passed to the operating system at once, so that a killed recorder leaves a file that every player opens. At the end,
the index (cues), the duration and the frame rate are written into space reserved for them at the start.

Format: RFC 9559.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlstream_recorder.writers._ebml import Element, element, elements, id_bytes, size_bytes, unsigned, void
from dlstream_recorder.writers._files import AppendFile, Bytes

SEGMENT, INFO, TRACKS, CLUSTER, CUES = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
TIMESTAMP, SIMPLE_BLOCK = 0xE7, 0xA3
_EBML, _SEEK_HEAD, _TRACK, _DATE = 0x1A45DFA3, 0x114D9B74, 0xAE, 0x4461

_EPOCH_2001 = 978_307_200_000_000_000  # Matroska counts dates from 2001-01-01, in nanoseconds
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_SEEK_SPACE = 64
_DURATION_SPACE = 18
_FRAME_DURATION_SPACE = 19
_SECOND = 1_000_000_000
_CUE_INTERVAL = _SECOND // 2
_ONLY_FRAME = 33_333_333  # duration of the frame in a video of a single frame


@dataclass(frozen=True)
class Track:
    """The video's properties for the header."""

    name: str
    codec: str
    private: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Places:
    """Offsets of the space that `complete` fills, and the stamp of the first frame."""

    segment: int
    duration: int
    frame_duration: int
    clusters: int
    start: int


@dataclass(frozen=True, slots=True)  # two are kept for each second of a video
class Cluster:
    """The offset of one frame, and its pts in nanoseconds."""

    offset: int
    pts: int
    keyframe: bool


class MatroskaWriter:
    """Writes one file, frame by frame.

    Args:
        path: must not exist.
        track: the video's properties.
        start: stamp of the first frame, in nanoseconds since the epoch; stored in the header.

    Raises:
        RecordingError: the file exists or can't be written.
    """

    def __init__(self, path: Path, track: Track, start: int) -> None:
        head = header(track, start)
        self._places = find_places(head)
        self._file = AppendFile(path)
        self._file.write(head)
        self._cues: list[Cluster] = []
        self._last = 0
        self._header_pts = 0
        self.frames = 0

    def write(self, data: Bytes, pts: int, keyframe: bool) -> None:
        """Appends one encoded frame; `pts` in nanoseconds, greater than that of the last frame."""
        cluster = Cluster(self._file.size, pts, keyframe)
        flags = struct.pack(">BhB", 0x81, 0, 0x80 if keyframe else 0)
        block = id_bytes(SIMPLE_BLOCK) + size_bytes(len(flags) + len(data)) + flags
        head = unsigned(TIMESTAMP, pts) + block
        self._file.write(id_bytes(CLUSTER) + size_bytes(len(head) + len(data)) + head, data)
        self.frames += 1
        self._last = pts
        if is_cue(cluster, self._cues):
            self._cues.append(cluster)
        if pts - self._header_pts >= _SECOND:
            self._header_pts = pts
            fill(self._file, self._places, self.frames, pts)

    def sync(self) -> None:
        """See AppendFile.sync."""
        self._file.sync()

    def close(self) -> None:
        """Completes the file. On a full disk it is left as it is: playable, without an index."""
        try:
            complete(self._file, self._places, self._cues, self.frames, self._last)
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Closes the file as it is."""
        self._file.close()


def is_cue(cluster: Cluster, cues: Sequence[Cluster]) -> bool:
    """Whether the index should list this frame: a keyframe at least half a second after the last one listed."""
    return cluster.keyframe and (not cues or cluster.pts - cues[-1].pts >= _CUE_INTERVAL)


def header(track: Track, start: int) -> bytes:
    """Everything before the first frame, with space reserved for what is known only at the end."""
    ebml = element(
        _EBML,
        unsigned(0x4286, 1, 1),  # version of EBML, then the longest id and size
        unsigned(0x42F7, 1, 1),
        unsigned(0x42F2, 4, 1),
        unsigned(0x42F3, 8, 1),
        element(0x4282, b"matroska"),
        unsigned(0x4287, 4, 1),
        unsigned(0x4285, 2, 1),
    )
    information = element(
        INFO,
        unsigned(0x2AD7B1, 1, 1),  # a tick is one nanosecond
        element(0x4D80, b"dlstream"),
        element(0x5741, b"dlstream_recorder"),
        element(_DATE, struct.pack(">q", start - _EPOCH_2001)),
        void(_DURATION_SPACE),
    )
    track_entry = element(
        _TRACK,
        unsigned(0xD7, 1, 1),  # number, uid, type video, no lacing
        unsigned(0x73C5, 1, 1),
        unsigned(0x83, 1, 1),
        unsigned(0x9C, 0, 1),
        element(0x536E, track.name.encode()),
        element(0x22B59C, b"und"),
        element(0x86, track.codec.encode()),
        element(0x63A2, track.private),
        void(_FRAME_DURATION_SPACE),
        element(0xE0, unsigned(0x9A, 2, 1), unsigned(0xB0, track.width, 4), unsigned(0xBA, track.height, 4)),
    )
    segment = id_bytes(SEGMENT) + _UNKNOWN_SIZE
    return ebml + segment + void(_SEEK_SPACE) + information + element(TRACKS, track_entry)


def find_places(head: bytes) -> Places:
    """The spaces that `header` reserved, filled or not; `head` may extend beyond the header.

    Raises:
        ValueError: `head` was not written by `header`.
    """
    segment = _child(head, Element(0, 0, len(head)), SEGMENT).start
    inside = Element(SEGMENT, segment, len(head) - segment)
    information = list(_children(head, _child(head, inside, INFO)))
    tracks = _child(head, inside, TRACKS)
    if tracks.end > len(head) or len(information) != 5:
        raise ValueError("not a video written by dlstream")
    track = list(_children(head, _child(head, tracks, _TRACK)))
    date = head[information[3].start : information[3].end]
    return Places(
        segment,
        duration=information[3].end,
        frame_duration=track[-2].end - _FRAME_DURATION_SPACE,
        clusters=tracks.end,
        start=int(struct.unpack(">q", date)[0]) + _EPOCH_2001,
    )


def complete(file: AppendFile, places: Places, cues: Sequence[Cluster], frames: int, last: int) -> None:
    """Appends the index to a file that ends with its last cluster, and fills the space reserved in the header."""
    index_at = file.size - places.segment
    points = []
    for cue in cues:
        position = element(0xB7, unsigned(0xF7, 1, 1), unsigned(0xF1, cue.offset - places.segment))
        points.append(element(0xBB, unsigned(0xB3, cue.pts), position))
    if points:
        file.write(element(CUES, *points))
        seek = element(0x4DBB, element(0x53AB, id_bytes(CUES)), unsigned(0x53AC, index_at))
        head = element(_SEEK_HEAD, seek)
        file.patch(places.segment, head + void(_SEEK_SPACE - len(head)))
    fill(file, places, frames, last)
    file.patch(places.segment - 8, size_bytes(file.size - places.segment))


def fill(file: AppendFile, places: Places, frames: int, last: int) -> None:
    """Writes the duration and the frame rate so far into the header: players count frames by them."""
    frame = max(1, round(last / (frames - 1))) if frames > 1 else _ONLY_FRAME
    file.patch(places.duration, element(0x4489, struct.pack(">d", last + frame)))
    file.patch(places.frame_duration, unsigned(0x23E383, frame))


def _children(data: bytes, parent: Element) -> Sequence[Element]:
    return list(elements(data, parent.start, min(parent.end, len(data))))


def _child(data: bytes, parent: Element, number: int) -> Element:
    for item in _children(data, parent):
        if item.number == number:
            return item
    raise ValueError(f"not a video written by dlstream: it has no element {number:#x}")
