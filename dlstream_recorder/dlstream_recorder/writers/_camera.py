"""Records one camera: its frames and their poses."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from dlstream_common import Frame, FramePoses
from dlstream_recorder.settings import stem_of
from dlstream_recorder.writers._pose_table import is_complete
from dlstream_recorder.writers._segment import VideoSegment

FaultSink = Callable[[str, dict[str, str]], None]

_HELD = 600
_OPEN = 2  # parts that can be written: late poses belong into the one before the newest


class CameraRecorder:
    """Writes the videos and tables of one camera. Call everything except `sync` and the counts on one thread.

    Args:
        folder: of the session.
        camera: its name, with which the names of the files begin.
        video: "lossless", "h264" or "none".
        on_fault: called with what went wrong (text, values).
        on_segment: called for every video segment that is started.

    Attributes:
        parts: what session.json says of each video segment so far; see VideoSegment.describe.
    """

    def __init__(
        self, folder: Path, camera: str, video: str, on_fault: FaultSink, on_segment: Callable[[], None]
    ) -> None:
        self.camera = camera
        self.parts: list[dict[str, object]] = []
        self._segments: list[VideoSegment] = []  # of those parts the newest: files that stayed open would run out
        self._scorer, self._single = "dlstream", False
        self._individuals: Sequence[str] = ()
        self.recorded = self.poses = self.lost = 0
        self.first_stamp: int | None = None
        self.last_stamp: int | None = None
        self.last_sequence: int | None = None
        self._stem = folder / stem_of(camera)
        self._video = video
        self._on_fault = on_fault
        self._on_segment = on_segment
        self._source_dropped = self._source_base = self._dropped_in_table = 0
        self._source_known = False
        self._held: deque[tuple[FramePoses, int, bool, int]] = deque()
        self.poses_without_frame = 0
        self._gaps: deque[tuple[int, int]] = deque()
        self._lost_first: list[tuple[int, int, int]] = []
        self._other_keypoints: set[tuple[str, ...]] = set()
        self._segments_lock = threading.Lock()

    def add_frame(self, frame: Frame, recorded: int, every: bool = True, refused: Sequence[int] = ()) -> None:
        """Records a frame, and poses of it that arrived before it.

        Args:
            every: whether every frame of the camera should arrive, so that a gap in their sequence is a loss.
            refused: sequences of frames since the last one for which there was no room. They are lost, too, but whoever
                refused them has said so.
        """
        self._count(frame, every, refused)
        if not self._segments or not self._segments[-1].accepts(frame):
            self._begin_segment(frame)
            self._write_lost()
        self._dropped_in_table = self.dropped
        self._segments[-1].add_frame(frame, self.dropped, recorded)
        self.recorded += 1
        held, self._held = self._held, deque()
        for item in held:
            self._add(*item)

    def add_poses(self, poses: FramePoses, recorded: int, published: int = 0) -> None:
        """Records the poses of a frame, now or as soon as the frame has arrived."""
        self._add(poses, recorded, truth=False, published=published)

    def add_ground_truth(self, poses: FramePoses) -> None:
        """Records the true poses of a frame."""
        self._add(poses, 0, truth=True)

    def set_network(self, scorer: str, individuals: Sequence[str]) -> None:
        """Sets the scorer's name in the tables of poses, and whose poses they are.

        With several individuals, the tables of poses have all of them, seen or not, as those of `dlstream track`.
        """
        self._scorer, self._single = scorer, len(individuals) == 1
        self._individuals = () if self._single else tuple(individuals)
        for segment in self._segments:
            segment.poses.describe(scorer, self._single, self._individuals)
            segment.ground_truth.describe("ground_truth", self._single)

    def add_lost(self, sequence: int, stamp: int) -> None:
        """Counts a frame that can't be decoded, and writes an empty row for it, so that row n stays frame n."""
        self.lost += 1
        self.last_sequence, self.last_stamp = sequence, stamp
        self._lost_first.append((sequence, stamp, self.dropped))
        if self._segments:
            self._write_lost()

    def _write_lost(self) -> None:
        for sequence, stamp, dropped in self._lost_first:
            self._segments[-1].add_lost(sequence, stamp, dropped)
            self._dropped_in_table = dropped
        self._lost_first.clear()

    def add_source_dropped(self, dropped: int, from_start: bool = False) -> None:
        """Records the source's own count of the frames that it lost.

        Args:
            from_start: the session has the camera's first frame, so that all these losses are in it.
        """
        if not self._source_known:
            self._source_base = 0 if from_start else -dropped
        elif dropped < self._source_dropped:  # the camera was started again
            self._source_base += self._source_dropped
        self._source_known = True
        self._source_dropped = dropped

    @property
    def dropped(self) -> int:
        """Frames acquired since the start of the session that are not in the videos."""
        return self.lost + self._source_base + self._source_dropped

    @property
    def dropped_since(self) -> int:
        """Those of them lost after the last recorded frame, which no row of the table counts."""
        return max(0, self.dropped - self._dropped_in_table) if self.recorded else self.dropped

    def report_gaps(self) -> None:
        """Reports frames found lost since the last call. May be called on any thread."""
        gaps = [self._gaps.popleft() for _ in range(len(self._gaps))]
        if gaps:
            count = sum(last - first + 1 for first, last in gaps)
            values = {"frames": str(count), "first_sequence": str(gaps[0][0]), "last_sequence": str(gaps[-1][1])}
            what = "1 frame was" if count == 1 else f"{count} frames were"
            self._on_fault(f"{what} lost on the way to the recorder", values)

    def sync(self) -> None:
        """See AppendFile.sync."""
        with self._segments_lock:
            segments = list(self._segments)
        for segment in segments:
            segment.sync()

    def finish(self) -> None:
        """Completes and closes all files, each of them even if another one fails.

        Raises:
            RecordingError: the first failure.
        """
        errors = []
        self.report_gaps()
        self.poses_without_frame += sum(not truth and self._follows_start(poses) for poses, _, truth, _ in self._held)
        if self.poses_without_frame:
            text = f"poses of frames that are not in the video: {self.poses_without_frame}; they are only in the bag"
            self._on_fault(text, {"poses": str(self.poses_without_frame)})
        for segment in self._segments:
            try:
                segment.finish()
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _count(self, frame: Frame, every: bool, refused: Sequence[int]) -> None:
        last = self.last_sequence
        if every and last is not None and frame.sequence > last + 1:
            self.lost += frame.sequence - last - 1
            self._gaps += _without(refused, last + 1, frame.sequence)
        elif last is not None and frame.sequence <= last:
            values = {"sequence": str(frame.sequence), "last_sequence": str(last)}
            self._on_fault("the camera started counting again: it was restarted, or two cameras have that name", values)
        self.last_sequence, self.last_stamp = frame.sequence, frame.stamp
        if self.first_stamp is None:
            self.first_stamp = frame.stamp

    def _begin_segment(self, frame: Frame) -> None:
        stem = self._stem
        if self._segments:
            stem = stem.with_name(f"{stem.name}.{len(self.parts) + 1}")
        start = self._lost_first[0][1] if self._lost_first else frame.stamp
        segment = VideoSegment(stem, frame, self._video, self._scorer, self._single, start, self._individuals)
        if self._segments:
            before = self._segments[-1]
            if (before.shape, before.encoding) == (frame.image.shape, frame.encoding):
                reason = "the clock was set back: recording continues in a new file"
            else:
                reason = "the images changed: recording continues in a new file"
            values = {"file": segment.stem.name, "before": _looks(before.shape, before.encoding)}
            self._on_fault(reason, {**values, "now": _looks(segment.shape, segment.encoding)})
        with self._segments_lock:
            self._segments.append(segment)
            past, self._segments = self._segments[:-_OPEN], self._segments[-_OPEN:]
        self.parts.append(segment.describe())
        self._on_segment()
        for one in past:
            one.finish()

    def _add(self, poses: FramePoses, recorded: int, truth: bool, published: int = 0) -> None:
        for segment in reversed(self._segments):
            table = segment.ground_truth if truth else segment.poses
            row = table.row_of(poses)
            if row is None:
                continue
            if not table.fits(poses):
                self._refuse(poses)
            elif truth:
                table.write(row, poses)
            else:
                segment.add_poses(row, poses, recorded, published)
                self.poses += 1
            return
        self._held.append((poses, recorded, truth, published))
        if len(self._held) > _HELD:
            old, _, was_truth, _ = self._held.popleft()
            self.poses_without_frame += not was_truth and self._follows_start(old)

    def _follows_start(self, poses: FramePoses) -> bool:
        return self.first_stamp is not None and poses.stamp >= self.first_stamp

    def _refuse(self, poses: FramePoses) -> None:
        if poses.keypoints not in self._other_keypoints:
            self._other_keypoints.add(poses.keypoints)
            values = {"keypoints": ", ".join(poses.keypoints)}
            what = (
                "with other keypoints than the table's" if is_complete(poses) else "without a place for each keypoint"
            )
            self._on_fault(f"poses {what} are only in the bag", values)


def _without(numbers: Iterable[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    """The first and last numbers of what is left of a range without `end`."""
    for number in sorted(set(numbers)):
        if start <= number < end:
            if start < number:
                yield start, number - 1
            start = number + 1
    if start < end:
        yield start, end - 1


def _looks(shape: tuple[int, ...], encoding: str) -> str:
    return f"{shape[1]}x{shape[0]} {encoding}"
