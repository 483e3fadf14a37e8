"""Checks before any node starts: do the files that a rig names exist, load, and fit together?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlstream.rig.checks import check_session
from dlstream.rig.conflicts import conflicts
from dlstream.rig.facts import RigFacts
from dlstream.rig.file import Rig, load_rig, rest_of_rig
from dlstream.rig.hosts import check_host_of, check_socket_buffers, host_of, this_host
from dlstream.rig.kinds import no_rig
from dlstream.rig.overrides import Overridden, Override
from dlstream.rig.table import NODE_KINDS, NodeKind
from dlstream_common import DlstreamError, InputError, Place, Problem, line_of, read_yaml, resolved
from dlstream_common.part_faults import PartFault
from dlstream_common.plugins import raised_at

Warn = Callable[[Path, Problem], None]
"""Called with each warning and the file in which it stands."""


def checked_rig(
    path: str | Path,
    allow_python: bool = False,
    warn: Warn = lambda file, problem: None,
    overrides: Sequence[Override] = (),
    host: str = "",
) -> tuple[Rig, Path]:
    """Reads a rig file and checks everything that it names; returns the rig and the file's absolute path.

    Args:
        allow_python: the experiment may name classes of Python files beside it.
        overrides: values of the command line in place of the file's.
        host: whose parts are checked; empty: those of the main host. What is the same everywhere is always checked.

    Raises:
        InputError: every problem, each with its file and line. Nothing has been started.
        DlstreamError: it is an experiment file.
        NoSuchHostError: the rig has no such host.
    """
    path = resolved(Path(path).expanduser())
    try:
        rig = load_rig(path, overrides=overrides)
    except InputError as error:
        if other := no_rig(path):
            raise DlstreamError(other) from error
        problems = [*error.problems, *_further(error, path, allow_python, warn, overrides, host)]
        raise InputError(path, sorted(problems, key=_reading_order)) from error
    rig = _allowing_python(rig) if allow_python else rig
    check_rig(rig, path, warn, overrides, host)
    return rig, path


def check_rig(
    rig: Rig,
    path: Path,
    warn: Warn = lambda file, problem: None,
    overrides: Sequence[Override] = (),
    host: str = "",
) -> None:
    """Checks everything that a rig names: do the files exist, load, and fit together?

    Raises:
        InputError: every problem, each with its file and line.
    """
    errors = _errors(rig, path, warn, overrides=overrides, host=host)
    if errors:
        raise InputError(path, sorted(errors, key=_reading_order))


def _reading_order(problem: Problem) -> tuple[str, int]:
    """The rig file first, each file from its beginning."""
    return str(problem.file or ""), problem.line or 0


def _allowing_python(rig: Rig) -> Rig:
    if rig.experiment is None:
        return rig
    return rig.model_copy(update={"experiment": rig.experiment.model_copy(update={"allow_python": True})})


def _further(
    error: InputError, path: Path, allow_python: bool, warn: Warn, overrides: Sequence[Override], host: str
) -> list[Problem]:
    """What is wrong with the rest of a rig file that can't be used: one bad key hides no other mistake."""
    rest = rest_of_rig(path, overrides) if not any(not problem.place for problem in error.problems) else None
    if rest is None:
        return []
    rig, removed = rest
    known = {(problem.place, problem.file) for problem in error.problems}
    errors = _errors(_allowing_python(rig) if allow_python else rig, path, warn, removed, overrides, host)
    return [problem for problem in errors if (problem.place, problem.file) not in known]


def _errors(
    rig: Rig,
    path: Path,
    warn: Warn,
    removed: Collection[Place] = (),
    overrides: Sequence[Override] = (),
    host: str = "",
) -> list[Problem]:
    """The errors of every section whose part runs on this host; warnings are passed on."""
    here = this_host(rig.hosts, host)
    changed = Overridden(read_yaml(path), overrides)
    data = changed.data
    facts = RigFacts.of(rig, path, removed)
    found: list[Problem] = []
    for kind in sorted(NODE_KINDS, key=lambda kind: kind.position):
        for name, section in kind.sections(rig):
            place = (kind.section, name) if kind.several else (kind.section,)
            problems = list(check_host_of(section, rig.hosts))
            if host_of(section, rig.hosts) == here:
                problems += _problems(kind, section, facts)
            for problem in problems:
                if problem.file is None:
                    problem = problem.below(*place)
                    problem = changed.with_option(replace(problem, line=line_of(data, problem.place)))
                found.append(problem)
    found += [replace(item, line=line_of(data, item.place)) for item in conflicts(rig, data)]
    found += [
        replace(item, line=line_of(data, item.place)) for item in check_socket_buffers(facts.raw_images_from(here))
    ]
    found += [replace(problem, line=line_of(data, problem.place)) for problem in check_session(rig.session, facts)]
    for problem in found:
        if problem.is_warning:
            warn(problem.file or path, problem)
    return [problem for problem in found if not problem.is_warning]


def _problems(kind: NodeKind, section: Any, facts: RigFacts) -> Iterator[Problem]:
    """What a section's own check finds; a part of somebody else's may fail in it."""
    try:
        yield from kind.check(section, facts)
    except PartFault as fault:
        yield fault.problem()
    except DlstreamError:
        raise
    except Exception as error:
        found = f"a part whose check raised {type(error).__name__}: {' '.join(str(error).split())}{raised_at(error)}"
        yield Problem((), found, "a check that returns its problems", "Ask the part's authors.")
