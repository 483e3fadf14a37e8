"""What can be known before a node starts: do the files that a rig names exist, load, and fit together?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlstream.rig.file import Rig, load_rig
from dlstream_camera import SOURCES, SourceSettings
from dlstream_common import DlstreamError, InputError, Problem, Settings, line_of, read_yaml, resolved
from dlstream_common.plugins import PartError, Registry
from dlstream_common.problems import Place
from dlstream_experiment import Experiment, check_experiment, load_experiment
from dlstream_experiment.plane import CameraPlane
from dlstream_outputs import OUTPUTS
from dlstream_pose import ENGINES, FILTERS, Network
from dlstream_recorder.session.check import check_directory


def checked_rig(path: str | Path, allow_python: bool = False) -> tuple[Rig, Path]:
    """Reads a rig file and looks at everything that it names; the rig and the file's absolute path.

    `allow_python`: the experiment may name classes of Python files beside it.

    Raises:
        InputError: all problems of the first file that has any, with their lines. Nothing has been started.
    """
    path = resolved(Path(path).expanduser())
    rig = load_rig(path)
    if allow_python and rig.experiment is not None:
        rig = rig.model_copy(update={"experiment": rig.experiment.model_copy(update={"allow_python": True})})
    check_rig(rig, path)
    return rig, path


def check_rig(rig: Rig, path: Path) -> None:
    """Looks at everything that a rig names: do the files exist, load, and fit together?

    Raises:
        InputError: all problems of the first file that has any, with their lines.
    """
    data = read_yaml(path)
    problems = [replace(problem, line=line_of(data, problem.place)) for problem in _problems(rig)]
    if problems:
        raise InputError(path, problems)


def _problems(rig: Rig) -> Iterator[Problem]:
    sizes: dict[str, tuple[int, int]] = {}
    for name, camera in rig.cameras.items():
        if not isinstance(camera, SourceSettings):
            continue
        yield from _lacking(SOURCES, ("cameras", name, "source"), camera)
        problems = camera.check()
        yield from (problem.below("cameras", name) for problem in problems)
        size = None if problems else camera.published_size()
        if size is not None:
            sizes[name] = size
    keypoints = individuals = None
    if rig.pose is not None:
        yield from _lacking(ENGINES, ("pose", "engine"), rig.pose)
        yield from _lacking(FILTERS, ("pose", "filter"), rig.pose)
        # A file of dlstream's own says in any engine what it is; one for another engine only in that.
        engine = "auto" if rig.pose.network.suffix == ".onnx" else rig.pose.engine
        try:
            info = Network(rig.pose.network, engine=engine).info
            keypoints, individuals = info.keypoints, info.animals
        except DlstreamError as error:
            yield Problem(("pose", "network"), _sentence(error), "a network that loads")
    if rig.experiment is not None:
        if rig.pose is None and not any(getattr(camera, "source", "") == "topic" for camera in rig.cameras.values()):
            yield Problem(("experiment",), "an experiment in a rig without pose", "a section 'pose' with a network")
        experiment = load_experiment(rig.experiment.file, rig.experiment.allow_python)
        check_experiment(
            experiment,
            keypoints=keypoints,
            individuals=individuals,
            image_sizes=sizes,
            cameras=list(rig.cameras),
            outputs=rig.outputs,
        )
        yield from _two_calibrations(rig, experiment)
    for name, output in rig.outputs.items():
        yield from _lacking(OUTPUTS, ("outputs", name, "type"), output)
        try:
            output.check()
        except DlstreamError as error:
            yield Problem(("outputs", name), _sentence(error), "an output that can be used")
    if rig.recorder is not None:
        folder = rig.recorder.directory / rig.recorder.session
        if rig.recorder.session and folder.exists():
            yield Problem(
                ("recorder", "session"), f"the session folder {folder}, which exists already", "a name not used yet"
            )
        try:
            check_directory(rig.recorder.directory, rig.recorder.min_free)
        except DlstreamError as error:
            yield Problem(("recorder", "directory"), _sentence(error), "a folder that can be written")


def _two_calibrations(rig: Rig, experiment: Experiment) -> Iterator[Problem]:
    """Cameras of which the rig and the experiment say different things."""
    for name, plane in experiment.calibration.items():
        camera = rig.cameras.get(name)
        file = camera.calibration if isinstance(camera, SourceSettings) else None
        if isinstance(plane, CameraPlane) and file is not None and file.read_bytes() != plane.camera_info.read_bytes():
            found = f"{file}, which is another calibration than the experiment's, {plane.camera_info}"
            yield Problem(("cameras", name, "calibration"), found, "the same file in both")


def _lacking(parts: Registry[Any], place: Place, section: Settings) -> Iterator[Problem]:
    """Libraries that a part of the rig needs, and that are not installed."""
    name = getattr(section, str(place[-1]))
    if name in ("topic", "auto", "none"):  # somebody else's node; whatever is there; nothing
        return
    try:
        parts.usable(name)
    except PartError as error:
        yield Problem(place, f"'{name}', but {error.found}", error.expected, error.suggestion)


def image_sizes(rig: Rig) -> dict[str, tuple[int, int]]:
    """Width and height of each camera's image, where they are known before it starts.

    Raises:
        DlstreamError: a video is damaged, a crop does not fit.
    """
    sizes = {name: item.published_size() for name, item in rig.cameras.items() if isinstance(item, SourceSettings)}
    return {name: size for name, size in sizes.items() if size is not None}


def frame_rates(rig: Rig) -> dict[str, float]:
    """Frames a second of each camera, where they are known before it starts.

    Raises:
        DlstreamError: a video can't be opened.
    """
    rates = {name: item.frame_rate() for name, item in rig.cameras.items() if isinstance(item, SourceSettings)}
    return {name: rate for name, rate in rates.items() if rate is not None}


def _sentence(error: Exception) -> str:
    return os.linesep.join(str(error).splitlines()).rstrip(".")
