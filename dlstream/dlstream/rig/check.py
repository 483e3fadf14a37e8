"""What can be known before a node starts: do the files that a rig names exist, load, and fit together?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dlstream.rig.file import Rig, load_rig
from dlstream_camera import SourceSettings, crop_slices
from dlstream_camera.sources.opencv import OpenCVSettings
from dlstream_camera.sources.synthetic import SyntheticSettings
from dlstream_camera.sources.video import VideoSettings, check_video, video_size
from dlstream_common import DlstreamError, InputError, Problem, line_of, read_yaml, resolved
from dlstream_common.calibration import load_calibration
from dlstream_experiment import Experiment, check_experiment, load_experiment
from dlstream_experiment.model.plane import CameraPlane
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
        Problem(tuple(key), found, expected, line=line_of(data, tuple(key))) for key, found, expected in _problems(rig)
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
        try:
            size = _image_size(camera)
        except DlstreamError as error:
            yield _of_camera(name, _sentence(error))
            continue
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


def _of_camera(name: str, text: str) -> Finding:
    """What a camera's own check complains of; it may name a key of the camera."""
    told = re.fullmatch(r"(\w+): found (.+?); expected (.+)", text, re.DOTALL)
    if told is not None:
        return ["cameras", name, told[1]], told[2], told[3]
    return ["cameras", name], text, "a source that can be opened"


def image_sizes(rig: Rig) -> dict[str, tuple[int, int]]:
    """Width and height of each camera's image, where they are known before it starts.

    Raises:
        DlstreamError: a video is damaged, a crop or a calibration does not fit.
    """
    sizes = {name: _image_size(item) for name, item in rig.cameras.items() if isinstance(item, SourceSettings)}
    return {name: size for name, size in sizes.items() if size is not None}


def frame_rates(rig: Rig) -> dict[str, float]:
    """Frames a second of each camera whose rate its section says."""
    rates = {name: float(getattr(camera, "fps", 0.0)) for name, camera in rig.cameras.items()}
    return {name: rate for name, rate in rates.items() if rate > 0}


def _image_size(camera: SourceSettings) -> tuple[int, int] | None:
    """Width and height of the published image, after the crop; None where only the device knows.

    Raises:
        DlstreamError: the video is damaged, the crop or the calibration does not fit.
    """
    if isinstance(camera, VideoSettings):
        check_video(camera.path)
        size = video_size(camera.path)
    elif isinstance(camera, (SyntheticSettings, OpenCVSettings)) and camera.width and camera.height:
        size = (camera.width, camera.height)
    else:
        return None
    rows, columns = crop_slices(camera.crop, *size)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    if camera.calibration is not None:
        load_calibration(camera.calibration, *size)
    # A camera may deliver another size than the one asked for; only the node can tell.
    return None if isinstance(camera, OpenCVSettings) else size


def _sentence(error: Exception) -> str:
    return os.linesep.join(str(error).splitlines()).rstrip(".")
