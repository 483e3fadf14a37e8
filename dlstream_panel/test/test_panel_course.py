"""The protocol's course as a page draws it, and what triggers measure on its way to the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_experiment import load_experiment
from dlstream_experiment.ros.watched import course
from dlstream_panel.board import Board
from dlstream_panel.clients import Client, Hub
from dlstream_panel.course import Course, CourseError, laid_out, width

FOLDER = Path(__file__).parents[2] / "config" / "experiments"
EXPERIMENTS = [file for file in sorted(FOLDER.glob("*.yaml")) if "behaviour" not in file.name]


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_every_shipped_protocol_is_laid_out_and_its_texts_fit(file: Path):
    about = course(load_experiment(file))
    view = laid_out(json.dumps(about))
    assert json.loads(json.dumps(view)) == view
    assert [box["state"] for box in view["overview"]["boxes"]] == [box["state"] for box in about["boxes"]]
    for box in view["whole"]["boxes"]:
        assert all(width(line, 9.0, False) + 16 <= box["place"][2] for line in box["body"])
    assert view["overview"]["size"][0] < 800


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["boxes", "arrows", "name"]), inner),
    max_leaves=8,
)


@given(JSON.map(json.dumps) | st.text(max_size=40))
def test_what_is_no_course_is_refused_and_never_more_than_that(text: str):
    with pytest.raises(CourseError):
        laid_out(text or "x")


def test_arrows_to_boxes_that_do_not_exist_are_refused():
    about: dict[str, Any] = {"experiment": "e", "longest": None, "words": [], "boxes": []}
    with pytest.raises(CourseError, match="expected its course"):
        laid_out(json.dumps({**about, "arrows": [{"start": "a", "end": "b", "label": ""}]}))


def test_another_course_forgets_the_triggers_of_the_last():
    board = Board(["top"], [], [])
    assert Course(board).view() == {}
    board.event("experiment_started", "demo", {}, 1.0)
    board.course(json.dumps(course(load_experiment(FOLDER / "demo.yaml"))))
    board.bounds({"in_left": {"at_least": "1"}, "in_right": {}})
    board.event("trigger_rose", "in_right", {"value": "1"}, 5.0)
    triggers = board.state()["triggers"]
    assert list(triggers) == ["in_left", "in_right"], "in the order of the file"
    assert triggers["in_left"] == {"active": False, "value": "", "at": 0.0, "count": 0, "bounds": {"at_least": "1"}}
    assert (triggers["in_right"]["count"], triggers["in_right"]["active"]) == (1, True)
    number, version = board.state()["course"], board.version
    board.course(board.course_text)
    assert (board.state()["course"], board.version) == (number, version), "the same once more changes nothing"
    board.course("{}")
    assert board.state()["triggers"] == {}
    with pytest.raises(CourseError):
        Course(board).view()


def test_values_go_to_those_who_look_and_a_slow_page_keeps_the_newest():
    hub = Hub(Board(["top"], [], []), ["top"], lambda cameras: None)
    looks, elsewhere = Client(["top"]), Client(["top"])
    looks.watch(["top"])
    hub.clients |= {looks, elsewhere}
    for stamp in range(100):
        hub.measured(float(stamp), {"near": (None, False), "far": (1.5, True)})
    assert not elsewhere.values
    assert [json.loads(text)["at"] for text in looks.values] == [float(stamp) for stamp in range(50, 100)]
    assert json.loads(looks.values[-1])["values"] == {"near": [None, False], "far": [1.5, True]}


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", '{"boxes": [], "arrows": [[]]}'])
def test_what_is_no_course_is_refused(text: str):
    with pytest.raises(CourseError, match="expected its course as JSON"):
        laid_out(text)
