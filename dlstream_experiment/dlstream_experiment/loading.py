"""Reading experiment files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlstream_common import InputError, Problem, load_settings, read_yaml
from dlstream_experiment._parts import Parts, Problems, problems_within
from dlstream_experiment.experiment import Experiment


def load_experiment(path: str | Path, allow_python: bool = False, folder: Path | None = None) -> Experiment:
    """Reads an experiment file and checks it in itself; `check_experiment` checks it against a rig.

    Args:
        allow_python: lets the file name classes of Python files beside it, which are then imported.
        folder: from which relative paths in it are taken; None: its own.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    path = Path(path)
    try:
        return _load(path, {"directory": folder or path.resolve().parent, "python": allow_python})
    except TypeError as error:  # of the YAML and JSON libraries: a key that is a list, or carries a tag
        raise InputError(path, [Problem("", str(error), "plain words as keys", 1)]) from error


def _load(path: Path, context: dict[str, Any]) -> Experiment:
    data = read_yaml(path)
    text = path.read_text(encoding="utf-8")
    experiment: Experiment | None = None
    problems: list[Problem] = []
    try:
        experiment = load_settings(path, Experiment, context)
    except InputError as error:
        problems += error.problems
    parts = Parts.of_experiment(experiment) if experiment else Parts.of_data(data, context)
    problems += problems_within(parts, Problems(data))
    if experiment is None or problems:
        raise InputError(path, sorted(problems, key=lambda problem: problem.line or 0))
    experiment._path, experiment._data, experiment._text = path, data, text
    return experiment
