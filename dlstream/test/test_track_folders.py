"""`dlstream track` on folders of images, TIFF stacks and animations, beside videos and without them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from track_tools import run, settings, write_video

from dlstream.offline.track.inputs import Item, find_videos
from dlstream.offline.track.job import track_video
from dlstream_camera.arena import Arena
from dlstream_common import DlstreamError


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("videos") / "walk.mp4")


def stills(folder: Path, count: int = 6) -> Path:
    """Images of one size in bytes."""
    arena = Arena(320, 240, seed=3)
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.bmp"), arena.render(number)[0])
    return folder


def test_other_files_in_a_folder_of_images_do_not_change_it(tmp_path):
    folder, out = stills(tmp_path / "stills"), tmp_path / "out"
    out.mkdir()

    def look(frames: int) -> None:
        for name in ("Thumbs.db", ".DS_Store", ".nfs0001"):
            (folder / name).write_bytes(bytes(50 + frames))

    assert track_video(Item("stills", folder), settings(out), look).state == "tracked"
    assert track_video(Item("stills", folder), settings(out)).state == "complete"
    shutil.copy(folder / "5.bmp", folder / "6.bmp")
    assert track_video(Item("stills", folder), settings(out)).reason == "the video has changed"


def test_images_that_change_their_places_are_tracked_again(tmp_path):
    folder, out = stills(tmp_path / "stills"), tmp_path / "out"
    out.mkdir()
    assert track_video(Item("stills", folder), settings(out)).state == "tracked"
    for old, new in (("1", "x"), ("4", "1"), ("x", "4")):
        (folder / f"{old}.bmp").rename(folder / f"{new}.bmp")
    assert track_video(Item("stills", folder), settings(out)).reason == "the video has changed"
    for path in folder.iterdir():
        os.utime(path)  # as a copy that keeps no times
    assert track_video(Item("stills", folder), settings(out)).state == "complete"


def stack(path: Path, pages: int = 3) -> Path:
    arena = Arena(320, 240, seed=len(path.stem))
    assert cv2.imwritemulti(str(path), [arena.render(number)[0] for number in range(pages)])
    return path


def test_each_of_several_tiff_stacks_is_a_video_of_its_own(tmp_path):
    folder = tmp_path / "day1"
    folder.mkdir()
    stack(folder / "m1.tif")
    assert [item.name for item in find_videos([folder], tmp_path / "out")] == ["day1"], "as any folder of images"
    stack(folder / "mouse2.tiff", 4)
    outcomes, said = run([folder], tmp_path / "out")
    assert [(outcome.name, outcome.frames) for outcome in outcomes] == [("m1", 3), ("mouse2", 4)]
    assert f"{folder}: 2 TIFF stacks, each of which is a video of its own" in said
    cv2.imwrite(str(folder / "arena.png"), np.zeros((240, 320), np.uint8))
    with pytest.raises(
        DlstreamError, match=r"day1: found 2 TIFF stacks, such as m1\.tif, beside .* such as arena\.png;"
    ):
        find_videos([folder], tmp_path / "out")


def animation(path: Path, pictures: int) -> Path:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("gif", rate=10, options={"global_palette": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "rgb8"
        for number in range(pictures):
            picture = av.VideoFrame.from_ndarray(Arena(320, 240).render(number)[0], "bgr24")
            file.mux(stream.encode(picture.reformat(format="rgb8")))
        file.mux(stream.encode())
    return path


def test_stacks_and_animations_beside_a_video_are_videos_of_their_own(walk, tmp_path):
    lab, out, said = tmp_path / "lab", tmp_path / "out", []
    lab.mkdir()
    animation(lab / "m2.gif", 4)
    assert [item.name for item in find_videos([lab], out, said.append)] == ["m2"]
    shutil.copy(walk, lab / "m1.mp4")
    stack(lab / "m3.tif")
    outcomes, _ = run([lab], out)
    assert [(outcome.name, outcome.frames) for outcome in outcomes] == [("m1", 20), ("m2", 4), ("m3", 3)]
    for name in ("arena.png", "page.tif", "m1DLC_demo_mouse_trajectory.png", ".hidden.png"):
        cv2.imwrite(str(lab / name), np.zeros((240, 320), np.uint8))
    animation(lab / "logo.gif", 1)
    assert [item.name for item in find_videos([lab], out, said.append)] == ["m1", "m2", "m3"]
    assert said == [
        f"{lab}: left out 3 single images beside videos, such as arena.png. Images of one video are tracked in a "
        "folder of their own"
    ]
    find_videos([lab, lab / "page.tif", lab / "logo.gif"], out, said.append)
    assert said[1].startswith(f"{lab}: left out a single image beside videos, such as arena.png."), "those are named"


def test_a_preview_and_a_name_that_nothing_can_be_called_by_do_not_stop_a_folder_of_videos(walk, tmp_path):
    lab, said = tmp_path / "lab", []
    lab.mkdir()
    shutil.copy(walk, lab / "m1.mp4")
    stack(lab / "m1.tif")
    animation(lab / "m1.gif", 4)
    stack(lab / "m2.tif")
    shutil.copy(lab / "m2.tif", lab / os.fsdecode(b"bild_\xe4.tif"))
    assert [item.name for item in find_videos([lab], tmp_path / "out", said.append)] == ["m1", "m2"]
    assert said[0].startswith(f"{lab}: left out 3 single images beside videos, such as ")


def test_an_animation_made_of_a_folders_images_does_not_take_their_place(tmp_path):
    folder = stills(tmp_path / "stills", 2)
    animation(folder / "preview.gif", 2)
    assert [item.path for item in find_videos([folder], tmp_path / "out")] == [folder]


def test_folders_of_images_that_are_left_out_are_told(walk, tmp_path):
    lab, said = tmp_path / "lab", []
    for name in ("day1", "day2", "results"):
        (lab / name).mkdir(parents=True)
    first, second = stills(lab / "day1" / "stills", 2), stills(lab / "day2" / "stills2", 2)
    (lab / "results" / "m1DLC_demo_mouse_trajectory.png").touch()
    with pytest.raises(
        DlstreamError, match=r"lab: found only 2 folders of images in it, such as .*stills; expected a "
    ):
        find_videos([lab], tmp_path / "out")
    shutil.copy(walk, lab / "day1" / "m1.mp4")
    (lab / "day1" / "arena.png").touch()
    assert [item.name for item in find_videos([lab], tmp_path / "out", said.append)] == ["m1"]
    assert said[1:] == [
        f"{lab}: left out 2 folders of images in it, such as {first}. Name each itself to have it tracked"
    ]
    found = find_videos([lab, first, second], tmp_path / "out", said.append)
    assert [item.name for item in found] == ["m1", "stills", "stills2"]
    assert said[2:] == said[:1], "those are named"
    _, text = run([lab], tmp_path / "out")
    assert said[1] in text
