"""What the pages beside the rig's own show and change, each None where a rig has nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlstream_panel.board import Board
from dlstream_panel.calibration import CalibrationFile
from dlstream_panel.checks import Checks
from dlstream_panel.course import Course
from dlstream_panel.regions import RegionsFile
from dlstream_panel.sessions import Sessions
from dlstream_panel.settings import PanelSettings


@dataclass(frozen=True)
class Pages:
    """The pages' contents."""

    checks: Checks
    course: Course
    regions: RegionsFile | None = None
    sessions: Sessions | None = None
    calibration: CalibrationFile | None = None

    @classmethod
    def of(cls, settings: PanelSettings, board: Board) -> Pages:
        """The pages of a rig."""
        regions = RegionsFile(settings) if settings.experiment_file is not None else None
        sessions = Sessions(Path(settings.directory)) if settings.directory else None
        calibration = CalibrationFile(settings) if settings.rig_file and settings.outputs else None
        return cls(Checks(settings, board, sessions), Course(board), regions, sessions, calibration)
