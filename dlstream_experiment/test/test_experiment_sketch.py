"""A diagram as numbers: boxes keep apart, texts lie in their boxes, and curves end at boxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlstream_experiment import load_experiment
from dlstream_experiment.describe.sketch import Sketch, overview, sketch
from dlstream_experiment.model.protocols import Diagram

FOLDER = Path(__file__).parents[2] / "config" / "experiments"
DIAGRAMS = [
    pytest.param(load_experiment(file).protocol.diagram(), id=file.stem)
    for file in sorted(FOLDER.glob("*.yaml"))
    if "behaviour" not in file.name
]


def width(text: str, size: float, bold: bool) -> float:
    return 0.6 * size * len(text)


def assert_in_order(drawn: Sketch) -> None:
    places = [(*item.corner, item.corner[0] + item.size[0], item.corner[1] + item.size[1]) for item in drawn.boxes]
    for number, (left, top, right, bottom) in enumerate(places):
        assert left >= -1e-6
        assert top >= -1e-6
        assert right <= drawn.size[0] + 1e-6
        assert bottom <= drawn.size[1] + 1e-6
        for x, y, to_x, to_y in places[number + 1 :]:
            assert right <= x or to_x <= left or bottom <= y or to_y <= top
    for curve in drawn.curves:
        assert len(curve.points) % 3 == 1
        for x, y in (curve.points[0], curve.points[-1]):
            on_edge = [
                (left - 1e-6 <= x <= right + 1e-6 and min(abs(y - top), abs(y - bottom)) < 1e-6)
                or (top - 1e-6 <= y <= bottom + 1e-6 and min(abs(x - left), abs(x - right)) < 1e-6)
                for left, top, right, bottom in places
            ]
            assert any(on_edge), "every curve begins and ends at a box"


@pytest.mark.parametrize("diagram", DIAGRAMS)
def test_the_whole_drawing_and_the_overview_keep_their_boxes_apart(diagram: Diagram):
    whole, small = sketch(diagram, width), overview(diagram, width)
    assert_in_order(whole)
    assert_in_order(small)
    assert [item.box.name for item in small.boxes] == [box.name for box in diagram.boxes]
    written = sum(len(item.rows) for item in whole.boxes)
    assert written == len(diagram.arrows), "each arrow is written in the box that it leaves"
    for item in whole.boxes:
        texts = [*item.body, *(line for _, lines in item.rows for line in lines)]
        assert all(width(text, 9.0, False) <= item.size[0] for text in texts)
    pairs = {(arrow.start, arrow.end) for arrow in diagram.arrows if arrow.start != arrow.end}
    assert len(small.curves) == len(pairs), "one arrow from a box to another"
