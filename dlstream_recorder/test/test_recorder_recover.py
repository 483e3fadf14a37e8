"""A session as a killed recorder leaves it, and what `recover` makes of it."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rosbags.highlevel import AnyReader

from dlstream_common import RecordingError
from dlstream_recorder import EVENT_COLUMNS, EventRow, Quality, Session, recover, summarise
from dlstream_recorder.report.tables import read_events, read_poses


@pytest.fixture
def killed(open_session, make, tmp_path, wait_for):
    """The files of a session of 60 frames as they are in the middle of it: what a kill would leave."""
    session = open_session("running")
    session.add_topic("/said", "std_msgs/msg/String", Quality())
    for number, image in enumerate(make.images(60)):
        session.add_frame(make.frame(number, image))
        if number % 2 == 0 and number < 50:
            session.add_poses(make.poses(number, x=(number, number)))
        session.add_message("/said", b"\x00\x01\x00\x00\x02\x00\x00\x00a\x00", make.start + number)
    session.add_event(EventRow("trial_started", "left", stamp_ns=make.start, recorded_ns=make.start))
    wait_for(lambda: _settled(session, make), "all of it written")
    copy = tmp_path / "killed"
    shutil.copytree(session.folder, copy)
    return copy


def _settled(session: Session, make) -> bool:
    status = session.status()
    messages = make.bag_messages(session.folder / "bag" / "bag_0.mcap")
    events = (session.folder / "events.csv").read_text()
    return status.frames_recorded == 60 and status.poses == 25 and messages == 60 and "left" in events


def test_everything_is_readable_before_and_whole_after(killed, make):
    assert json.loads((killed / "session.json").read_text())["complete"] is False
    assert len(make.decode(killed / "top.mkv")[0]) == 60
    assert len(pd.read_csv(killed / "top.poses.csv", header=[0, 1, 2], index_col=0)) == 49

    summary = recover(killed)
    contents = json.loads((killed / "session.json").read_text())
    assert (contents["complete"], contents["recovered"]) == (True, True)
    assert contents["summary"] == summary.model_dump(mode="json")
    assert (summary.frames_recorded, summary.poses, summary.events) == (60, 25, 1)
    table = pd.read_hdf(killed / "top.poses.h5", "df_with_missing")
    assert len(table) == 60
    assert table.iloc[48, 0] == 48
    assert table.iloc[49:].isna().all(axis=None)
    with AnyReader([killed / "bag"]) as bag:
        assert sum(1 for _ in bag.messages(bag.connections)) == bag.message_count == 60
    assert not list(killed.rglob(".*"))


def test_recovering_twice_changes_nothing(killed):
    summary = recover(killed)
    before = {path: path.read_bytes() for path in killed.rglob("*") if path.is_file()}
    assert recover(killed) == summary == summarise(killed)
    assert before == {path: path.read_bytes() for path in killed.rglob("*") if path.is_file()}


def test_the_end_of_a_session_in_a_bags_time_is_a_date_of_now(killed):
    about = json.loads((killed / "session.json").read_text())
    created = about["created_ns"]
    about.update(created_ns=1_500_000_000_000_000_000, ended_ns=1_500_000_060_000_000_000)
    (killed / "session.json").write_text(json.dumps(about))
    recover(killed)
    about = json.loads((killed / "session.json").read_text())
    assert about["ended_ns"] == 1_500_000_060_000_000_000
    assert created / 1e9 - 1 <= datetime.fromisoformat(about["ended"]).timestamp() <= time.time()


def test_rows_and_frames_are_made_to_agree(killed, make):
    frames = killed / "top.frames.csv"
    lines = frames.read_text().splitlines(keepends=True)
    frames.write_text("".join(lines[:58]) + lines[58][:9])  # 57 rows and a half one
    recover(killed)
    table = pd.read_csv(frames)
    assert len(table) == 60, "the video has them all"
    assert table["sequence"].tolist() == [*range(57), -1, -1, -1]
    assert table["stamp_ns"].tolist() == [make.start + number * make.step for number in range(60)]


def test_rows_without_a_frame_are_removed(killed, make):
    video = killed / "top.mkv"
    video.write_bytes(video.read_bytes()[:-20_000])
    count = recover(killed).frames_recorded
    assert 0 < count < 60
    assert len(make.decode(video)[0]) == len(pd.read_csv(killed / "top.frames.csv")) == count
    assert len(read_poses(killed / "top.poses.csv")) == count


def test_half_rows_are_cut_off(killed):
    for name in ("top.poses.csv", "top.latency.csv", "events.csv"):
        with (killed / name).open("a") as file:
            file.write("fault,12,3")
    summary = recover(killed)
    assert (summary.poses, summary.events) == (25, 1)


def test_a_session_that_is_being_recorded_is_left_alone(open_session, make):
    session = open_session("live", bag=False)
    session.add_frame(make.frame(0, np.zeros((16, 16), np.uint8), "mono8"))
    with pytest.raises(RecordingError, match="is being recorded; stop the recorder first"):
        recover(session.folder)
    assert session.finish().frames_recorded == 1
    assert session.failure == ""


def test_what_is_no_session_is_refused(tmp_path: Path):
    with pytest.raises(RecordingError, match="is not a session"):
        recover(tmp_path)
    (tmp_path / "session.json").write_text("{")
    with pytest.raises(RecordingError, match="is not JSON"):
        recover(tmp_path)
    (tmp_path / "session.json").write_text("{}")
    with pytest.raises(RecordingError, match="found no cameras"):
        recover(tmp_path)


@pytest.mark.parametrize(
    "left",
    [
        {"mkv": 0, "frames.csv": 0},
        {"mkv": 0, "frames.csv": 0, "poses.csv": 0, "latency.csv": 0},
        {"mkv": 2000, "frames.csv": 30, "poses.csv": 60, "latency.csv": 40},  # a head each, and no frame
        {"frames.csv": 0},
    ],
)
def test_a_part_that_had_just_begun_takes_nothing_else_with_it(killed, left):
    for ending, size in left.items():
        (killed / f"top.2.{ending}").write_bytes((killed / f"top.{ending}").read_bytes()[:size])
    summary = recover(killed)
    assert (summary.frames_recorded, summary.poses) == (60, 25)
    assert recover(killed) == summary


@pytest.mark.parametrize("size", [0, 20])
def test_events_without_a_whole_header_are_none(killed, size):
    os.truncate(killed / "events.csv", size)
    summary = recover(killed)
    assert (summary.frames_recorded, summary.events) == (60, 0)
    assert tuple(read_events(killed).columns) == EVENT_COLUMNS


def test_what_the_video_has_lost_is_in_no_table(killed):
    for path in (killed / "top.mkv", killed / "top.poses.csv"):
        os.truncate(path, path.stat().st_size // 3)  # as far as the disk had it; the other tables reach further
    summary = recover(killed)
    kept = summary.frames_recorded
    assert 0 < kept < 48
    assert pd.read_csv(killed / "top.latency.csv")["frame"].max() < kept
    assert summary.poses == len(range(0, kept, 2))
