"""What can be known before a node starts: do the files that a rig names exist, load, and fit together?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlstream.rig.file import Rig, load_rig
from dlstream_camera import SOURCES, SourceSettings
from dlstream_common import DlstreamError, InputError, Problem, Settings, line_of, read_yaml, resolved
from dlstream_common.plugins import PartError, Registry
from dlstream_experiment import Experiment, check_experiment, load_experiment
from dlstream_experiment.plane import CameraPlane
from dlstream_outputs import OUTPUTS
from dlstream_pose import Network
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
    problems = [
        Problem(".".join(key), found, expected, line_of(data, tuple(key))) for key, found, expected in _problems(rig)
    ]
    if problems:
        raise InputError(path, problems)


Finding = tuple[list[str], str, str]
"""The key in the rig file, what was found, what was expected."""


def _problems(rig: Rig) -> Iterator[Finding]:
    sizes: dict[str, tuple[int, int]] = {}
    for name, camera in rig.cameras.items():
        if not isinstance(camera, SourceSettings):
            continue
        yield from _lacking(SOURCES, ["cameras", name, "source"], camera)
        problems = camera.check()
        for problem in problems:
            yield (
                ["cameras", name, *problem.key.split(".")] if problem.key else ["cameras", name],
                problem.found,
                problem.expected,
            )
        size = None if problems else camera.published_size()
        if size is not None:
            sizes[name] = size
    keypoints = individuals = None
    if rig.pose is not None:
        try:
            info = Network(rig.pose.network).info
            keypoints, individuals = info.keypoints, info.animals
        except DlstreamError as error:
            yield ["pose", "network"], _sentence(error), "a network that loads"
    if rig.experiment is not None:
        if rig.pose is None and not any(getattr(camera, "source", "") == "topic" for camera in rig.cameras.values()):
            yield ["experiment"], "an experiment in a rig without pose", "a section 'pose' with a network"
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
        yield from _lacking(OUTPUTS, ["outputs", name, "type"], output)
        try:
            output.check()
        except DlstreamError as error:
            yield ["outputs", name], _sentence(error), "an output that can be used"
    if rig.recorder is not None:
        folder = rig.recorder.directory / rig.recorder.session
        if rig.recorder.session and folder.exists():
            yield ["recorder", "session"], f"the session folder {folder}, which exists already", "a name not used yet"
        try:
            check_directory(rig.recorder.directory, rig.recorder.min_free)
        except DlstreamError as error:
            yield ["recorder", "directory"], _sentence(error), "a folder that can be written"


def _two_calibrations(rig: Rig, experiment: Experiment) -> Iterator[Finding]:
    """Cameras of which the rig and the experiment say different things."""
    for name, plane in experiment.calibration.items():
        camera = rig.cameras.get(name)
        file = camera.calibration if isinstance(camera, SourceSettings) else None
        if isinstance(plane, CameraPlane) and file is not None and file.read_bytes() != plane.camera_info.read_bytes():
            found = f"{file}, which is another calibration than the experiment's, {plane.camera_info}"
            yield ["cameras", name, "calibration"], found, "the same file in both"


def _lacking(parts: Registry[Any], key: list[str], section: Settings) -> Iterator[Finding]:
    """Libraries that a part of the rig needs, and that are not installed."""
    name = getattr(section, key[-1])
    if name == "topic":  # somebody else's node
        return
    try:
        parts.usable(name)
    except PartError as error:
        yield key, f"'{name}', but {error.found}", f"{error.expected}. {error.hint}".rstrip()


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
