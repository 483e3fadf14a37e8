"""Reading experiment files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dlstream_common import InputError, NamedFiles, Problem, UsedFile, load_settings, read_yaml, resolved
from dlstream_common.yaml.salvage import salvage
from dlstream_experiment.model.consistency import inconsistencies, without_failing
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.parsed_sections import ParsedSections
from dlstream_experiment.model.problems import with_lines


def load_experiment(
    path: str | Path,
    allow_python: bool = False,
    folder: Path | None = None,
    copies: Mapping[str, Path] | None = None,
    further: Callable[[ParsedSections], Iterable[Problem]] = lambda sections: (),
) -> Experiment:
    """Reads an experiment file and checks it in itself; `check_experiment` checks it against a rig.

    Args:
        allow_python: lets the file name classes of Python files beside it, which are then imported.
        folder: from which relative paths in it are taken; None: its own.
        copies: files to read in place of those that it names, by their names as they are written.
        further: finds more in a file with mistakes, from what could be parsed of it: one mistake hides no other.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    path = Path(path)
    try:
        directory = folder or resolved(path).parent
        return _load(path, {"directory": directory, "python": allow_python}, NamedFiles(copies or {}), further)
    except TypeError as error:  # of the YAML and JSON libraries: a key that is a list, or carries a tag
        raise InputError(path, [Problem((), str(error), "plain words as keys", line=1)]) from error


def _load(
    path: Path, context: dict[str, Any], files: NamedFiles, further: Callable[[ParsedSections], Iterable[Problem]]
) -> Experiment:
    context = {**context, "files": files}
    data = read_yaml(path, "experiment: two sides")
    text = path.read_text(encoding="utf-8")
    experiment: Experiment | None = None
    problems: list[Problem] = []
    try:
        experiment = load_settings(path, Experiment, context, data)
    except InputError as error:
        problems += error.problems
    if experiment:
        sections = ParsedSections.of_experiment(experiment)
    else:
        sections = ParsedSections.of_data(data, salvage(data, Experiment, context), context)
    sections, failures = without_failing(sections)
    problems += [*failures, *inconsistencies(sections)]
    if experiment is None or problems:
        problems += further(sections)
        raise InputError(path, with_lines(problems, data))
    experiment._path, experiment._data, experiment._text = path, data, text
    experiment._files = tuple(UsedFile(written, file, _sha256(path, file)) for written, file in files.found.items())
    return experiment


def sha256_of(file: Path) -> str:
    """The checksum of a file, as `UsedFile` has it.

    Raises:
        OSError: it can't be read.
    """
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _sha256(path: Path, file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError as error:
        problem = Problem((), f"the file {file}, which can't be read ({error.strerror})", "one that can", line=1)
        raise InputError(path, [problem]) from error
