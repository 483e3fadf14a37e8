"""`dlstream analyze`: source, estimator and engine over every frame of a video, without ROS and without pacing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from dlstream.offline.analysis import Analysis, LaterRun, outlines, seed_of
from dlstream.offline.annotated import AnnotatedVideo
from dlstream.offline.behind import Behind
from dlstream.offline.experiment_state import PanelLine
from dlstream.offline.footage import Footage, Lost, open_footage
from dlstream.offline.kinds import is_ros1, ros1
from dlstream.offline.metadata import metadata_for
from dlstream.offline.outside import Due, values_of_run, without_values
from dlstream.offline.posing import Poser, first_frame, posed_ahead
from dlstream.offline.progress import show_progress
from dlstream.offline.session_lines import journal_of
from dlstream.offline.side_panel import SidePanel
from dlstream.offline.used_files import copies_beside
from dlstream.rig.file import Rig, load_rig
from dlstream_camera import SourceSettings
from dlstream_common import DlstreamError, Frame, FramePoses, to_view
from dlstream_common.event_kinds import FAULT, RECOVERED
from dlstream_common.video import PictureCheck, Remark
from dlstream_experiment import Experiment, check_experiment, load_experiment
from dlstream_experiment.journal.journal import from_first_start
from dlstream_experiment.model.virtual import DrawnKeypoints
from dlstream_experiment.runtime.inputs import Input, Poses, Start
from dlstream_pose import Estimator, PoseSettings
from dlstream_pose.runtime.overlay import OverlayRegion, draw_overlay
from dlstream_pose.runtime.scale import scale_doubt
from dlstream_recorder import JOURNAL, OfflineSession, Summary


@dataclass(frozen=True)
class Options:
    """The options of an analysis; a rig file provides what is missing."""

    network: Path | None = None
    experiment: Path | None = None
    scale: float | None = None
    camera: str = ""
    rig: Path | None = None
    seed: int | None = None
    fps: float = 0.0
    threads: int = 0
    video: bool = True
    allow_python: bool = False
    live_frames: bool = False
    topic: str = ""
    subject: str = ""
    notes: tuple[str, ...] = ()
    recorded: str = ""


@dataclass(frozen=True)
class Resolved:
    """The same, complete."""

    pose: PoseSettings
    experiment: Experiment
    camera: str
    source: SourceSettings


@dataclass(frozen=True)
class Live:
    """A run that a session's video shows: the stamp of its start, its seed, and the frames that it decided on.

    Attributes:
        frames: the stamps of these frames: a camera that is started again counts its frames from 0.
        values: from outside, that came in it.
    """

    stamp: int
    seed: int
    frames: frozenset[int]
    values: Sequence[Due] = ()

    @property
    def first(self) -> int:
        """The stamp of the first of these frames."""
        return min(self.frames)


def analyze(path: Path, out: Path, options: Options, console: Console) -> Summary:
    """Writes the session folder `out`: tables, events, journal, and an annotated video.

    Raises:
        DlstreamError: a file can't be read, does not fit, or can't be written.
    """
    if is_ros1(path):
        raise DlstreamError(f"{path}: found {ros1(path)}")
    resolved = resolve(options)
    footage = open_footage(path, resolved.camera, resolved.source, options.fps, options.recorded)
    found = path.stem.split(".")[0]
    if footage.session and not options.camera and found != resolved.camera.replace("/", "_"):
        raise DlstreamError(
            f"{path}: found the video of camera '{found}'; expected that of '{resolved.camera}', which the experiment "
            f"watches. To look at it as if it were: --camera {resolved.camera}"
        )
    return analyze_footage(footage, resolved, out, options, console)


def analyze_footage(footage: Footage, resolved: Resolved, out: Path, options: Options, console: Console) -> Summary:
    """As `analyze`, of frames from anywhere."""
    pose = resolved.pose
    poser = Poser(pose)
    estimator = poser.estimator
    if doubt := scale_doubt(estimator.info, pose.scale):
        console.print(f"[yellow]{escape(f'{pose.network}: {doubt}')}[/]")
    pose = pose.model_copy(update={"scale": estimator.scale})
    runs = live_runs(footage.session, resolved.camera) if footage.session else []
    live = runs[0] if runs else None
    if options.live_frames and live is None:
        raise DlstreamError(
            f"--live-frames: {footage.name} shows no run of an experiment; expected the video of a session whose "
            f"{JOURNAL} has poses of camera '{resolved.camera}'"
        )
    seed = seed_of(resolved.experiment, options.seed, live.seed if live else 0)
    later = [
        LaterRun(one.stamp, seed_of(resolved.experiment, options.seed, one.seed), one.first, one.values)
        for one in runs[1:]
    ]
    for remark in footage.remarks:
        _warn(console, footage.name, remark)
    frames = footage.frames()
    before, first = first_frame(frames, footage.name)
    height, width = first.image.shape[:2]
    experiment, camera = resolved.experiment, resolved.camera
    check_experiment(
        experiment,
        cameras=[camera],
        keypoints=estimator.info.keypoints,
        individuals=estimator.info.animals,
        image_sizes={camera: (width, height)},
        depths=(),
    )
    about = pose.model_dump(mode="json", exclude={"network", "cameras"})
    metadata = metadata_for(footage.session, options.rig, options.subject, options.notes)
    started = before[0].stamp if before else first.stamp
    dated = {"date_from": footage.date_from} if footage.date_from else {}
    session = OfflineSession(out, footage.name, [camera], started, {"settings": {"pose": about}, **dated}, metadata)
    info = estimator.info
    session.set_network(camera, pose.network.name, estimator.network.sha256, info.edges, info.individuals)
    session.set_regions(camera, outlines(experiment, camera))
    session.copy(experiment.path, "experiment.yaml")
    values = live.values if live else footage.values
    sources = {item.value.source for run_values in (values, *(one.values for one in later)) for item in run_values}
    _warn(console, footage.name, without_values(experiment, sources))
    analysis = Analysis(experiment, session, seed, live.stamp if live else None, values, later)
    only = frozenset[int]().union(*(one.frames for one in runs)) if options.live_frames else None
    with ExitStack() as stack:
        stack.callback(session.close)
        drawing = None
        if options.video:
            drawing = _Drawing(out, first, estimator, experiment, camera, analysis.panel_length)
            stack.callback(drawing.close)
        # Decoding, inference, and what follows from it each have a thread: the slowest one sets the speed.
        posed = posed_ahead(chain(before, [first], frames), poser, only)
        stack.callback(posed.close)
        look = PictureCheck()

        def tell(remarks: Sequence[Remark], stamp: int) -> None:
            for one in remarks:
                _warn(console, footage.name, one.text)
                session.add_event(camera, RECOVERED if one.kind == "back" else FAULT, one.frame, stamp, one.words())

        with show_progress(console, footage.name, footage.count) as advance:
            for frame, poses in posed:
                if isinstance(frame, Lost):
                    session.add_lost(camera, frame.sequence, frame.stamp, frame.reason)
                    continue
                tell(look.add(frame.image, frame.sequence, frame.stamp), frame.stamp)
                analysis.add(frame, poses, decide=live is None or frame.stamp >= live.first)
                if drawing is not None:
                    drawing.add(frame, poses, analysis)
                advance()
        tell(look.finish(), session.stamp)
        return session.finish("the video has ended", analysis.finish("the video has ended"))


def resolve(options: Options) -> Resolved:
    """Completes the options from the rig file.

    Raises:
        DlstreamError: network or experiment are missing, or the rig does not have this camera.
    """
    rig = load_rig(options.rig) if options.rig else None
    pose: dict[str, Any] = {"engine": {"type": "auto", "threads": 0}}
    if rig is not None and rig.pose is not None:
        pose = rig.pose.model_dump(include=set(PoseSettings.model_fields))
    given = {"network": options.network, "scale": options.scale}
    pose |= {name: value for name, value in given.items() if value is not None}
    if options.threads:
        pose["engine"] = {**pose["engine"], "threads": options.threads}
    network, file = pose.get("network"), options.experiment
    if rig is not None and rig.experiment is not None:
        file = file or rig.experiment.file
    for what, found in (("network", network), ("experiment", file)):
        if found is None:
            raise DlstreamError(f"no {what}: give --{what} FILE, or --rig FILE of a rig that has one")
    assert file is not None
    experiment = load_experiment(file, options.allow_python, copies=copies_beside(file))
    camera = options.camera or experiment.camera
    settings = load_pose_settings({**pose, "cameras": [camera]})
    return Resolved(settings, experiment, camera, _source(rig, camera))


def load_pose_settings(values: Mapping[str, Any]) -> PoseSettings:
    """The pose node's settings, for an analysis.

    Raises:
        DlstreamError: one of them is wrong.
    """
    try:
        return PoseSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        raise DlstreamError(f"{key}: found {first['input']!r}; expected {expected}") from error


def _source(rig: Rig | None, camera: str) -> SourceSettings:
    if rig is None:
        return SourceSettings()
    if camera not in rig.cameras:
        raise DlstreamError(f"camera: found '{camera}'; expected one of the rig's: {', '.join(rig.cameras)}")
    section = rig.cameras[camera]
    if not isinstance(section, SourceSettings):
        return SourceSettings()
    return SourceSettings(crop=section.crop, color=section.color)


def live_runs(session: Path, camera: str) -> list[Live]:
    """The runs of a session that decided on frames of a camera, without one whose start was not recorded."""
    runs: list[tuple[Start, list[Input]]] = []
    for entry in from_first_start(journal_of(session)):
        if isinstance(entry.input, Start):
            runs.append((entry.input, []))
        else:
            runs[-1][1].append(entry.input)
    found = []
    for begin, inputs in runs:
        poses = [item.poses for item in inputs if isinstance(item, Poses)]
        if frames := frozenset(item.stamp for item in poses if item.camera == camera):
            found.append(Live(begin.stamp, begin.seed, frames, values_of_run(inputs, camera)))
    return found


def _warn(console: Console, name: str, text: str) -> None:
    if text:
        console.print(f"[yellow]{escape(f'{name}: {text}')}[/]")


class _Drawing:
    """The annotated video, and the picture of the first frame that caused a command."""

    def __init__(
        self, folder: Path, first: Frame, estimator: Estimator, experiment: Experiment, camera: str, lines: int
    ) -> None:
        height, width = first.image.shape[:2]
        self._folder, self._start, self._camera = folder, first.stamp, camera
        self._edges = estimator.info.edges
        self._points = DrawnKeypoints(experiment.keypoints, estimator.info.keypoints)
        panel = self._panel = SidePanel(width, height, lines)
        self._video = AnnotatedVideo(folder / "annotated.mp4", panel.width, panel.height, first.stamp)
        found = [(name, np.array(points, np.float32)) for name, points in outlines(experiment, camera)]
        self._regions = [[OverlayRegion(name, points, held) for held in (False, True)] for name, points in found]
        self._picture: NDArray[np.uint8] | None = None
        self._decided = False
        self._behind = Behind()

    def add(self, frame: Frame, poses: FramePoses | None, analysis: Analysis) -> None:
        active = dict(analysis.regions.get(self._camera, {}))
        lines = list(analysis.panel(frame, self._start))
        self._behind.do(lambda: self._draw(frame, poses, active, lines))

    def _draw(
        self, frame: Frame, poses: FramePoses | None, active: Mapping[str, bool], lines: Sequence[PanelLine]
    ) -> None:
        picture = draw_overlay(
            to_view(frame.image, frame.encoding),
            self._points.add(poses.individuals) if poses is not None else (),
            self._edges,
            [each[active.get(each[0].name, False)] for each in self._regions],
        )
        picture = self._panel.beside(picture, lines)
        self._video.add(picture, frame.stamp)
        decided = any(active.values())
        if self._picture is None or (decided and not self._decided):
            self._picture, self._decided = picture.copy(), decided

    def close(self) -> None:
        try:
            self._behind.close()
        finally:
            self._video.close()
        if self._picture is not None:
            cv2.imwrite(str(self._folder / "overlay.png"), self._picture)
