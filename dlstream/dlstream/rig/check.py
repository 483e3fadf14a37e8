"""Checks before any node starts: do the files that a rig names exist, load, and fit together?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dlstream.rig.facts import RigFacts
from dlstream.rig.file import Rig, load_rig
from dlstream.rig.table import NODE_KINDS
from dlstream_common import InputError, Problem, line_of, read_yaml, resolved

Warn = Callable[[Path, Problem], None]
"""Called with each warning and the file in which it stands."""


def checked_rig(
    path: str | Path, allow_python: bool = False, warn: Warn = lambda file, problem: None
) -> tuple[Rig, Path]:
    """Reads a rig file and checks everything that it names; returns the rig and the file's absolute path.

    `allow_python`: the experiment may name classes of Python files beside it.

    Raises:
        InputError: every problem, each with its file and line. Nothing has been started.
    """
    path = resolved(Path(path).expanduser())
    rig = load_rig(path)
    if allow_python and rig.experiment is not None:
        rig = rig.model_copy(update={"experiment": rig.experiment.model_copy(update={"allow_python": True})})
    check_rig(rig, path, warn)
    return rig, path


def check_rig(rig: Rig, path: Path, warn: Warn = lambda file, problem: None) -> None:
    """Checks everything that a rig names: do the files exist, load, and fit together?

    Raises:
        InputError: every problem, each with its file and line.
    """
    data = read_yaml(path)
    facts = RigFacts.of(rig, path)
    found: list[Problem] = []
    for kind in sorted(NODE_KINDS, key=lambda kind: kind.position):
        for name, section in kind.sections(rig):
            place = (kind.section, name) if kind.several else (kind.section,)
            for problem in kind.check(section, facts):
                if problem.file is None:
                    problem = problem.below(*place)
                    problem = replace(problem, line=line_of(data, problem.place))
                found.append(problem)
    errors = [problem for problem in found if not problem.is_warning]
    if errors:
        raise InputError(path, errors)
    for warning in found:
        warn(warning.file or path, warning)
