from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from ruamel.yaml import YAML

from dlstream.rig.nodes import NodeSpec
from dlstream.run.parameter_files import parameter_file, remove_abandoned_files


def test_files_of_dead_processes_are_removed_and_no_others(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    abandoned = tmp_path / f"dlstream_{int(dead.stdout)}_abc123.yaml"
    others = [tmp_path / name for name in ("dlstream_1_abc123.yaml", "dlstream_notes.yaml", "notes.txt")]
    for path in (abandoned, *others):
        path.write_text("")
    assert remove_abandoned_files(tmp_path) == 1
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_file_of_this_process_is_kept_and_has_the_parameters():
    spec = NodeSpec("package", "node", "camera", "/top", {"fps": 30.0, "path": "a: b"})
    file = parameter_file(spec)
    try:
        assert file.stat().st_mode & 0o077 == 0, "it may have the password of a camera"
        remove_abandoned_files(file.parent)
        assert YAML(typ="safe").load(file) == {"/**": {"ros__parameters": {"fps": 30.0, "path": "a: b"}}}
    finally:
        file.unlink()


def test_texts_stay_texts_where_yaml_1_1_would_read_something_else():
    words = ["off", "No", "y", "1:30", "0815", "5000", "~", "null", "1e3", "", 'say "on"\n', "0x10", "2026-11-28"]
    spec = NodeSpec("package", "node", "camera", "/top", {"words": words, **{f"p{i}": w for i, w in enumerate(words)}})
    file = parameter_file(spec)
    try:
        parameters = yaml.safe_load(file.read_text())["/**"]["ros__parameters"]  # as rclpy and rcl read it
        assert parameters["words"] == words
        assert [parameters[f"p{i}"] for i in range(len(words))] == words
    finally:
        file.unlink()


def test_one_that_can_not_be_written_is_named_and_not_left(tmp_path, monkeypatch, full_disk):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with full_disk(), pytest.raises(OSError, match="File too large") as caught:
        parameter_file(NodeSpec("package", "node", "camera", "/top", {"fps": 30.0}))
    assert str(caught.value.filename).startswith(str(tmp_path))
    assert not list(tmp_path.iterdir())
