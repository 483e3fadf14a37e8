"""What the pages beside the rig's own show and change, each None where a rig has nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dlstream_panel.board import Board
from dlstream_panel.calibration import CalibrationFile
from dlstream_panel.checks import Checks
from dlstream_panel.course import Course
from dlstream_panel.frames import Still
from dlstream_panel.regions import RegionsFile
from dlstream_panel.sessions import Sessions
from dlstream_panel.settings import PanelSettings


class Wizard(Protocol):
    """What the page Wizard reads. Names are those of the lists that it is given, never paths."""

    def view(self) -> Mapping[str, Any]:
        """What there is to choose from."""

    def cameras(self) -> Mapping[str, Any]:
        """The connected cameras; takes seconds."""

    def frame(self, video: str, at: float) -> Still:
        """A frame of a video, from 0 (its beginning) to 1 (its end).

        Raises:
            DlstreamError: there is no such video, or no such frame.
        """

    def picture(self, source: str, serial: str) -> Still:
        """The picture that a camera has taken last; its source and serial number name it.

        Raises:
            DlstreamError: none has.
        """


@dataclass(frozen=True)
class Pages:
    """The pages' contents."""

    checks: Checks
    course: Course
    regions: RegionsFile | None = None
    sessions: Sessions | None = None
    calibration: CalibrationFile | None = None
    wizard: Wizard | None = None

    @classmethod
    def of(cls, settings: PanelSettings, board: Board) -> Pages:
        """The pages of a rig."""
        regions = RegionsFile(settings) if settings.experiment_file is not None else None
        sessions = Sessions(Path(settings.directory)) if settings.directory else None
        calibration = CalibrationFile(settings) if settings.rig_file and settings.outputs else None
        return cls(Checks(settings, board, sessions), Course(board), regions, sessions, calibration)
