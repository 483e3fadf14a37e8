"""Rigs to measure with: the user's, without anything that could be switched on, and with sessions of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlstream.rig.file import Rig
from dlstream.rig.sections import Stop, frame_triggers, section_of
from dlstream_common import DlstreamError
from dlstream_outputs import output_settings
from dlstream_recorder import RecorderSettings


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
    update: dict[str, Any] = {"outputs": outputs, "experiment": experiment, "stop": Stop()}
    return rig.model_copy(update={**update, "recorder": _recorder(rig, folder)})


def to_record(rig: Rig, folder: Path) -> Rig:
    """Cameras, with what triggers their frames, and recorder alone."""
    update: dict[str, Any] = {"outputs": frame_triggers(rig), "experiment": None, "pose": None, "stop": Stop()}
    return rig.model_copy(update={**update, "recorder": _recorder(rig, folder)})


def _recorder(rig: Rig, folder: Path) -> Any:
    settings: Any = rig.recorder or section_of(RecorderSettings).model_validate({"video": "none", "bag": False})
    return settings.model_copy(update={"directory": folder, "session": "bench", "start": "rig"})
