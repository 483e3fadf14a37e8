"""Errors written for the person who meets them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlstream_common.credentials import masked
from dlstream_common.problems import Problem


class DlstreamError(Exception):
    """Something that the user can fix. Only its message is shown, without a traceback and without passwords."""

    def __init__(self, text: str = "") -> None:
        super().__init__(masked(text))


class SourceError(DlstreamError):
    """A camera or a video that can't be opened, or that stopped delivering frames."""


class NetworkError(DlstreamError):
    """A network file that can't be used."""


class RecordingError(DlstreamError):
    """A session that can't be written."""


class InputError(DlstreamError):
    """A user's file that can't be used, with every problem found in it.

    Its text has one line per problem, `FILE:LINE: KEY: found ...; expected .... HINT`, so that editors can jump to it.
    """

    def __init__(self, path: str | Path, problems: Sequence[Problem]) -> None:
        self.path = Path(path)
        self.problems = tuple(problems)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        return [f"{problem.where(self.path)}: {problem}" for problem in self.problems]
