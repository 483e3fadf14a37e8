"""`dlstream track` on archives as they are: links, old names, files that are still growing, images of many sizes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from track_tools import NETWORK, SECOND, run, settings, tables, write_damaged, write_video

from dlstream.offline.track import record
from dlstream.offline.track.inputs import Item, find_videos
from dlstream.offline.track.job import track_video
from dlstream.offline.track.lost import in_words
from dlstream_camera.arena import Arena
from dlstream_common import DlstreamError, Frame
from dlstream_pose import Network
from dlstream_pose.runtime.engines import AUTO
from dlstream_pose.runtime.network_info import METADATA_KEY
from dlstream_pose.runtime.precision import Precision
from dlstream_recorder import Session, SessionSettings, read_session, write_json


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


def test_a_link_upwards_does_not_add_what_lies_beside(walk, tmp_path):
    data = tmp_path / "data"
    for folder in (data / "day1", tmp_path / "other", tmp_path / "far" / "in"):
        folder.mkdir(parents=True)
    shutil.copy(walk, data / "day1" / "m1.mp4")
    shutil.copy(walk, tmp_path / "other" / "m2.mp4")
    shutil.copy(walk, tmp_path / "far" / "m3.mp4")
    shutil.copy(walk, tmp_path / "far" / "in" / "m4.mp4")
    (data / "up").symlink_to("..")
    (data / "day1" / "up").symlink_to("../..")
    (data / "in").symlink_to(tmp_path / "far" / "in")
    (tmp_path / "far" / "in" / "up").symlink_to("..")
    assert [item.name for item in find_videos([data], tmp_path / "out")] == ["m1", "m4"]


@pytest.mark.parametrize("there", [True, False])
def test_the_command_tells_a_name_that_is_no_utf8(walk, tmp_path, there):
    old = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xe4use.mp4"))
    if there:
        shutil.copy(walk, old)
    words = [sys.executable, "-m", "dlstream", "track", old, "--network", NETWORK, "--out", tmp_path / "out"]
    done = subprocess.run(words, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 1
    assert "Traceback" not in said
    assert f"M{chr(92)}" in said
    assert ("found a name that is no UTF-8" if there else "found no such file") in said


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


def test_depth_cameras_of_a_session_are_left_out(tmp_path):
    given = SessionSettings(directory=tmp_path, session="s", cameras=["box/depth", "top"], min_free=0.0, bag=False)
    session = Session(given)
    start, arena = read_session(session.folder)["created_ns"], Arena(320, 240, seed=3)
    for number in range(3):
        stamp = start + number * SECOND // 10
        session.add_frame(Frame("top", number, stamp, arena.render(number)[0], "bgr8"))
        depth = np.full((240, 320), 1000 + number, np.uint16)
        session.add_frame(Frame("box/depth", number, stamp, depth, "16UC1"))
    session.finish("enough")
    out, said = tmp_path / "out", []
    assert [item.name for item in find_videos([tmp_path], out, said.append)] == ["s_top"]
    assert said == [
        f"{tmp_path}/s/box_depth.mkv: left out, because it is of a depth camera. Name it itself to have it tracked"
    ]
    assert [item.name for item in find_videos([tmp_path / "s" / "box_depth.mkv"], out)] == ["s_box_depth"]
    (tmp_path / "s" / "top.mkv").unlink()
    with pytest.raises(DlstreamError, match="found a session without a video other than of depth cameras"):
        find_videos([tmp_path / "s"], out)


def test_results_of_before_are_made_again(walk, tmp_path):
    run([walk], tmp_path)
    path = tmp_path / "walkDLC_demo_mouse.track.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"format": 1}))
    [outcome], _ = run([walk], tmp_path)
    assert (outcome.state, outcome.reason) == ("tracked", "another version of dlstream wrote the results")


def test_the_record_says_which_engine_was_used(walk, tmp_path):
    """A network of less than single precision has one engine on all machines; the record is of what was asked for."""
    proof = {"engine": "onnx", "library": "x", "seen": 1, "confidence_median": 0.0, "confidence_worst": 0.0}
    proof |= {"frames": 1, "on": "x", "median": 0.1, "p95": 0.1, "p99": 0.1, "worst": 0.1}
    onnx = pytest.importorskip("onnx")
    model = onnx.load(NETWORK)
    precision = Precision.model_validate({"name": "int8", "proofs": [proof]})
    info = Network(NETWORK).info.model_copy(update={"precision": precision})
    onnx.helper.set_model_props(model, {METADATA_KEY: info.model_dump_json()})
    onnx.save(model, tmp_path / "mouse.int8.onnx")
    for network, run_by in ((NETWORK, "auto"), (tmp_path / "mouse.int8.onnx", "onnx")):
        given = settings(tmp_path / "out", network=network)
        assert (given.engine, given.run_by) == ("auto", run_by)
        run([walk], tmp_path / "out", network=network)
        about = json.loads((tmp_path / "out" / f"walkDLC_{network.stem}.track.json").read_text())
        assert about["settings"]["engine"] == "auto"
        assert about["engine_used"] in (AUTO if run_by == "auto" else ["onnx"])


def test_a_video_of_the_same_name_does_not_overwrite_the_other_ones_results(walk, tmp_path):
    out, day1, day2 = tmp_path / "out", tmp_path / "day1", tmp_path / "day2"
    for day in (day1, day2):
        day.mkdir()
        write_video(day / "m.mp4", 5, seed=len(list(tmp_path.iterdir())))
    run([day1], out)
    before = tables(out)
    for changes in ({}, {"scale": 0.5}):
        with pytest.raises(
            DlstreamError, match=r"track\.json: found the results of .*day1/m\.mp4, which is still there"
        ):
            run([day2 / "m.mp4"], out, **changes)
    assert tables(out) == before
    (tmp_path / "moved").mkdir()
    (day1 / "m.mp4").rename(tmp_path / "moved" / "m.mp4")
    assert run([tmp_path / "moved"], out)[0][0].state == "complete", "moved"
    shutil.copy(tmp_path / "moved" / "m.mp4", day1)
    assert run([tmp_path / "moved"], out)[0][0].state == "complete", "at two places"
    (day1 / "m.mp4").unlink()
    [outcome], _ = run([day2], out)
    assert (outcome.state, outcome.reason) == ("tracked", "the video has changed"), "the other one is gone"


def test_files_of_former_results_do_not_stay_beside_the_new_ones(walk, tmp_path):
    base = "walkDLC_demo_mouse"
    run([walk], tmp_path, annotate=True, pictures=True)
    (tmp_path / f"{base}_notes.txt").write_text("my own")
    path = tmp_path / f"{base}.track.json"
    about = json.loads(path.read_text())
    (tmp_path / "other.txt").write_text("not of this video")
    path.write_text(json.dumps(about | {"files": {**about["files"], "other.txt": 1, f"{base}/../other.txt": 1}}))
    assert run([walk], tmp_path)[0][0].state == "complete", "nothing is removed"
    assert (tmp_path / f"{base}_labeled.mp4").exists()
    run([walk], tmp_path, scale=0.5, pictures=True)
    ours = [f"{base}{end}" for end in (".csv", ".h5", ".track.json", "_notes.txt", "_occupancy.png", "_trajectory.png")]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*ours, "other.txt"])


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device"), None])
def test_results_that_did_not_get_all_their_names_are_made_again(walk, tmp_path, monkeypatch, stop):
    """Stopped before the last record, or with `None` before the last file has its name."""
    out, base = tmp_path / "out", "walkDLC_demo_mouse"

    def write(path: Path, data: Mapping[str, Any]) -> None:
        if "frames" in data:
            raise stop
        write_json(path, data)

    def move(self: Path, target: Path) -> Path:
        if target.suffix == ".h5" and self.parent != target.parent:
            raise KeyboardInterrupt
        return self.rename(target)

    with monkeypatch.context() as patch:
        if stop is None:
            patch.setattr(Path, "replace", move)
        else:
            patch.setattr(record, "write_json", write)
        if isinstance(stop, OSError):
            [outcome], _ = run([walk], out)
            assert outcome.state == "failed"
            assert "No space left on device" in outcome.reason
        else:
            with pytest.raises(KeyboardInterrupt):
                run([walk], out)
    assert (out / f"{base}.csv").exists()
    [outcome], _ = run([walk], out)
    assert (outcome.state, outcome.reason) == ("tracked", "the command was stopped while the results got their names")
    run([walk], tmp_path / "other")
    assert tables(out) == tables(tmp_path / "other")
    assert run([walk], out)[0][0].state == "complete"


def test_a_video_whose_first_frame_has_another_size_than_most_fails(tmp_path):
    def part(name: str, width: int, height: int, count: int) -> bytes:
        with av.open(str(tmp_path / name), "w", format="mpegts") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for _ in range(count):
                image = np.full((height, width, 3), 90, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24").reformat(format="yuv420p")))
            container.mux(stream.encode(None))
        return (tmp_path / name).read_bytes()

    (tmp_path / "in").mkdir()
    for name, counts in (("bad", (5, 20)), ("good", (20, 5))):
        small, large = part("a", 320, 240, counts[0]), part("b", 640, 480, counts[1])
        (tmp_path / "in" / f"{name}.ts").write_bytes(small + large)
    [bad, good], _ = run([tmp_path / "in"], tmp_path / "out")
    assert (bad.state, good.state, good.lost) == ("failed", "tracked", 5)
    said = r"found (19|20) of 25 frames of 640x480; expected most of 320x240, as its first frame\. Cut it"
    assert re.match(said, bad.reason), "one may be damaged at the seam"
    assert [path.name[:4] for path in (tmp_path / "out").iterdir()] == ["good"] * 3
