"""Problems of an experiment file, with their lines."""

from __future__ import annotations

from dataclasses import dataclass

from ruamel.yaml.comments import CommentedMap

from dlstream_common import Problem, line_of
from dlstream_experiment.model.names import Location


@dataclass(frozen=True)
class FileProblems:
    """Makes problems of a file.

    Attributes:
        data: its content with line numbers; None for an experiment that was made in code.
    """

    data: CommentedMap | None

    def __call__(self, place: Location, found: str, expected: str, hint: str = "") -> Problem:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        return Problem(key, found, expected, line_of(self.data, place), hint)
