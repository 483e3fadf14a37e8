"""Frames that a session lost, wherever that was."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dlstream_recorder.report.tables import read_events

GREY = np.zeros((16, 16), np.uint8)


def test_a_full_queue_loses_frames_and_says_so(open_session, make):
    session = open_session(queue=1)
    images = make.images(4, 480, 640)
    taken = [session.add_frame(make.frame(number, images[number % 4])) for number in range(60)]
    assert not all(taken)
    session.add_poses(make.poses(59))
    summary = session.finish()
    assert summary.frames_captured == 60
    assert summary.frames_recorded == sum(taken)
    assert summary.frames_dropped == taken.count(False)
    decoded, times = make.decode(session.folder / "top.mkv", "bgr24")
    kept = [number for number, was_taken in enumerate(taken) if was_taken]
    assert times == [make.step * (number - kept[0]) for number in kept]
    assert all(np.array_equal(found, images[number % 4]) for found, number in zip(decoded, kept, strict=True))
    faults = read_events(session.folder)
    assert not faults["values"].str.contains("on the way").any(), "told once, and with its cause"
    faults = faults[faults["values"].str.contains("queue was full")]
    lost = sum(int(json.loads(values)["lost"]) for values in faults["values"])
    assert lost >= taken.count(False)
    assert session.take_faults(), "for those who publish them"


def test_of_a_gap_only_what_the_queue_did_not_refuse_was_lost_on_the_way(open_session, make, wait_for):
    session = open_session(queue=1)
    image = make.images(1, 480, 640)[0]
    taken = []

    def burst():  # of which every second frame does not come at all
        taken.extend(session.add_frame(make.frame(2 * number, image)) for number in range(len(taken), len(taken) + 9))
        return False in taken and True in taken[taken.index(False) :]

    wait_for(burst, "a frame that is taken after one that was refused")
    last = len(taken) - 1 - taken[::-1].index(True)
    assert session.finish().frames_captured == 2 * len(taken) - 1
    told = [json.loads(text) for text in read_events(session.folder)["values"]]
    assert sum(int(each["frames"]) for each in told if "on the way" in each["text"]) == last
    assert sum(int(each["lost"]) for each in told if "queue was full" in each["text"]) == taken.count(False)


def test_every_way_of_losing_frames_is_counted(open_session, make):
    session = open_session(video="none", bag=False)
    session.add_frame_info("top", 99, make.stamp(99), 40)  # before the session
    for number in (100, 101, 104):  # 2 lost on the way
        session.add_frame(make.frame(number, GREY, "mono8"))
    session.add_frame_info("top", 104, make.stamp(104), 43)  # 3 by the camera
    session.add_frame(make.frame(105, GREY, "mono8"))
    session.add_frame_info("top", 0, make.stamp(200), 1)  # the camera was restarted
    session.add_frame(make.frame(0, GREY, "mono8", stamp=make.stamp(200)))
    summary = session.finish()
    assert (summary.frames_recorded, summary.frames_dropped, summary.frames_captured) == (5, 6, 11)
    table = pd.read_csv(session.folder / "top.frames.csv")
    assert table["dropped"].tolist() == [0, 0, 2, 5, 6]
    assert summary.faults == 2
    texts = read_events(session.folder)["values"].tolist()
    assert any("started counting again" in text for text in texts)
    [lost] = [json.loads(text) for text in texts if "2 frames were lost on the way" in text]
    assert (lost["first_sequence"], lost["last_sequence"]) == ("102", "103")


def test_what_got_lost_on_the_way_to_the_pose_node_and_what_it_left_out_are_two_numbers(open_session, make):
    session = open_session(video="none", bag=False)
    for number in range(12):
        session.add_frame(make.frame(number, GREY, "mono8"))
    for number, dropped in ((0, 0), (1, 0), (4, 0), (5, 0), (8, 1), (9, 1), (11, 0)):  # 11: it was started again
        session.add_poses(replace(make.poses(number), dropped=dropped))
    summary = session.finish()
    assert (summary.frames_recorded, summary.poses) == (12, 7)
    assert (summary.poses_lost, summary.poses_dropped) == (3, 1)


def test_what_a_recorder_that_hung_did_not_get_is_not_lost_before_the_pose_node(open_session, make):
    session = open_session(video="none", bag=False)
    for number in (0, 1, 2, 30, 31, 32):
        session.add_frame(make.frame(number, GREY, "mono8"))
    for number in (0, 1, 25, 32):  # 2, 30 and 31 have none; 25 came late, after its frame was lost
        session.add_poses(make.poses(number))
    summary = session.finish()
    assert (summary.frames_dropped, summary.poses_lost) == (27, 3)


def test_frames_that_the_camera_published_and_nobody_got_are_lost_at_the_end(open_session, make):
    session = open_session(video="none", bag=False)
    for number in (7, 8):
        session.add_frame(make.frame(number, GREY, "mono8"))
        session.add_frame_info("top", number, make.stamp(number), 0)
    session.add_frame_info("top", 11, make.stamp(11), 0)
    summary = session.finish()
    assert (summary.frames_recorded, summary.frames_dropped, summary.frames_captured) == (2, 3, 5)


@pytest.mark.parametrize(("published", "lost"), [(5, 0), (7, 2)])
def test_a_recorder_that_comes_later_counts_only_its_own_losses(open_session, make, published, lost):
    session = open_session(video="none", bag=False)
    for number in range(published):  # images are published, and counted, only since it subscribed
        session.add_frame_info("top", 5000 + number, make.stamp(number), 0)
        if number < 5:
            session.add_frame(make.frame(number, GREY, "mono8"))
    assert session.finish().frames_dropped == lost


def test_frames_that_were_not_to_be_published_are_no_losses(open_session, make):
    session = open_session(video="none", bag=False)
    for number in range(208):  # every tenth as a compressed image, as `compressed_rate` may have it
        session.add_frame_info("top", number, make.stamp(number), 0)
        if number % 10 == 0:
            session.add_frame(replace(make.frame(number // 10, GREY, "mono8"), stamp=make.stamp(number)))
    assert session.finish().frames_dropped == 0


def test_the_end_of_what_a_camera_said_is_known_though_the_last_frames_words_are_lost(open_session, make):
    session = open_session(video="none", bag=False)
    for number in (0, 1, 3, 4):
        session.add_frame_info("top", 5000 + number, make.stamp(number), 0)
    for number in range(3):
        session.add_frame(make.frame(number, GREY, "mono8"))
    assert session.finish().frames_dropped == 2


def test_losses_are_told_while_it_records(open_session, make):
    session = open_session(video="none", bag=False)
    for number in (0, 2, 5):
        session.add_frame(make.frame(number, GREY, "mono8"))
    end = time.monotonic() + 60
    while session.status().frames_dropped < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    session.report_losses()
    assert [row.values["text"] for row in session.take_faults()] == ["3 frames were lost on the way to the recorder"]
    session.finish()


def test_frames_lost_after_the_last_one_are_counted(open_session, make):
    session = open_session(video="none", bag=False)
    session.add_frame(make.frame(0, GREY, "mono8"))
    session.add_frame_info("top", 0, make.stamp(0), 2)  # the camera's first two
    session.add_frame(make.frame(1, GREY, "mono8"))
    session.add_frame_info("top", 1, make.stamp(1), 2)
    session.add_frame_info("top", 1, make.stamp(1), 3)  # and its last
    summary = session.finish()
    assert (summary.frames_recorded, summary.frames_dropped, summary.frames_captured) == (2, 3, 5)
