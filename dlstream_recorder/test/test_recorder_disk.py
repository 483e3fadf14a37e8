"""Disks that are full, read-only or not there."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlstream_common import RecordingError
from dlstream_recorder import recover
from dlstream_recorder.report.tables import read_events
from dlstream_recorder.session.check import check_directory
from dlstream_recorder.writers._files import write_error

MEGABYTE = 1 << 20


def fill(session, make, wait_for):
    """Records noise until the session can't go on."""
    images = make.images(4, 240, 320)
    number = 0

    def one_more():
        nonlocal number
        session.add_frame(make.frame(number, images[number % 4]))
        number += 1
        return session.error is not None

    wait_for(one_more, "the end of the disk")
    one_more()  # too late in any case
    return images


def check_what_is_left(folder, make, images):
    """The video plays, bit by bit, and agrees with its table."""
    decoded, times = make.decode(folder / "top.mkv", "bgr24")
    assert len(decoded) > 5
    assert all(np.array_equal(found, images[number % 4]) for number, found in enumerate(decoded))
    table = pd.read_csv(folder / "top.frames.csv")
    assert table["pts_ns"].tolist() == times


def test_a_disk_that_fills_up_ends_the_recording_and_nothing_is_damaged(open_session, make, small_disk, wait_for):
    session = open_session(directory=small_disk, name="full")
    images = fill(session, make, wait_for)
    assert isinstance(session.error, RecordingError)
    assert f"(disk {small_disk}: 0.0" in str(session.error)
    assert "No space left on device" in str(session.error)
    summary = session.finish()
    check_what_is_left(session.folder, make, images)
    contents = json.loads((session.folder / "session.json").read_text())
    assert "No space left on device" in contents["error"]
    assert contents["complete"] is False
    assert contents["summary"] == summary.model_dump(mode="json"), "the reserve had room for it"
    assert summary.frames_dropped > 0, "those that came too late"
    faults = read_events(session.folder)
    assert any("recording stopped" in values for values in faults["values"])
    assert any("recording stopped" in fault.values["text"] for fault in session.take_faults())
    summary_again = recover(session.folder)
    assert summary_again.frames_recorded == summary.frames_recorded
    assert json.loads((session.folder / "session.json").read_text())["complete"] is True


RIG = "cameras:\n  top: {source: opencv, device: 'rtsp://operator:Hunter2!@host/cam?token=Hunter2'}\n"


def files_with_the_password(folder):
    return [path for path in folder.rglob("*") if path.is_file() and b"Hunter2" in path.read_bytes()]


def test_a_disk_that_fills_up_tells_no_password(open_session, make, small_disk, tmp_path, wait_for):
    (tmp_path / "rig.yaml").write_text(RIG)
    session = open_session(directory=small_disk, rig_file=str(tmp_path / "rig.yaml"))
    fill(session, make, wait_for)
    said = []
    session.finish("", said.append)
    told = [str(session.error), session.failure, *said, *(fault.values["text"] for fault in session.take_faults())]
    assert any("No space left on device" in text for text in told)
    assert not [text for text in told if "Hunter2" in text]
    assert files_with_the_password(session.folder) == []


def test_a_disk_without_room_for_the_rig_file_keeps_nothing_of_its_password(open_session, small_disk, tmp_path):
    (tmp_path / "rig.yaml").write_text(RIG + "# much more\n" * 2_000_000)  # more than the disk holds
    with pytest.raises(RecordingError, match=r"can't write .*rig\.yaml: No space left on device") as told:
        open_session(directory=small_disk, rig_file=str(tmp_path / "rig.yaml"))
    assert "Hunter2" not in str(told.value)
    assert files_with_the_password(small_disk) == []


