"""Where rigs are found: in a folder of one's own only, since /tmp is everybody's."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from dlstream.run import registry
from dlstream.run.registry import NoRigError, RunningRig, announced, find_rig, running_rigs

RIG = RunningRig("lab", "/lab/rig.yaml", 1, 0, ("/pose",), ("top",), ("laser",), {"ROS_DOMAIN_ID": "5"})


@contextmanager
def held(folder: Path, contents: Any) -> Iterator[None]:
    """A file that a running process holds."""
    with (folder / "1.json").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(contents, file)
        file.flush()
        yield


def somebody_elses(folder: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root gives a folder away")
    os.chown(folder, 12345, 12345)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: folder.chmod(0o777), "a folder with mode 777, into which others may reach"),
        (lambda folder: folder.chmod(0o750), "a folder with mode 750, into which others may reach"),
        (somebody_elses, "a folder of user 12345"),
        (lambda folder: (folder.rename(f"{folder}2"), folder.symlink_to(f"{folder}2")), "which is no folder"),
    ],
)
def test_a_folder_that_others_may_have_made_is_not_used(tmp_path, monkeypatch, spoil, reason):
    folder = tmp_path / "rigs"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(registry, "_folder", lambda: folder)
    with held(folder, asdict(RIG)):
        assert running_rigs() == [RIG]
        spoil(folder)
        assert running_rigs() == []
        with pytest.raises(NoRigError, match=reason):
            find_rig()
        told: list[str] = []
        with announced(replace(RIG, pid=2), warn=told.append):
            assert not (folder / "2.json").exists()
        assert reason in told[0]
        assert str(folder) in told[0]


def test_only_the_variables_that_a_rig_is_started_with_are_taken(tmp_path):
    (tmp_path / "rigs").mkdir(mode=0o700)
    contents = {**asdict(RIG), "environment": {"ROS_DOMAIN_ID": 5, "LD_PRELOAD": "/tmp/x.so"}}
    with held(tmp_path / "rigs", contents):
        assert running_rigs(tmp_path / "rigs") == [RIG]


@pytest.mark.parametrize("contents", [[], {}, 1, {**asdict(RIG), "environment": []}, {**asdict(RIG), "cameras": 1}])
def test_a_file_that_is_none_of_a_rig_is_left_alone(tmp_path, contents):
    (tmp_path / "rigs").mkdir(mode=0o700)
    with held(tmp_path / "rigs", contents):
        assert running_rigs(tmp_path / "rigs") == []


def test_one_that_is_there_is_told_of_for_as_long_as_it_runs(tmp_path):
    with announced(RIG, tmp_path / "rigs", pytest.fail):
        assert running_rigs(tmp_path / "rigs") == [RIG]
    assert running_rigs(tmp_path / "rigs") == []


def test_a_rig_runs_without_being_told_of_where_that_can_not_be_written(tmp_path, full_disk):
    told: list[str] = []
    with full_disk(), announced(RIG, tmp_path / "rigs", told.append):
        pass
    why = f"{tmp_path}/rigs/1.json can't be written: File too large"
    assert told == [f"`dlstream status` and other commands won't find this rig: {why}"]
    assert not list((tmp_path / "rigs").iterdir())


def test_others_are_told_that_a_rig_is_ending(tmp_path):
    rig = replace(RIG, pid=os.getpid(), subject="M\u00e4use")
    with announced(rig, tmp_path / "rigs") as tell_ending:
        assert running_rigs(tmp_path / "rigs") == [rig]
        size = (tmp_path / "rigs" / f"{rig.pid}.json").stat().st_size
        tell_ending()
        assert running_rigs(tmp_path / "rigs") == [replace(rig, ending=True)]
        assert (tmp_path / "rigs" / f"{rig.pid}.json").stat().st_size == size, "who reads it meanwhile finds it whole"
    assert running_rigs(tmp_path / "rigs") == []


def test_two_rigs_of_one_process_are_found_each_by_its_namespace(tmp_path):
    folder = tmp_path / "rigs"
    rigs = [replace(RIG, namespace=name) for name in ("rig1", "lab/rig2")]
    with announced(rigs[0], folder, pytest.fail):
        with announced(rigs[1], folder, pytest.fail):
            assert sorted(running_rigs(folder), key=rigs.index) == rigs
            assert find_rig("rig1", folder) == rigs[0]
            assert find_rig("/lab/rig2", folder) == rigs[1]
            for both in ("", "lab", "1"):
                with pytest.raises(
                    NoRigError, match=r"--rig NAMESPACE .* lab \(namespace lab/rig2, /lab/rig.yaml, process 1"
                ):
                    find_rig(both, folder)
        assert running_rigs(folder) == rigs[:1]
    assert not list(folder.iterdir())


def test_what_a_killed_process_of_the_same_number_has_left_is_written_over(tmp_path):
    folder = tmp_path / "rigs"
    folder.mkdir(mode=0o700)
    (folder / "1.json").write_text("x" * 10_000)
    with announced(RIG, folder, pytest.fail):
        assert running_rigs(folder) == [RIG]
        assert [path.name for path in folder.iterdir()] == ["1.json"]
