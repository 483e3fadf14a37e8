"""The commands of the page Checks, and the report and the replay of a session; it knows no ROS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlstream_panel.board import Board
from dlstream_panel.jobs import JobError, Jobs
from dlstream_panel.requests import EndJob, StartJob
from dlstream_panel.sessions import Sessions
from dlstream_panel.settings import PanelSettings

_COMMANDS: Mapping[str, Sequence[str]] = {
    "check": ("check",),
    "camera": ("camera", "test"),
    "network": ("network", "test"),
    "recording": ("recording", "test"),
    "bench": ("bench",),
}
_MORE: Mapping[str, Sequence[str]] = {"bench": ("--frames", "600"), "recording": ("--seconds", "10")}


class Checks:
    """Which command a page may start, and when; lookers: as of Jobs."""

    def __init__(self, settings: PanelSettings, board: Board, sessions: Sessions | None, lookers: bool = True) -> None:
        self._settings, self._board, self._sessions = settings, board, sessions
        self._jobs = Jobs(lambda: board.job_changed(self._jobs.running), lookers)

    @property
    def running(self) -> bool:
        """Whether a command runs."""
        return self._jobs.running

    def view(self) -> dict[str, Any]:
        """As Jobs.view."""
        return self._jobs.view()

    def start(self, request: StartJob) -> str:
        """Starts what a page asks for; says what.

        Raises:
            DlstreamError: a run is on, another command runs, or there is no such thing.
        """
        if self._board.run_is_on:
            raise JobError("a run is on: a check would take its time. End the run first")
        words = self._words(request)
        self._jobs.start(request.what, words, session=request.session)
        return f"started: dlstream {' '.join(words[:2])}"

    def run(self, name: str, words: Sequence[str], grace: float) -> None:
        """Starts a command of the page Wizard, see Jobs.start.

        Raises:
            JobError: another one runs.
        """
        self._jobs.start(name, words, grace)

    def end(self, request: EndJob) -> str:
        """Ends the command.

        Raises:
            JobError: none runs.
        """
        self._jobs.stop()
        return "the command was asked to end"

    def close(self) -> None:
        """The panel ends."""
        self._jobs.close()

    def finish(self) -> None:
        """The panel ends; a rig that it has started ends first, as by Ctrl-C."""
        self._jobs.finish()

    def _words(self, request: StartJob) -> list[str]:
        if request.what in ("report", "replay"):
            if self._sessions is None:
                raise JobError("this rig records no sessions")
            words = [request.what, str(self._sessions.folder(request.session))]
            words += [f"--set={request.parameter}={request.value}"] if request.parameter else []
            return words + self._permission(request)
        rig = self._settings.rig_file
        if not rig:
            raise JobError("this panel was started without a rig file, so there is nothing to check")
        words = [*_COMMANDS[request.what], rig, *_MORE.get(request.what, ())]
        return words + self._permission(request)

    def _permission(self, request: StartJob) -> list[str]:
        allowed = self._settings.allow_python and request.what in ("check", "bench", "replay")
        return ["--allow-python"] if allowed else []
