"""Rigs to measure with: the user's, without anything that could be switched on, and with sessions of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from dlstream.rig.file import Rig
from dlstream.rig.sections import Stop, frame_triggers, section_of
from dlstream_common import DlstreamError
from dlstream_outputs import output_settings
from dlstream_recorder import RecorderSettings, write_error


def to_bench(rig: Rig, folder: Path) -> Rig:
    """The whole loop: its outputs only log their commands, its session goes to a folder of its own.

    Raises:
        DlstreamError: it estimates no poses.
    """
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
    """Cameras, with what triggers their frames, and recorder alone."""
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


def _recorder(rig: Rig, folder: Path) -> Any:
    settings: Any = rig.recorder or section_of(RecorderSettings).model_validate({"video": "none", "bag": False})
    return settings.model_copy(update={"directory": folder, "session": "bench", "start": "rig"})
