"""What can be known before a node starts: do the files that a rig names exist, load, and fit together?"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dlstream.rig.file import Rig, load_rig
from dlstream_camera import SourceSettings, crop_slices
from dlstream_camera.sources.opencv import OpenCVSettings
from dlstream_camera.sources.synthetic import SyntheticSettings
from dlstream_camera.sources.video import VideoSettings, check_video, video_rate, video_size
from dlstream_common import DlstreamError, InputError, Problem, line_of, read_yaml, resolved
from dlstream_common.calibration import load_calibration
from dlstream_experiment import Experiment, check_experiment, load_experiment
from dlstream_experiment.plane import CameraPlane
from dlstream_pose import Network, NetworkInfo
from dlstream_pose.estimator import SMALLEST
from dlstream_pose.scale import scale_doubt, scale_of
from dlstream_recorder.session.check import check_directory

Size = tuple[int, int]
Warn = Callable[[Path, Problem], None]
"""Called with each thing that deserves a look and yet is no error, and the file in which it stands."""


def _ignored(file: Path, problem: Problem) -> None:
    pass


def checked_rig(path: str | Path, allow_python: bool = False, warn: Warn = _ignored) -> tuple[Rig, Path]:
    """Reads a rig file and looks at everything that it names; the rig and the file's absolute path.

    `allow_python`: the experiment may name classes of Python files beside it.

    Raises:
        InputError: all problems of the first file that has any, with their lines. Nothing has been started.
    """
    path = resolved(Path(path).expanduser())
    rig = load_rig(path)
    if allow_python and rig.experiment is not None:
        rig = rig.model_copy(update={"experiment": rig.experiment.model_copy(update={"allow_python": True})})
    check_rig(rig, path, warn)
    return rig, path


def check_rig(rig: Rig, path: Path, warn: Warn = _ignored) -> None:
    """Looks at everything that a rig names: do the files exist, load, and fit together?

    Raises:
        InputError: all problems of the first file that has any, with their lines.
    """
    data = read_yaml(path)
    warnings: list[tuple[Path | None, Problem]] = []
    problems = [
        Problem(tuple(key), found, expected, line=line_of(data, tuple(key)))
        for key, found, expected in _problems(rig, warnings)
    ]
    if problems:
        raise InputError(path, problems)
    for file, warning in warnings:
        warn(file or path, warning if file else replace(warning, line=line_of(data, warning.place)))


Finding = tuple[list[str], str, str]
"""The key in the rig file, what was found, what was expected."""


def _problems(rig: Rig, warnings: list[tuple[Path | None, Problem]]) -> Iterator[Finding]:
    """What refuses the rig; what only deserves a look goes into `warnings`, with its file (None: the rig's)."""
    sizes: dict[str, Size] = {}
    usable = dict(rig.cameras)
    for name, camera in rig.cameras.items():
        if not isinstance(camera, SourceSettings):
            continue
        try:
            size = _image_size(camera)
        except DlstreamError as error:
            yield _of_camera(name, _sentence(error))
            del usable[name]
            continue
        if size is not None:
            sizes[name] = size
    keypoints = individuals = None
    if rig.pose is not None:
        try:
            info = Network(rig.pose.network).info
            keypoints, individuals = info.keypoints, info.animals
            if doubt := scale_doubt(info, rig.pose.scale):
                warnings.append((None, doubt.below("pose")))
            yield from _too_small(info, rig.pose.scale, sizes)
        except DlstreamError as error:
            yield ["pose", "network"], _sentence(error), "a network that loads"
    if rig.experiment is not None:
        if rig.pose is None and not any(getattr(camera, "source", "") == "topic" for camera in rig.cameras.values()):
            yield ["experiment"], "an experiment in a rig without pose", "a section 'pose' with a network"
        experiment = load_experiment(rig.experiment.file, rig.experiment.allow_python)
        sound = rig.model_copy(update={"cameras": usable})
        remarks = check_experiment(
            experiment,
            keypoints=keypoints,
            individuals=individuals,
            image_sizes=sizes,
            asked_sizes=asked_sizes(sound),
            rates=frame_rates(sound),
            cameras=list(rig.cameras),
            outputs=rig.outputs,
        )
        warnings += [(experiment.path, remark) for remark in remarks]
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


def _too_small(info: NetworkInfo, given: float | None, sizes: Mapping[str, Size]) -> Iterator[Finding]:
    """Cameras whose images the scale leaves too small for the network."""
    scale = scale_of(info, given)
    for name, size in sizes.items():
        width, height = (int(side * scale) for side in size)
        if min(width, height) < SMALLEST:
            found = f"{scale:g}, which leaves {width}x{height} pixels of camera '{name}' ({size[0]}x{size[1]})"
            yield ["pose", "scale"], found, f"a scale that leaves at least {SMALLEST}x{SMALLEST} for the network"


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


def image_sizes(rig: Rig) -> dict[str, Size]:
    """Width and height of each camera's image, where they are known before it starts.

    Raises:
        DlstreamError: a video is damaged, a crop or a calibration does not fit.
    """
    sizes = {name: _image_size(item) for name, item in rig.cameras.items() if isinstance(item, SourceSettings)}
    return {name: size for name, size in sizes.items() if size is not None}


def frame_rates(rig: Rig) -> dict[str, float]:
    """Frames a second of each camera whose section says them, or whose video does.

    Raises:
        DlstreamError: a video can't be read.
    """
    rates = {name: _frame_rate(camera) for name, camera in rig.cameras.items()}
    return {name: rate for name, rate in rates.items() if rate > 0}


def _frame_rate(camera: object) -> float:
    if isinstance(camera, VideoSettings) and not camera.pace:
        return 0.0
    fps = float(getattr(camera, "fps", 0.0))
    return video_rate(camera.path) if not fps and isinstance(camera, VideoSettings) else fps


def asked_sizes(rig: Rig) -> dict[str, Size]:
    """Width and height asked of each camera that may deliver others: only the device knows."""
    return {
        name: _cropped(camera, camera.width, camera.height)
        for name, camera in rig.cameras.items()
        if isinstance(camera, OpenCVSettings) and camera.width and camera.height
    }


def _image_size(camera: SourceSettings) -> Size | None:
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
    size = _cropped(camera, *size)
    if camera.calibration is not None:
        load_calibration(camera.calibration, *size)
    # A camera may deliver another size than the one asked for; only the node can tell.
    return None if isinstance(camera, OpenCVSettings) else size


def _cropped(camera: SourceSettings, width: int, height: int) -> Size:
    rows, columns = crop_slices(camera.crop, width, height)
    return columns.stop - columns.start, rows.stop - rows.start


def _sentence(error: Exception) -> str:
    return os.linesep.join(str(error).splitlines()).rstrip(".")
