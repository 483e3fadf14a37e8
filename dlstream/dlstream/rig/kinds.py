"""Rig files and experiment files are told apart, for who gives one where the other is expected."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from shlex import quote

from dlstream.rig.file import Rig
from dlstream_common import InputError, read_yaml
from dlstream_experiment.model.experiment import Experiment

_OF_RIGS = Rig.model_fields.keys() - Experiment.model_fields.keys()
_OF_EXPERIMENTS = Experiment.model_fields.keys() - Rig.model_fields.keys()


def no_rig(path: Path) -> str:
    """What a file is that was given as a rig file, if it is an experiment file; empty if it is not."""
    if not _has(path, _OF_EXPERIMENTS, without=_OF_RIGS):
        return ""
    return (
        f"{path}: found an experiment file; expected a rig file, which names it under `experiment:`. To check this "
        f"one: `dlstream experiment check {quote(str(path))}`"
    )


def no_experiment(path: Path) -> str:
    """As `no_rig`, of a rig file that was given as an experiment file."""
    if not _has(path, _OF_RIGS, without=_OF_EXPERIMENTS):
        return ""
    return (
        f"{path}: found a rig file; expected an experiment file. To check this one: `dlstream check {quote(str(path))}`"
    )


def _has(path: Path, keys: Set[str], without: Set[str]) -> bool:
    try:
        found = set(map(str, read_yaml(path)))
    except InputError:
        return False
    return not found.isdisjoint(keys) and found.isdisjoint(without)
