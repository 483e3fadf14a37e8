"""What a distillation keeps on the disk, and a disk that is full."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from blob_network import write_blob_network, write_blob_video

from dlstream_common import NetworkError
from dlstream_pose.convert.distill import _views
from dlstream_pose.convert.distill._augment import Augmentation
from dlstream_pose.convert.distill._kept import replacing, write_text, writing
from dlstream_pose.convert.distill._lessons import lessons_of
from dlstream_pose.convert.distill._picture import draw
from dlstream_pose.convert.distill._teacher import Teacher
from dlstream_pose.convert.distill._views import Views
from dlstream_pose.convert.progress import silent


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> tuple[Path, Path]:
    """A teacher and a video for it."""
    folder = tmp_path_factory.mktemp("blobs")
    return write_blob_network(folder / "blobs.onnx"), write_blob_video(folder / "blobs.avi", 60)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_room_on_the_disk_is_taken_before_it_is_written_to(blobs, tmp_path, monkeypatch):
    """A write into a hole of a memory map ends the process where the disk is full."""

    class Tired(Teacher):
        asked = 0

        def answer(self, image):
            self.asked += 1
            if self.asked > 1:
                raise KeyboardInterrupt
            return super().answer(image)

    lessons = lessons_of(blobs[1], tmp_path / "0", 100, 0.2, 1.0, silent)
    with pytest.raises(KeyboardInterrupt):
        lessons.ask(Tired(blobs[0]), 1.0)
    images = tmp_path / "0" / "images.npy"
    assert images.stat().st_size > 40 * 48 * 64 * 3
    assert images.stat().st_blocks * 512 >= images.stat().st_size
    lessons.ask(Teacher(blobs[0]), 1.0)
    monkeypatch.setattr(_views, "_SAVED_EVERY", 1000)  # room is taken for so many views
    views, ticks = Views(tmp_path / "0", len(lessons.training), Augmentation(), 0.0, 1.0), count()
    views.ask(Teacher(blobs[0]), lessons.images, lessons.answer, 3, silent, lambda: float(next(ticks)))
    poses = tmp_path / "0" / "view_poses.npy"
    assert views.count == 3
    assert poses.stat().st_blocks * 512 >= poses.stat().st_size


ASK = """
import sys
from pathlib import Path
from dlstream_common import DlstreamError
from dlstream_pose.convert.distill._lessons import lessons_of
from dlstream_pose.convert.distill._teacher import Teacher
from dlstream_pose.convert.progress import silent
try:
    lessons_of(Path(sys.argv[2]), Path(sys.argv[3]), 100, 0.2, 1.0, silent).ask(Teacher(Path(sys.argv[1])), 1.0)
except DlstreamError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_is_told_and_does_not_kill(blobs, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"can't mount a small disk: {done.stderr.strip()}")
    try:
        command = [sys.executable, "-c", ASK, *map(str, blobs), str(disk / "0")]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert found.returncode == 1, found
    assert f"{disk}/0/images.npy: can't be written (No space left on device; 0 MB free)" in found.stderr


def test_what_was_kept_stays_where_there_is_no_room_for_more(tmp_path):
    path = tmp_path / "done.json"
    write_text(path, "before")
    with (
        files_of_at_most(100),
        pytest.raises(NetworkError, match=r"done\.json: can't be written \(File too large; \d+ MB"),
    ):
        write_text(path, "x" * 1000)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(NetworkError, match=r"done\.json: can't be written \(unexpected pos 640"), replacing(path):
        raise RuntimeError("unexpected pos 640")  # what torch says of a full disk
    with pytest.raises(NetworkError, match=r"state\.pt: can't be written \(Permission"), writing(tmp_path / "state.pt"):
        raise PermissionError(13, "Permission denied")


def test_a_picture_that_can_not_be_written_ends_no_training(tmp_path):
    images = [np.full((48, 64, 3), 200, np.uint8)] * 8
    poses = np.tile(np.array([[20, 20, 0.9], [40, 30, 0.9]], np.float32), (8, 1, 1))
    path = tmp_path / "progress.png"
    draw(path, [(1.0, 9.0)], images, poses, poses)
    before = path.read_bytes()
    with files_of_at_most(100):
        draw(path, [(1.0, 9.0), (2.0, 3.0)], images, poses, poses)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    draw(tmp_path / "gone" / "progress.png", [(1.0, 9.0)], images, poses, poses)