def removed(folder):
    """Whether a folder into which files are still written is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@pytest.mark.parametrize("away", [removed, lambda folder: folder.rename(folder.with_name("elsewhere"))])
def test_a_folder_that_is_taken_away_ends_the_recording(open_session, wait_for, away):
    session = open_session(bag=False)  # whose first files come a little later
    assert session.error is None
    wait_for(lambda: away(session.folder), "the end of the folder")
    wait_for(lambda: session.error is not None, "the end of the recording")
    assert f"the folder {session.folder} is gone: it was removed or renamed" in str(session.error)
    session.finish()


def test_a_file_that_may_not_grow_any_more(open_session, make, wait_for):
    session = open_session(bag=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6 * MEGABYTE, hard))
    try:
        images = fill(session, make, wait_for)
        session.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "File too large" in session.failure
    check_what_is_left(session.folder, make, images)


def test_a_read_only_disk_is_refused(open_session, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(RecordingError, match=r"Read-only file system \(disk .*disk\)\. The disk is read-only") as found:
        open_session(directory=small_disk)
    assert "Make room" not in str(found.value)


def test_a_disk_that_becomes_read_only_ends_the_recording_with_the_reason(open_session, make, small_disk, wait_for):
    session = open_session(directory=small_disk, bag=False)
    here = str(small_disk)
    subprocess.run(["mount", "--bind", here, here], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", here], check=True)
        session.add_frame(make.frame(0, make.images(1)[0]))  # its first files come with it
        wait_for(lambda: session.error is not None, "the end of the recording")
        session.finish()
        assert "The disk is read-only: record to another directory" in session.failure
    finally:
        subprocess.run(["umount", here], check=True)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "permission to write there, or record to another directory"),
        (errno.EROFS, "The disk is read-only: record to another directory"),
        (errno.ENOSPC, " free). Make room, or record to another directory"),
        (errno.ENAMETOOLONG, "A name has at most 255 bytes: give a shorter one"),
        (errno.EMFILE, "This process has as many files open as it may: allow it more (`ulimit -n`)"),
        (errno.EIO, " free). Record to another directory"),
    ],
)
def test_what_helps_depends_on_what_is_wrong(tmp_path, number, said):
    text = str(write_error(tmp_path / "session", OSError(number, os.strerror(number))))
    assert text.endswith(said)
    assert os.strerror(number) in text


def test_places_that_hold_no_files_are_named(tmp_path):
    for folder in (Path("/proc/here"), tmp_path / ("a" * 300)):
        with pytest.raises(RecordingError, match=r"/proc holds no files of users|at most 255 bytes"):
            check_directory(folder, 0.0)


def test_a_disk_with_too_little_room_is_refused(open_session, small_disk):
    with pytest.raises(RecordingError, match=r"free on the disk .*disk; expected at least 1\.00 GB"):
        open_session(directory=small_disk, min_free=1.0)
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_is_full_from_the_start_is_refused(open_session, small_disk):
    (small_disk / "ballast").write_bytes(bytes(11 * MEGABYTE))
    with pytest.raises(RecordingError, match=r"No space left on device .*\. Make room, or record to another directory"):
        open_session(directory=small_disk)
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_a_file_in_the_directorys_place_is_refused(open_session, tmp_path):
    (tmp_path / "sessions").write_text("not a folder")
    with pytest.raises(RecordingError, match="Not a directory"):
        open_session(directory=tmp_path / "sessions")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(open_session, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RecordingError, match="Permission denied"):
        open_session(directory=tmp_path)
    tmp_path.chmod(0o700)


def test_a_disk_that_is_getting_full_is_told(open_session, small_disk, wait_for):
    session = open_session(directory=small_disk, min_free=0.005)
    (small_disk / "ballast").write_bytes(bytes(5 * MEGABYTE))
    faults = []
    wait_for(lambda: faults.extend(session.take_faults()) or faults, "a warning")
    assert "is nearly full" in faults[0].values["text"]
    assert session.error is None
    session.finish()


def test_the_disk_is_that_of_the_nearest_folder(tmp_path: Path):
    from dlstream_recorder.writers._files import disk_of

    assert disk_of(tmp_path / "not" / "yet" / "there").is_mount()
