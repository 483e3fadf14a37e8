"""The experiment that a node is configured with is read again where it, or a file that it names, has changed."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from dlstream_common import InputError
from dlstream_experiment.ros.experiment_file import ExperimentFile
from dlstream_experiment.settings import ExperimentSettings

FOLDER = Path(__file__).parents[2] / "config" / "experiments" / "python"


def test_a_class_that_has_changed_is_taken_over(tmp_path):
    for name in ("python.yaml", "near_wall.py"):
        shutil.copy(FOLDER / name, tmp_path / name)
    settings = ExperimentSettings(file=tmp_path / "python.yaml", allow_python=True)
    file = ExperimentFile(settings, logging.getLogger())
    first = file.newest()
    assert file.newest() is first
    python = tmp_path / "near_wall.py"
    text = python.read_text()
    python.write_text(text.replace("near the wall", "at the wall"))
    second = file.newest()
    assert second is not first
    assert second.files[0].sha256 != first.files[0].sha256
    assert file.newest() is second
    python.unlink()
    with pytest.raises(InputError, match="an existing Python file, but there is no"):
        file.newest()
    assert file.experiment is second
