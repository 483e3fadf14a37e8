"""Reading experiment files."""

from __future__ import annotations

from pathlib import Path

from dlstream_common import InputError, Problem, load_settings, read_yaml
from dlstream_experiment._parts import Parts, Problems, problems_within
from dlstream_experiment.experiment import Experiment


def load_experiment(path: str | Path, folder: Path | None = None) -> Experiment:
    """Reads an experiment file and checks it in itself; `check_experiment` checks it against a rig.

    Args:
        folder: from which relative paths in it are taken; None: its own.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    path = Path(path)
    try:
        return _load(path, folder)
    except TypeError as error:  # of the YAML and JSON libraries: a key that is a list, or carries a tag
        raise InputError(path, [Problem("", str(error), "plain words as keys")]) from error


def _load(path: Path, folder: Path | None) -> Experiment:
    data = read_yaml(path)
    text = path.read_text(encoding="utf-8")
    experiment: Experiment | None = None
    problems: list[Problem] = []
    try:
        experiment = load_settings(path, Experiment, {"directory": folder} if folder else None)
    except InputError as error:
        problems += error.problems
    parts = Parts.of_experiment(experiment) if experiment else Parts.of_data(data)
    problems += problems_within(parts, Problems(data))
    if experiment is None or problems:
        raise InputError(path, sorted(problems, key=lambda problem: problem.line or 0))
    experiment._path, experiment._data, experiment._text = path, data, text
    return experiment
