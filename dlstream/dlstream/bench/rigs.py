"""Rigs to measure with: the user's, without anything that could be switched on, and with sessions of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from dlstream.rig.file import Rig
from dlstream.rig.sections import Stop, TopicCamera, frame_triggers, section_of
from dlstream_common import DlstreamError
from dlstream_outputs import output_settings
from dlstream_recorder import RecorderSettings, write_error


def to_bench(rig: Rig, folder: Path) -> Rig:
    """The whole loop: its outputs only log their commands, its session goes to a folder of its own.

    Raises:
        DlstreamError: it estimates no poses, or needs more than this computer runs for it.
    """
    _refuse_others(rig)
    if rig.pose is None:
        raise DlstreamError(
            "the rig has no section 'pose': there is nothing to measure. `dlstream recording test` does"
        )
    log = section_of(output_settings("log"))
    outputs = {name: log() for name in rig.outputs} | frame_triggers(rig)
    experiment = rig.experiment
    if experiment is not None:
        experiment = experiment.model_copy(update={"autostart_run": True})
    update: dict[str, Any] = {"outputs": outputs, "experiment": experiment, "stop": Stop(), "panel": None}
    return rig.model_copy(update={**update, "recorder": _recorder(rig, folder)})


def to_record(rig: Rig, folder: Path) -> Rig:
    """Cameras, with what triggers their frames, and recorder alone.

    Raises:
        DlstreamError: it needs more than this computer runs for it.
    """
    _refuse_others(rig)
    update: dict[str, Any] = {"outputs": frame_triggers(rig), "experiment": None, "pose": None, "stop": Stop()}
    update["panel"] = None
    return rig.model_copy(update={**update, "recorder": _recorder(rig, folder)})


@contextmanager
def bench_folder(rig: Rig) -> Iterator[Path]:
    """A temporary folder on the disk that the rig's own sessions go to: another one may be faster, slower or smaller.

    It is in the folder of the sessions, or where that will be made; of a rig that records nothing, where temporary
    files are.

    Raises:
        RecordingError: it can't be made.
    """
    place = None if rig.recorder is None else rig.recorder.directory.expanduser().absolute()
    while place is not None and not place.is_dir():
        place = place.parent
    try:
        folder = TemporaryDirectory(prefix=".dlstream_bench_", dir=place)
    except OSError as error:
        raise write_error(place or Path(gettempdir()), error) from error
    with folder as name:
        yield Path(name)


def _refuse_others(rig: Rig) -> None:
    """A rig is measured in a ROS domain of its own: whatever others run for it is not there, and would be waited for.

    Raises:
        DlstreamError: it has several hosts, cameras that others publish, or a time that others publish.
    """
    run = "Measure it in a run: `dlstream run` ends with the frames, losses and latencies of the session"
    alone = "this command runs a rig in a ROS domain of its own on this computer"
    if rig.hosts:
        names = ", ".join(rig.hosts)
        raise DlstreamError(f"hosts: found {names}; expected a rig of one computer: {alone}. {run}")
    if rig.use_sim_time:
        raise DlstreamError(f"use_sim_time: found true; expected false: {alone}, where nobody publishes /clock. {run}")
    for name, camera in rig.cameras.items():
        if isinstance(camera, TopicCamera):
            expected = f"expected a camera that dlstream opens: {alone}, where nobody publishes its images"
            raise DlstreamError(f"cameras.{name}.source: found topic; {expected}. {run}")


def _recorder(rig: Rig, folder: Path) -> Any:
    settings: Any = rig.recorder or section_of(RecorderSettings).model_validate({"video": "none", "bag": False})
    return settings.model_copy(update={"directory": folder, "session": "bench", "start": "rig"})
