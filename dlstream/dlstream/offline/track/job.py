"""Tracks one video: tables, annotated video, pictures. Files have temporary names until all of them are whole."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlstream import __version__
from dlstream.offline.annotated import AnnotatedVideo
from dlstream.offline.behind import Behind
from dlstream.offline.footage import Footage, Lost, open_footage
from dlstream.offline.posing import Poser, first_frame, posed_ahead
from dlstream.offline.track.inputs import Item
from dlstream.offline.track.lost import LostRow, in_words
from dlstream.offline.track.record import FORMAT, describe_video, is_same, look_up, publish, record_path
from dlstream.offline.track.settings import Outcome, Settings
from dlstream_camera import SourceSettings
from dlstream_common import DlstreamError, Frame, FramePoses, to_view
from dlstream_common.video import PictureCheck
from dlstream_pose import PoseSettings
from dlstream_pose.runtime.engines import settings_of_engine
from dlstream_pose.runtime.overlay import draw_overlay
from dlstream_recorder import PoseTable, write_error
from dlstream_recorder.export.sleap import write_slp
from dlstream_recorder.report.found import Found, found_in, nowhere
from dlstream_recorder.report.paths import walks
from dlstream_recorder.report.tables import read_poses, write_h5

Report = Callable[[int], None]
"""Called now and then with the number of frames of the video that are done."""
_CAMERA = "top"
_EVERY = 0.5
"""Seconds between two reports."""
PART = ".part"


def track_video(item: Item, settings: Settings, report: Report = lambda frames: None) -> Outcome:
    """Tracks a video unless complete results are there. What goes wrong is in the outcome, not raised."""
    try:
        found = look_up(item, settings)
        if found.complete:
            return Outcome(item.name, item.path, "complete", found.frames, found.lost)
        return _track(item, settings, report, found.reason)
    except DlstreamError as error:
        reason = str(error).removeprefix(f"{item.path}: ")
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    found = look_up(item, settings)
    if found.complete:  # another process was faster
        return Outcome(item.name, item.path, "complete", found.frames, found.lost)
    return Outcome(item.name, item.path, "failed", reason=reason)


def _track(item: Item, settings: Settings, report: Report, reason: str) -> Outcome:
    base = settings.base(item.name)
    video = describe_video(item.path)
    engine = settings_of_engine(settings.run_by, threads=settings.threads)
    poser = Poser(PoseSettings(network=settings.network, scale=settings.scale, engine=engine))
    estimator = poser.estimator
    if estimator.network.sha256 != settings.sha256:
        raise DlstreamError(
            f"{settings.network}: found a network with SHA-256 {estimator.network.sha256}; expected {settings.sha256}, "
            "as where the command was given"
        )
    footage = open_footage(item.path, _CAMERA, SourceSettings(), settings.fps)
    with _temporary(settings.out, base) as folder:
        tracked = _Tracking(item.path, footage, poser, settings, folder, base)
        tracked.run(report)
        if not is_same(item.path, video):
            raise DlstreamError(
                f"it changed while it was tracked ({video['size']} bytes at the beginning). Is it still being recorded "
                "or copied? Track it again when it is whole"
            )
        about = {
            "format": FORMAT,
            "dlstream": __version__,
            "video": video,
            "settings": settings.decisive() | {"network_file": settings.network.name},
            "engine_used": estimator.network.engine.name,
            "scorer": settings.scorer,
            "keypoints": list(estimator.info.keypoints),
            "individuals": list(estimator.info.individuals),
            "edges": [list(edge) for edge in estimator.info.edges],
            "size": list(tracked.size),
            "frames": tracked.frames,
            "lost": tracked.lost,
            "with_pose": tracked.found.frames,
            "seconds": round(tracked.seconds, 6),
            "files": {name: (folder / name).stat().st_size for name in (f"{base}{end}" for end in settings.endings())},
        }
        if not look_up(item, settings).complete:  # else somebody else was faster, with the same bytes
            publish(folder, item, settings, about)
        for other in parts(settings.out, base):  # of processes that were killed, or that come too late
            shutil.rmtree(other, ignore_errors=True)
    return Outcome(
        item.name,
        item.path,
        "tracked",
        tracked.frames,
        len(tracked.lost),
        reason,
        (*footage.remarks, *tracked.remarks, *in_words(tracked.lost, record_path(item, settings).name)),
        tracked.found.frames,
    )


class _Tracking:
    """Reads, estimates and writes; what `run` leaves in `folder` is whole."""

    def __init__(
        self, video: Path, footage: Footage, poser: Poser, settings: Settings, folder: Path, base: str
    ) -> None:
        self._video, self._footage, self._poser, self._settings = video, footage, poser, settings
        self._folder, self._base = folder, base
        self.frames, self.seconds = 0, 0.0
        self.size = (0, 0)
        self.lost: list[LostRow] = []
        self.remarks: list[str] = []
        self.found = Found()
        self._stamps: list[int] = []

    def run(self, report: Report) -> None:
        """Does it all.

        Raises:
            DlstreamError: the video or a file of the results can't be read or written.
        """
        info = self._poser.estimator.info
        frames = self._footage.frames()
        before, first = first_frame(frames, self._footage.name)
        self.size = first.image.shape[1], first.image.shape[0]
        background = to_view(first.image, first.encoding)
        with ExitStack() as stack:
            single = len(info.individuals) == 1
            table = PoseTable(self._file(".csv"), self._settings.scorer, single, () if single else info.individuals)
            stack.callback(lambda: table.finish(0))
            drawing = _Drawing(self._file("_labeled.mp4"), first, info.edges) if self._settings.annotate else None
            if drawing is not None:
                stack.callback(drawing.close)
            for lost in before:
                self._add_lost(lost)
            posed = posed_ahead(_again(first, frames), self._poser)
            stack.callback(posed.close)
            look, due = PictureCheck(), 0.0
            for frame, poses in posed:
                if isinstance(frame, Lost) or poses is None:
                    assert isinstance(frame, Lost)
                    self._add_lost(frame)
                else:
                    row = self._add(frame.stamp)
                    self._remark(*(one.text for one in look.add(frame.image, row, frame.stamp)))
                    table.expect(row, frame.stamp, frame.sequence)
                    table.write(row, poses)
                    if drawing is not None:
                        drawing.add(frame, poses, row)
                if time.monotonic() >= due:
                    due = time.monotonic() + _EVERY
                    report(self.frames)
            self._remark(*(one.text for one in look.finish()))
            table.finish(self.frames)
            report(self.frames)
        write_h5(self._file(".csv"))
        self.found = found_in(read_poses(self._file(".csv")))
        self._remark(nowhere(self.found, self.frames - len(self.lost)))
        if self._settings.pictures:
            self._draw_paths(background)
        if self._settings.sleap:
            place = self._video.resolve()
            video = [place / file.name for file in self._footage.images] if place.is_dir() else [place]
            write_slp(self._file(".slp"), read_poses(self._file(".csv")), info.edges, video)

    def _file(self, ending: str) -> Path:
        return self._folder / f"{self._base}{ending}"

    def _add(self, stamp: int) -> int:
        self._stamps.append(stamp)
        self.frames += 1
        self.seconds = (stamp - self._stamps[0]) / 1e9
        return self.frames - 1

    def _add_lost(self, lost: Lost) -> None:
        self.lost.append({"frame": self._add(lost.stamp), "reason": lost.reason})

    def _remark(self, *texts: str) -> None:
        self.remarks += [text for text in texts if text]

    def _draw_paths(self, background: NDArray[np.uint8]) -> None:
        from dlstream_recorder.report.path_plots import plot_occupancy, plot_trajectory

        analysed = np.ones(len(self._stamps), bool)
        analysed[[int(one["frame"]) for one in self.lost]] = False
        found = walks(read_poses(self._file(".csv")), np.array(self._stamps, np.int64), analysed=analysed)
        name = self._footage.name
        plot_trajectory(self._file("_trajectory.png"), f"{name}: trajectory", found, self.size, background)
        plot_occupancy(self._file("_occupancy.png"), f"{name}: occupancy", found, self.size, background)


class _Drawing:
    """The annotated video, drawn and encoded beside the inference."""

    def __init__(self, path: Path, first: Frame, edges: tuple[tuple[int, int], ...]) -> None:
        height, width = first.image.shape[:2]
        self._video = AnnotatedVideo(path, width, height, first.stamp)
        self._start, self._edges = first.stamp, edges
        self._behind = Behind()

    def add(self, frame: Frame, poses: FramePoses, row: int) -> None:
        """Adds a frame."""
        self._behind.do(lambda: self._draw(frame, poses, row))

    def close(self) -> None:
        """Completes the file."""
        try:
            self._behind.close()
        finally:
            self._video.close()

    def _draw(self, frame: Frame, poses: FramePoses, row: int) -> None:
        seconds = (frame.stamp - self._start) / 1e9
        picture = draw_overlay(
            to_view(frame.image, frame.encoding),
            poses.individuals,
            self._edges,
            caption=f"{seconds:.2f} s  frame {row}",
        )
        self._video.add(picture, frame.stamp)


def _again(first: Frame, rest: Iterator[Frame | Lost]) -> Iterator[Frame | Lost]:
    yield first
    yield from rest


@contextmanager
def _temporary(out: Path, base: str) -> Iterator[Path]:
    """A folder for files that are not whole yet; it is gone at the end."""
    folder = out / f".{base}~{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}{PART}"
    try:
        folder.mkdir(exist_ok=True)  # without its parents: a worker may not see the disk that they are on
    except OSError as error:
        raise write_error(folder, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def parts(out: Path, base: str) -> list[Path]:
    """The folders of results that are being made, or were when a process was killed.

    Not those of a network whose name begins in the same way: no host's name has a `~`.
    """
    own = re.compile(re.escape(f".{base}~") + r"[^~]+\.\d+\.\d+" + re.escape(PART))
    return [path for path in out.glob(f".*{PART}") if own.fullmatch(path.name)]
