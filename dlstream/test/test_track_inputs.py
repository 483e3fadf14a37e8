"""`dlstream track` on archives as they are: links, old names, files that are still growing, images of many sizes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from track_tools import run, settings, write_damaged, write_video

from dlstream.offline.track.inputs import Item, find_videos
from dlstream.offline.track.job import track_video
from dlstream.offline.track.lost import in_words
from dlstream_camera.arena import Arena
from dlstream_common import DlstreamError


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("videos") / "walk.mp4")


def test_folders_behind_links_are_searched_once(walk, tmp_path):
    archive, lab = tmp_path / "archive", tmp_path / "lab"
    (archive / "day1").mkdir(parents=True)
    lab.mkdir()
    shutil.copy(walk, archive / "day1" / "m1.mp4")
    (lab / "day1").symlink_to(archive / "day1")
    (lab / "again").symlink_to(archive)
    (archive / "round").symlink_to(lab)
    assert [item.name for item in find_videos([lab], tmp_path / "out")] == ["m1"]


def test_a_name_that_is_no_utf8_is_refused_before_hours_of_work(walk, tmp_path):
    old = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xe4use"))
    old.mkdir()
    shutil.copy(walk, old / "m1.mp4")
    with pytest.raises(DlstreamError, match=r"m1\.mp4: found a name that is no UTF-8; .*convmv -f latin1 -t utf8"):
        find_videos([walk, old], tmp_path / "out")
    with pytest.raises(DlstreamError, match=r"found a name that is no UTF-8; expected UTF-8"):
        run([walk], old / "out")
    shutil.copy(walk, tmp_path / "Mäuse 鼠.mp4")
    [outcome], _ = run([tmp_path / "Mäuse 鼠.mp4"], tmp_path / "Ergebnisse ü")
    assert outcome.state == "tracked"


def test_a_video_that_grows_while_it_is_tracked_has_no_results(walk, tmp_path):
    video = tmp_path / "walk.mkv"
    write_video(video)
    out = tmp_path / "out"
    out.mkdir()

    def grow(frames: int) -> None:
        with video.open("ab") as file:
            file.write(bytes(100))

    outcome = track_video(Item("walk", video), settings(out), grow)
    assert outcome.state == "failed"
    assert "it changed while it was tracked" in outcome.reason
    assert list(out.iterdir()) == []
    os.utime(walk)  # another time of change, and the same content
    assert track_video(Item("walk", walk), settings(out), lambda frames: os.utime(walk)).state == "tracked"


def test_images_of_another_size_are_rows_without_a_pose(tmp_path):
    arena = Arena(320, 240, seed=3)
    (tmp_path / "stills").mkdir()
    for number in range(6):
        image = arena.render(number)[0]
        cv2.imwrite(str(tmp_path / "stills" / f"{number}.png"), image if number not in (0, 3, 4) else image[:100, :200])
    cv2.imwrite(str(tmp_path / "stills" / "6.png"), arena.render(6)[0])
    [outcome], said = run([tmp_path / "stills"], tmp_path / "out", annotate=True)
    assert (outcome.state, outcome.frames, outcome.lost) == ("tracked", 7, 3)
    size = "it is 200x100; expected 320x240, the size of the others"
    assert f"stills: frame 0 is lost: {size}\n" in said
    assert f"stills: frames 3 to 4 are lost: {size}\n" in said
    table = pd.read_hdf(tmp_path / "out" / "stillsDLC_demo_mouse.h5")
    assert np.flatnonzero(table.isna().all(axis=1)).tolist() == [0, 3, 4]


def test_each_lost_frame_is_told_with_its_number(tmp_path):
    _, said = run([write_damaged(tmp_path / "mouse.avi", lost=(0, 8, 9, 12, 15, 16))], tmp_path / "out")
    for words in ("frame 0 is lost: its data is damaged", "frames 8 to 9 are lost: its data", "frame 12 is lost: its "):
        assert f"mouse: {words}" in said
    assert "mouse: 2 more lost frames: mouseDLC_demo_mouse.track.json has them all" in said
    assert list(in_words([], "x")) == []
