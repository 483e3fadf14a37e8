"""The experiments of recorded runs: as they were, from another file, or with some parameters changed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dlstream._paths import find_place, of_its_own
from dlstream.offline.used_files import copies, copies_for
from dlstream.rig.overrides import plain_value
from dlstream_common import DlstreamError, InputError, Place, Problem
from dlstream_experiment import Experiment, load_experiment
from dlstream_experiment.journal.journal import Beginning


def recorded_experiment(beginning: Beginning, session: Path, allow_python: bool = False) -> Experiment:
    """The experiment as it ran, with the session's copies of the files that it names.

    A session of an older dlstream has none: there they are looked for where they were, else in the session.

    Raises:
        InputError: this version of dlstream can't read it, or a file that it names is not there.
        DlstreamError: a file that it names is no longer available as it was.
    """
    return _of_text(beginning.text, beginning, session, allow_python)


def other_experiment(path: Path, beginning: Beginning, session: Path, allow_python: bool = False) -> Experiment:
    """Another experiment file; files that it does not find are taken from the session's copies.

    Raises:
        InputError: it is not valid.
    """
    return load_experiment(path, allow_python, copies=copies_for(path, beginning, session))


def changed_experiment(
    beginning: Beginning, session: Path, changes: Sequence[str], allow_python: bool = False
) -> Experiment:
    """The experiment as it ran, but for changes such as `triggers.in_left.dwell=0.2`.

    Raises:
        DlstreamError: a change has no place in it.
        InputError: the changed experiment is not valid.
    """
    yaml = YAML(typ="rt")
    data = yaml.load(beginning.text)
    places = {_change(data, change): f"--set {change}" for change in changes}
    text = io.StringIO()
    yaml.dump(data, text)
    try:
        return _of_text(text.getvalue(), beginning, session, allow_python)
    except InputError as error:
        raise InputError(error.path, [_with_option(problem, places) for problem in error.problems]) from error


def _with_option(problem: Problem, places: Mapping[Place, str]) -> Problem:
    """The problem with the change that made it, if one did: no line of the file says it."""
    for place, option in places.items():
        if problem.file is None and problem.place[: len(place)] == place:
            return replace(problem, option=option, line=None)
    return problem


def _of_text(text: str, beginning: Beginning, session: Path, allow_python: bool) -> Experiment:
    place = Path(beginning.path)
    name, folder = place.name or "experiment.yaml", place.parent if place.parent.is_dir() else session
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "experiment.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            return load_experiment(path, allow_python, folder, copies(beginning, session))
        except InputError as error:
            raise InputError(name, error.problems) from error


def _change(data: Any, change: str) -> Place:
    """Makes a change; returns the place of its key."""
    key, separator, text = change.partition("=")
    if not separator:
        raise DlstreamError(f"change: found '{change}'; expected key=value, such as triggers.in_left.dwell=0.2")
    try:
        value = plain_value(text)
    except DlstreamError as error:
        raise DlstreamError(f"change {key}: {error}") from error
    try:
        place = find_place(data, key)
    except DlstreamError as error:
        raise DlstreamError(f"change {error}") from error
    for part in place[:-1]:
        data = of_its_own(data, part)
    data[place[-1]] = value
    return tuple(place)
