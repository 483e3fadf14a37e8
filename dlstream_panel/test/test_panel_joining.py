"""A picture is shown with the poses and regions of that very frame, whatever arrives first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dlstream_panel.board import Board
from dlstream_panel.clients import Client
from dlstream_panel.joining import Joiner, RegionHistory


@given(st.permutations([(kind, stamp) for kind in ("picture", "poses") for stamp in range(1, 7)]))
def test_in_any_order_no_picture_has_the_poses_of_another_and_none_goes_back(order):
    joiner = Joiner()
    joiner.poses(0, {"of": 0}, 10.0)
    shown = []
    for kind, stamp in order:
        if kind == "picture":
            joined = joiner.picture(stamp, str(stamp).encode(), 10.0)
        else:
            joined = joiner.poses(stamp, {"of": stamp}, 10.0)
        if joined is not None:
            assert joined.jpeg == str(joined.stamp).encode()
            assert joined.poses == {"of": joined.stamp}
            shown.append(joined.stamp)
    assert shown == sorted(set(shown))
    assert shown[-1] == 6, "the newest is always shown"


def test_pictures_of_frames_that_were_left_out_wait_in_vain():
    joiner = Joiner()
    joiner.poses(0, {}, 0.0)
    for stamp in range(1, 100):
        assert joiner.picture(stamp, b"", 0.5) is None
    joined = joiner.poses(99, {"of": 99}, 0.5)
    assert joined is not None
    assert joined.stamp == 99
    assert joiner.picture(50, b"", 0.5) is None, "an older one"


def test_poses_that_are_late_find_their_picture_and_some_picture_is_always_shown():
    joiner = Joiner()
    joiner.poses(0, {}, 0.0)
    for stamp in range(1, 30):  # nearly a second of pictures
        assert joiner.picture(stamp, str(stamp).encode(), stamp / 30) is None
    late = joiner.poses(3, {"of": 3}, 0.99)
    assert late is not None
    assert (late.stamp, late.jpeg) == (3, b"3")
    # Poses come, but never those of a picture that has come.
    shown = []
    for stamp in range(31, 211):
        joiner.poses(-stamp, {}, stamp / 30)
        shown.append(joiner.picture(stamp, b"", stamp / 30))
    assert sum(picture is not None for picture in shown) == 2, "one each 2 s"


def test_where_no_poses_come_pictures_are_shown_without_them():
    joiner = Joiner()
    assert joiner.picture(1, b"one", 0.0) is not None
    joiner.poses(2, {}, 5.0)
    assert joiner.picture(3, b"three", 5.5) is None
    joined = joiner.picture(4, b"four", 6.1)
    assert joined is not None
    assert joined.poses is None


def test_regions_are_those_of_the_frame_and_not_of_the_newest_word():
    history = RegionHistory()
    history.changed(0, [])
    history.changed(30, ["left"])
    history.changed(60, [])
    assert [history.active(stamp) for stamp in (29, 30, 59, 60, 99)] == [(), ("left",), ("left",), (), ()]


@given(st.lists(st.sampled_from(["top", "side", "drawn top", "drawn side"]), max_size=60))
def test_a_slow_browser_never_has_more_than_two_pictures_of_a_camera_under_way(steps):
    client = Client(["top", "side"])
    client.watch(["top", "side", "nobody"])
    under_way = {"top": 0, "side": 0}
    for number, step in enumerate(steps):
        if step.startswith("drawn"):
            camera = step.removeprefix("drawn ")
            client.drawn(camera)
            under_way[camera] = max(0, under_way[camera] - 1)
        else:
            client.offer(step, f"{step} {number}".encode())
        while (data := client.take()) is not None:
            under_way[data.decode().partition(" ")[0]] += 1
        assert max(under_way.values()) <= 2


def test_what_waits_is_the_newest_picture_only():
    client = Client(["top"])
    client.offer("top", b"not watched")
    client.watch(["top"])
    assert client.take() is None
    for number in range(5):
        client.offer("top", str(number).encode())
    assert client.take() == b"4"
    assert client.skipped == 4
    assert client.take() is None


def test_the_board_shows_how_late_an_output_was_and_what_nodes_say():
    board = Board(["top"], ["laser"], ["/pose"])
    board.command("laser", "experiment", 7, "on", 1000.0)
    board.acknowledged("laser", "experiment", 7, True, "", 1002.5)
    answer = board.state()["outputs"]["laser"]["answer"]
    assert (answer["action"], answer["late"]) == ("on", 2.5)
    board.diagnosis("/pose", "ok", "30 fps", {}, 1.0)
    board.diagnosis("/pose", "warn", "slow", {}, 2.0)
    board.diagnosis("/somebody_elses", "error", "burning", {}, 2.0)
    board.event("trigger_rose", "in_left", {"value": "1"}, 3.0)
    board.event("fault", "laser", {"reason": "it was off already"}, 4.0)
    assert [line["text"] for line in board.log_after(0)] == ["slow", "it was off already"]
    assert board.log_after(board.log_after(0)[0]["n"])[0]["name"] == "laser"
    rose = {"active": True, "value": "1", "at": 3.0, "bounds": {}}
    assert board.state()["triggers"]["in_left"] == {**rose, "count": None}, "its run was not heard from the start"
    assert "/somebody_elses" not in board.state()["nodes"]
