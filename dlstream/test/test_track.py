"""`dlstream track`: many videos, no experiment; complete results are never made twice, half ones are never there."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from track_tools import NETWORK, console, run, settings, tables, write_damaged, write_video, writes

from dlstream.offline.analyze import Options, analyze
from dlstream.offline.progress import ProgressLines
from dlstream.offline.track.inputs import find_videos
from dlstream.offline.track.progress import TrackProgress
from dlstream.offline.track.run import show_summary, track
from dlstream_camera.arena import KEYPOINTS, Arena
from dlstream_common import DlstreamError
from dlstream_recorder.report.tables import read_poses

pytestmark = pytest.mark.slow

EXPERIMENT = """\
experiment: half
camera: top
regions: {left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}}
triggers: {in_left: {type: region, region: left, keypoints: [neck]}}
protocol:
  type: region_trials
  trials: {left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}}
"""


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("videos") / "walk.mp4")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_video_gives_deeplabcuts_tables_a_video_and_pictures(walk, tmp_path):
    [outcome], said = run([walk], tmp_path / "out", annotate=True, pictures=True)
    assert (outcome.state, outcome.frames, outcome.lost) == ("tracked", 20, 0)
    assert "walk: 20 frames" in said
    base = "walkDLC_demo_mouse"
    assert names(tmp_path / "out") == [
        f"{base}.csv",
        f"{base}.h5",
        f"{base}.track.json",
        f"{base}_labeled.mp4",
        f"{base}_occupancy.png",
        f"{base}_trajectory.png",
    ]
    table = pd.read_hdf(tmp_path / "out" / f"{base}.h5")
    assert list(table.columns.names) == ["scorer", "bodyparts", "coords"]
    assert table.columns[0] == ("DLC_demo_mouse", KEYPOINTS[0], "x")
    assert table.index.tolist() == list(range(20))
    experiment = tmp_path / "half.yaml"
    experiment.write_text(EXPERIMENT)
    analyze(walk, tmp_path / "session", Options(NETWORK, experiment, 1.0, video=False), console())
    analysed = read_poses(tmp_path / "session" / "top.poses.csv")
    assert (table.to_numpy() == analysed.to_numpy()).all(), "as `analyze` finds them"
    with av.open(str(tmp_path / "out" / f"{base}_labeled.mp4")) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == 20
    with av.open(str(walk)) as container:
        plain = next(container.decode(video=0)).to_ndarray(format="bgr24")
    assert np.abs(frames[0].astype(int) - plain).max() > 100, "something is drawn on it"
    for picture in ("trajectory", "occupancy"):
        image = cv2.imread(str(tmp_path / "out" / f"{base}_{picture}.png"))
        colourful = np.ptp(image.astype(int), axis=2) > 100
        assert colourful.mean() > 0.005, picture


def test_the_tables_are_the_same_on_any_number_of_cores(walk, tmp_path):
    for threads in (1, 2, 5):
        run([walk], tmp_path / str(threads), threads=threads)
    one, two, five = (tables(tmp_path / str(threads)) for threads in (1, 2, 5))
    assert one
    assert one == two == five


def test_what_is_complete_is_not_done_again_and_what_has_changed_is(walk, tmp_path):
    video, out = tmp_path / "mouse.mp4", tmp_path / "out"
    shutil.copy(walk, video)
    run([video], out)
    record, table = out / "mouseDLC_demo_mouse.track.json", out / "mouseDLC_demo_mouse.h5"
    first, before = table.stat().st_mtime_ns, tables(out)
    [again], said = run([video], out)
    assert (again.state, again.frames) == ("complete", 20)
    assert "1 of 1 video is complete already" in said
    assert table.stat().st_mtime_ns == first
    os.utime(video, ns=(1, 1))
    assert run([video], out)[0][0].state == "complete", "copied, with the same content"
    assert table.stat().st_mtime_ns == first

    table.unlink()
    [again], _ = run([video], out)
    assert (again.state, again.reason) == ("tracked", "mouseDLC_demo_mouse.h5 is missing, or was changed")
    assert tables(out) == before
    [again], _ = run([video], out, scale=0.5)
    assert (again.state, again.reason) == ("tracked", "the results are of scale 1.0, now 0.5")
    write_video(video, 25, seed=4)
    [again], said = run([video], out, scale=0.5)
    assert (again.state, again.frames, again.reason) == ("tracked", 25, "the video has changed")
    assert 0 < again.with_pose <= 25
    assert f"mouse: 25 frames, {again.with_pose} with a pose (done again: the video has changed)" in said
    record.write_text("{")
    [again], _ = run([video], out, scale=0.5)
    assert again.reason == "mouseDLC_demo_mouse.track.json can't be read"
    [again], _ = run([video], out, scale=0.5, pictures=True)
    assert again.reason.endswith("trajectory.png was not asked for before")
    about = json.loads(record.read_text())
    about["settings"]["network"] = "0" * 64
    record.write_text(json.dumps(about))
    [again], _ = run([video], out, scale=0.5)
    assert again.reason == "the results are of another network of this name"


def test_a_killed_command_leaves_nothing_half_and_goes_on_where_it_was(walk, tmp_path, wait_for):
    long, out = write_video(tmp_path / "long.mp4", 400), tmp_path / "out"
    words = [sys.executable, "-m", "dlstream", "track", str(walk), str(long), "--network", str(NETWORK)]
    words += ["--scale", "1", "--out", str(out), "--no-annotate", "--no-pictures"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(lambda: writes(process, out, ".long*.part/*.csv", 5000), "half a table")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    whole = ["walkDLC_demo_mouse.csv", "walkDLC_demo_mouse.h5", "walkDLC_demo_mouse.track.json"]
    assert [name for name in names(out) if name[0] != "."] == whole
    stamp = (out / whole[0]).stat().st_mtime_ns
    theirs = out / ".longDLC_demo_mouse.int8~desk.12.34.part"  # another command is at work with another network
    theirs.mkdir()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 2 videos is complete already" in done.stdout
    assert "1 video tracked (400 frames, 0 lost), 1 complete already" in done.stdout
    assert (out / whole[0]).stat().st_mtime_ns == stamp
    ours = [*whole, *(name.replace("walk", "long") for name in whole)]
    assert names(out) == sorted([*ours, theirs.name]), "no temporary files"
    run([walk, long], tmp_path / "other")
    assert tables(out) == tables(tmp_path / "other")


def test_ctrl_c_removes_temporary_files_and_says_what_to_do(tmp_path, wait_for):
    long, out = write_video(tmp_path / "long.mp4", 400), tmp_path / "out"
    words = [sys.executable, "-m", "dlstream", "track", str(long), "--network", str(NETWORK), "--out", str(out)]
    process = subprocess.Popen([*words, "--scale", "1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(lambda: writes(process, out, ".long*.part/*.csv", 5000), "half a table")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 130
    assert "stopped: the same command goes on" in said
    assert names(out) == []


def test_a_bad_video_is_reported_and_the_others_are_done(walk, tmp_path):
    bad, text = tmp_path / "bad.mp4", tmp_path / "notes.avi"
    bad.write_bytes(walk.read_bytes()[:-2000])
    text.write_text("not a video")
    screen = console()
    outcomes, _ = run([bad, text, walk], tmp_path / "out")
    assert [outcome.state for outcome in outcomes] == ["failed", "failed", "tracked"]
    show_summary(outcomes, tmp_path / "out", screen)
    said = screen.export_text()
    assert "1 video tracked (20 frames, 0 lost), 2 failed:" in said
    assert f"{bad}: found {bad.stat().st_size} bytes; expected " in said
    assert f"{text}: found a text; expected a video" in said
    words = [sys.executable, "-m", "dlstream", "track", str(walk), str(bad), "--network", str(NETWORK)]
    done = subprocess.run([*words, "--scale", "1", "--out", str(tmp_path / "out")], capture_output=True, check=False)
    assert done.returncode == 1


def test_mistakes_are_found_before_anything_is_done(walk, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    other.mkdir()
    shutil.copy(walk, other / "walk.avi")
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("nothing")
    for given, message in (
        ([walk, tmp_path / "none.mp4"], "none.mp4: found no such file or folder"),
        ([walk, empty], "empty: found no video in it"),
        ([walk, other], "expected different names, because the results of both would be called walk"),
    ):
        with pytest.raises(DlstreamError, match=message):
            run(given, out)
    with pytest.raises(DlstreamError, match=r"none\.onnx"):
        settings(out, network=tmp_path / "none.onnx")
    assert not out.exists()
    out.mkdir()
    (out / "walkDLC_demo_mouse.h5").write_bytes(b"DeepLabCut's own")
    with pytest.raises(DlstreamError, match="found a file that dlstream did not write; nothing is overwritten"):
        run([walk], out)
    assert names(out) == ["walkDLC_demo_mouse.h5"]
    with pytest.raises(DlstreamError, match=r"found the file .* in its way"):
        run([walk], walk / "out")


def test_folders_sessions_and_images(walk, tmp_path):
    lab = tmp_path / "lab"
    session, stills = lab / "2026-11-22_box", lab / "stills"
    for folder in (session, stills, lab / "day2"):
        folder.mkdir(parents=True)
    for path in (lab / "m1.mp4", lab / "m1DLC_demo_mouse_labeled.mp4", lab / ".hidden.mp4", lab / "day2" / "m2.MP4"):
        shutil.copy(walk, path)
    for camera in ("top", "side"):
        shutil.copy(walk, session / f"{camera}.mkv")
        (session / f"{camera}.frames.csv").write_text("frame\n")
    (session / "session.json").write_text(json.dumps({"cameras": {}}))
    shutil.copy(walk, session / "annotated.mp4")
    for number in (1, 2, 10):
        cv2.imwrite(str(stills / f"img{number}.png"), np.full((240, 320, 3), number, np.uint8))
    found = [item.name for item in find_videos([lab, lab / "m1.mp4", stills], tmp_path / "out")]
    assert found == ["m1", "2026-11-22_box_side", "2026-11-22_box_top", "m2", "stills"]
    assert [item.name for item in find_videos([session / "top.mkv"], tmp_path)] == ["2026-11-22_box_top"]
    [outcome], said = run([stills], tmp_path / "out")
    assert (outcome.state, outcome.frames) == ("tracked", 3)
    assert "images have no times; 30 fps assumed" in said
    (session / "top.mkv").unlink()
    (session / "side.mkv").unlink()
    with pytest.raises(DlstreamError, match="found a session without a video"):
        find_videos([session], tmp_path)


def test_a_video_without_an_animal_is_told(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.tile(np.arange(240, dtype=np.uint8) + number, (240, 1)))
    [outcome], said = run([folder], tmp_path / "out", annotate=False, pictures=False)
    assert (outcome.frames, outcome.with_pose) == (3, 0)
    assert "empty: 3 frames, 0 with a pose" in said
    assert "empty: no animal was found in any of 3 frames: the best keypoint has a confidence of 0." in said


def test_a_picture_that_goes_black_is_told_with_its_frame(tmp_path):
    folder, arena = tmp_path / "dark", Arena(320, 240, seed=3)
    folder.mkdir()
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), arena.render(number)[0] * (number != 4))
    _, said = run([folder], tmp_path / "out", annotate=False, pictures=False)
    assert "dark: a black picture from frame 4 on: " in said
    assert "dark: a picture again from frame 5 on, after 1 frame (0.033 s) without" in said


def test_a_lost_frame_is_a_row_without_a_pose(tmp_path):
    video = write_damaged(tmp_path / "mouse.avi")
    [outcome], said = run([video], tmp_path / "out", annotate=True, pictures=True)
    assert (outcome.frames, outcome.lost) == (20, 3)
    assert "mouse: 20 frames, 3 lost, 17 with a pose" in said
    table = pd.read_hdf(tmp_path / "out" / "mouseDLC_demo_mouse.h5")
    assert np.flatnonzero(table.isna().all(axis=1)).tolist() == [0, 8, 19]
    record = json.loads((tmp_path / "out" / "mouseDLC_demo_mouse.track.json").read_text())
    assert [lost["frame"] for lost in record["lost"]] == [0, 8, 19]
    assert record["seconds"] == pytest.approx(1.9)


def test_a_video_that_another_command_did_meanwhile_is_complete_already(walk, tmp_path):
    other, out = write_video(tmp_path / "other.mp4", 5), tmp_path / "out"

    class Screen(Console):
        def print(self, *objects: Any, **how: Any) -> None:
            super().print(*objects, **how)
            if str(objects[0]).startswith("walk: "):
                run([other], out)

    screen = Screen(record=True, width=300, file=io.StringIO())
    outcomes = track([walk, other], settings(out), screen)
    assert [outcome.state for outcome in outcomes] == ["tracked", "complete"]
    assert "\nother: complete already\n" in screen.export_text()


def test_progress_counts_all_videos_and_goes_back_when_a_worker_dies():
    shown: list[tuple[int, int, int]] = []
    progress = TrackProgress({"one": 100, "two": 50, "three": 0}, lambda *figures: shown.append(figures))
    progress.frames("one", 60)
    assert shown[-1] == (0, 60, 0), "how long the third one is, nobody knows"
    progress.finish("three", 0)
    progress.frames("one", 10)
    progress.frames("two", 55)
    assert shown[-1] == (1, 65, 155)
    progress.finish("one", 100)
    progress.frames("one", 3)
    assert shown[-1] == (2, 155, 155)
    now, lines = [0.0], []
    report = ProgressLines(lines.append, "2 of 3 videos", 0, lambda: now[0])
    now[0] = 20.0
    report.update(100, 300)
    assert lines == ["2 of 3 videos: 100 of about 300 frames, 5.0 frames/s, 40 s left"]
