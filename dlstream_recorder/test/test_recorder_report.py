"""The pictures of a session."""

from __future__ import annotations

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dlstream_common import RecordingError
from dlstream_pose.runtime.overlay import PALETTE
from dlstream_recorder import EventRow
from dlstream_recorder.report import path_plots
from dlstream_recorder.report.report import read_frame, write_report


def test_draws_the_frame_of_the_first_command(open_session, make):
    session = open_session(bag=False)
    session.set_network("top", "mouse.onnx", "ab", [(0, 1)])
    outline = [(20.0, 5.0), (90.0, 5.0), (90.0, 80.0), (20.0, 80.0)]
    session.set_regions("top", [("left", outline), ("right", [(x + 100, y + 80) for x, y in outline])])
    for number in range(6):
        session.add_frame(make.frame(number, np.full((240, 320, 3), 40 * number, np.uint8)))
        session.add_poses(make.poses(number, x=(50.0, 60.0)))
    stamp = make.start + 3 * make.step
    session.add_event(EventRow("command", "screen", "top", 3, stamp, sent_ns=stamp + 10_000_000, source="e", id=1))
    session.add_event(EventRow("acknowledgement", "screen", applied_ns=stamp + 30_000_000, source="e", id=1))
    session.finish()

    report = write_report(session.folder)
    assert report.latency == session.folder / "latency.png"
    assert report.overlays == (session.folder / "overlay.png",)
    overlay = cv2.imread(str(report.overlays[0]))
    assert overlay.shape == (240, 320, 3)
    assert overlay[120, 300].tolist() == [120, 120, 120], "frame 3, bare where nothing is drawn"
    plain = read_frame(session.folder / "top", 3)
    assert (overlay != plain).any()

    def border(x, y):
        patch = overlay[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
        return (patch[:, 1] - patch[:, 2]).max(), (patch[:, 2] - patch[:, 1]).max()

    green, red = border(90, 60)
    assert green > 60 > red, "a keypoint is in this region"
    green, red = border(190, 130)
    assert red > 60 > green, "and none in that"
    picture = cv2.imread(str(report.latency))
    assert picture.shape[0] > 400
    assert picture.std() > 5
    assert write_report(session.folder).latency.exists(), "a second report takes the place of the first"
    for file in session.folder.glob("*.png"):
        file.unlink()
    bare = write_report(session.folder, pictures=False)
    assert (bare.summary, bare.timed, bare.latency, bare.overlays) == (report.summary, True, None, ())
    assert not list(session.folder.glob("*.png"))


def test_the_way_is_that_of_the_frames_with_poses(open_session, make, monkeypatch):
    drawn = []
    monkeypatch.setattr(path_plots, "plot_trajectory", lambda path, title, walks, *_: drawn.extend(walks))
    session = open_session(bag=False)
    for number in range(9):
        session.add_frame(make.frame(number, np.full((240, 320, 3), 120, np.uint8)))
        if number % 2 == 0:  # the pose node was busy with the others
            session.add_poses(make.poses(number, x=(10.0 * number, 10.0 * number)))
    session.finish()
    write_report(session.folder)
    [walk] = drawn
    assert (len(walk.middle), walk.seen, walk.length) == (5, 1, pytest.approx(80))


def test_ways_of_a_depth_camera_are_drawn_over_what_it_saw(open_session, make, monkeypatch):
    grounds = []
    monkeypatch.setattr(path_plots, "plot_trajectory", lambda *given: grounds.append(given[4]))
    monkeypatch.setattr(path_plots, "plot_occupancy", lambda *given: grounds.append(given[4]))
    session = open_session(bag=False)
    depth = np.full((48, 64), 800, np.uint16) + np.arange(64, dtype=np.uint16)  # millimetres: 3 of 255 as a picture
    for number in range(3):
        session.add_frame(make.frame(number, depth, "16UC1"))
        session.add_poses(make.poses(number, x=(20.0, 30.0)))
    session.finish()
    write_report(session.folder)
    assert [ground.mean() > 100 for ground in grounds] == [True, True]


def test_draws_virtual_keypoints_of_the_experiment(open_session, make):
    session = open_session(bag=False)
    session.add_frame(make.frame(0, np.full((240, 320, 3), 120, np.uint8)))
    poses = make.poses(0, x=(50.0, 90.0))
    [one] = poses.individuals
    session.add_poses(replace(poses, individuals=(replace(one, y=np.float32([120, 120])),)))
    session.finish()
    first, second = poses.keypoints
    file = f"keypoints: {{between: {{middle: {{{first}: 3, {second}: 1}}}}}}"
    (session.folder / "experiment.yaml").write_text(file)
    [path] = write_report(session.folder).overlays
    assert cv2.imread(str(path))[120, 60].tolist() == list(PALETTE[2])


def test_a_session_without_anything_has_a_report(open_session):
    session = open_session(video="none", bag=False)
    session.finish()
    report = write_report(session.folder)
    assert report.latency is None
    assert not list(session.folder.glob("*.png")), "no empty picture"
    assert report.overlays == ()


@pytest.mark.parametrize("rows", [0, 2])
def test_a_killed_session_whose_poses_end_early_has_a_report(open_session, make, tmp_path, rows):
    session = open_session(bag=False)
    for number, image in enumerate(make.images(10)):
        session.add_frame(make.frame(number, image))
        session.add_poses(replace(make.poses(number), individuals=()))  # the animal is not there yet
    session.finish()
    killed = tmp_path / "killed"
    shutil.copytree(session.folder, killed)
    lines = (killed / "top.poses.csv").read_text().splitlines(keepends=True)
    (killed / "top.poses.csv").write_text("".join(lines[: 3 + rows]))
    report = write_report(killed)
    assert report.overlays == (killed / "overlay.png",)
    assert cv2.imread(str(report.overlays[0])) is not None


def test_pictures_that_can_not_be_written_leave_the_figures(open_session, make):
    session = open_session(bag=False)
    for number, image in enumerate(make.images(3)):
        session.add_frame(make.frame(number, image))
    session.finish()
    (session.folder / "stimuli.png").mkdir()
    report = write_report(session.folder)
    assert report.summary.frames_recorded == 3
    assert report.overlays == ()
    assert report.unwritten.startswith(f"can't write {session.folder / 'stimuli.png'}: Is a directory")


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_video_that_can_not_be_read_costs_its_pictures_only(open_session, make, kept):
    session = open_session(bag=False)
    for number, image in enumerate(make.images(20)):
        session.add_frame(make.frame(number, image))
        session.add_poses(make.poses(number, x=(20.0, 30.0)))
    stamp = make.start + 15 * make.step
    values = {"action": "on", "source": "e", "id": 1}
    session.add_event(EventRow("command", "laser", "top", 15, stamp, stamp_ns=stamp, sent_ns=stamp, **values))
    session.finish()
    whole = write_report(session.folder)
    assert whole.unread == ()
    assert len(whole.paths) == 2
    video = session.folder / "top.mkv"
    content = video.read_bytes()
    video.write_bytes(content[: int(len(content) * kept)])
    report = write_report(session.folder)
    assert (report.latency, report.stimuli, report.paths) == (whole.latency, whole.stimuli, whole.paths)
    assert all(path.exists() for path in (report.latency, report.stimuli, *report.paths))
    assert report.unread
    assert all(reason.startswith(f"{video}: ") for reason in report.unread)
    assert report.unwritten == ""
    assert report.overlays == ()
    assert not (session.folder / "overlay.png").exists(), "the one of before shows what can't be read now"


def test_two_cameras_two_pictures(open_session, make):
    session = open_session(cameras=["top", "side"], bag=False)
    for camera in ("top", "side"):
        for number, image in enumerate(make.images(3)):
            session.add_frame(make.frame(number, image, camera=camera))
    session.finish()
    assert [path.name for path in write_report(session.folder).overlays] == ["overlay.top.png", "overlay.side.png"]


def test_a_frame_that_is_not_there_is_refused(open_session, make):
    session = open_session(bag=False)
    session.add_frame(make.frame(0, make.images(1)[0]))
    session.finish()
    with pytest.raises(RecordingError, match="it has no frame 1"):
        read_frame(session.folder / "top", 1)


def test_any_frame_of_a_long_video_is_found(open_session, make):
    session = open_session(video="h264", bag=False)
    for number in range(130):
        session.add_frame(make.frame(number, np.full((32, 32, 3), number, np.uint8)))
    session.finish()
    for row in (0, 1, 59, 60, 61, 129):
        assert abs(int(read_frame(session.folder / "top", row)[16, 16, 0]) - row) <= 2
