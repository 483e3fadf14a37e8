"""One video and its tables: a camera's frames as long as its images keep their size and encoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from dlstream_common import Frame, FramePoses
from dlstream_recorder.writers._csv import CsvFile
from dlstream_recorder.writers._encoders import create_encoder
from dlstream_recorder.writers._matroska import MatroskaWriter, Track
from dlstream_recorder.writers._pose_table import PoseTable

FRAME_COLUMNS = ("frame", "sequence", "stamp_ns", "dropped", "recorded_ns", "pts_ns", "lost")
LATENCY_COLUMNS = (
    "frame",
    "sequence",
    "stamp_ns",
    "received_ns",
    "inference_start_ns",
    "inference_end_ns",
    "published_ns",
    "recorded_ns",
    "dropped",
)
_BACKWARDS = 1_000_000_000


class VideoSegment:
    """`top.mkv`, `top.frames.csv`, `top.poses.csv`, `top.latency.csv`, `top.ground_truth.csv`; then `top.2.mkv`, ...

    A frame has the same row, counted from 0, in the video and in all tables.

    Args:
        stem: path of the files without their endings.
        first: the first frame, which sets size and encoding.
        video: "lossless", "h264" or "none".
        scorer: name of the network for the table of poses.
        single: whether the tables are those of a single animal.
        start: stamp of the first row; default: that of the first frame.
        individuals: those that the table of poses has from the start.

    Raises:
        RecordingError: the files can't be written, or no encoder accepts such images.
    """

    def __init__(
        self,
        stem: Path,
        first: Frame,
        video: str,
        scorer: str,
        single: bool = False,
        start: int | None = None,
        individuals: Sequence[str] = (),
    ) -> None:
        self.stem = stem
        self.shape, self.encoding = first.image.shape, first.encoding
        self.start = first.stamp if start is None else start
        self.frames = 0
        self._last = first.stamp
        self._pts = -1
        self._encoder = None if video == "none" else create_encoder(video, first.image, first.encoding)
        self._video: MatroskaWriter | None = None
        if self._encoder is not None:
            size = self._encoder.width, self._encoder.height
            track = Track(first.camera, self._encoder.codec, self._encoder.private, *size)
            self._video = MatroskaWriter(self.file("mkv"), track, first.stamp)
        self._frames = CsvFile(self.file("frames.csv"), [FRAME_COLUMNS])
        self._latency: CsvFile | None = None
        self.poses = PoseTable(self.file("poses.csv"), scorer, single, individuals)
        self.ground_truth = PoseTable(self.file("ground_truth.csv"), "ground_truth", single)

    def file(self, ending: str) -> Path:
        """Path of the file with this ending."""
        return self.stem.with_name(f"{self.stem.name}.{ending}")

    def describe(self) -> dict[str, object]:
        """Its entry in session.json."""
        return {
            "video": self.file("mkv").name if self._video else None,
            "frames": self.file("frames.csv").name,
            "start_ns": self.start,
            "width": self.shape[1],
            "height": self.shape[0],
            "encoding": self.encoding,
        }

    def accepts(self, frame: Frame) -> bool:
        """Whether this frame can continue the video: not if the images changed or the clock was set back."""
        same = frame.image.shape == self.shape and frame.encoding == self.encoding
        return same and frame.stamp > self._last - _BACKWARDS

    def add_frame(self, frame: Frame, dropped: int, recorded: int) -> None:
        """Writes one frame. If frames share a stamp, the later ones' pts are a nanosecond apart."""
        pts = frame.stamp - self.start
        if pts <= self._pts:
            pts = self._pts + 1
        if self._encoder is not None and self._video is not None:
            packet = self._encoder.encode(frame.image, pts)
            self._video.write(packet.data, pts, packet.keyframe)
        self._pts, self._last = pts, frame.stamp
        row, self.frames = self.frames, self.frames + 1
        self._frames.write([(row, frame.sequence, frame.stamp, dropped, recorded, pts, 0)])
        self.poses.expect(row, frame.stamp, frame.sequence)
        self.ground_truth.expect(row, frame.stamp, frame.sequence)

    def add_lost(self, sequence: int, stamp: int, dropped: int) -> None:
        """Writes a row for a frame that can't be decoded. It has no poses."""
        self._pts, self._last = max(self._pts + 1, stamp - self.start), stamp
        self._frames.write([(self.frames, sequence, stamp, dropped, 0, self._pts, 1)])
        self.frames += 1

    def add_poses(self, row: int, poses: FramePoses, recorded: int, published: int = 0) -> None:
        """Writes the poses of the frame in `row`, and when the pose node had them."""
        self.poses.write(row, poses)
        if self._latency is None:
            self._latency = CsvFile(self.file("latency.csv"), [LATENCY_COLUMNS])
        stamps = (poses.received, poses.inference_start, poses.inference_end, published, recorded)
        self._latency.write([(row, poses.sequence, poses.stamp, *stamps, poses.dropped)])

    def sync(self) -> None:
        """See AppendFile.sync."""
        for file in (self._video, self._frames, self._latency, self.poses, self.ground_truth):
            if file is not None:
                file.sync()

    def finish(self) -> None:
        """Completes and closes the files, each of them even if another one fails.

        Raises:
            RecordingError: the first failure.
        """
        files = [file for file in (self._video, self._frames, self._latency) if file is not None]
        steps: list[Callable[[], None]] = [file.close for file in files]
        steps += [partial(table.finish, self.frames) for table in (self.poses, self.ground_truth)]
        errors = []
        for step in steps:
            try:
                step()
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]
