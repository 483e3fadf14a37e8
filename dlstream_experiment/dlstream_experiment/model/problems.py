"""Problems of an experiment file: warnings, and the lines of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ruamel.yaml.comments import CommentedMap

from dlstream_common import Place, Problem, Severity, line_of


def warning(place: Place, found: str, expected: str, suggestion: str = "") -> Problem:
    """A problem that does not refuse the experiment, but may not be what was meant."""
    return Problem(place, found, expected, suggestion, Severity.WARNING)


def with_lines(problems: Iterable[Problem], data: CommentedMap | None) -> list[Problem]:
    """The problems with their lines in a file, in the order of the lines.

    Args:
        data: the file's content with line numbers; None for an experiment that was made in code.
    """
    found = [item if item.line is not None else replace(item, line=line_of(data, item.place)) for item in problems]
    return sorted(found, key=lambda item: item.line or 0)
