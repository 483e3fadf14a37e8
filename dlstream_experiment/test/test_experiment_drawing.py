"""Pictures: boxes do not overlap, arrows go around them, and regions are drawn where they lie."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dlstream_experiment import load_experiment
from dlstream_experiment.describe.drawing import draw_regions, draw_states, pictures_of
from dlstream_experiment.describe.layout import lay_out
from dlstream_experiment.describe.targets import Target, targets_of
from dlstream_experiment.model.protocols import Arrow, Box, Diagram

EXPERIMENTS = sorted((Path(__file__).parents[2] / "config" / "experiments").glob("*.yaml"))
LOOP = Diagram(
    (Box("a", (), "start"), Box("b"), Box("c"), Box("lost"), Box("end", ("600 s",), "end")),
    (
        Arrow("a", "b", "one"),
        Arrow("b", "c"),
        Arrow("c", "a", "back over two columns"),
        Arrow("c", "c", "to itself"),
        Arrow("a", "end", "at once"),
        Arrow("c", "end"),
        Arrow("lost", "b"),
    ),
)


@pytest.mark.parametrize(
    "diagram",
    [LOOP, *(load_experiment(file).protocol.diagram() for file in EXPERIMENTS if "behaviour" not in file.name)],
)
def test_boxes_and_the_lanes_of_arrows_keep_apart(diagram: Diagram):
    sizes = {box.name: (120.0, 50.0 + 10 * len(box.lines)) for box in diagram.boxes}
    layout = lay_out(diagram, sizes)
    corners = {name: (x, y, x + sizes[name][0], y + sizes[name][1]) for name, (x, y) in layout.boxes.items()}
    names = list(corners)
    for number, one in enumerate(names):
        left, top, right, bottom = corners[one]
        assert left >= 0
        assert top >= -1e-6
        assert right <= layout.size[0] + 1e-6
        assert bottom <= layout.size[1] + 1e-6
        for other in names[number + 1 :]:
            x, y, to_x, to_y = corners[other]
            assert right <= x or to_x <= left or bottom <= y or to_y <= top, (one, other)
    for points in layout.lanes:
        for x, y in points or ():
            inside = [name for name, (l, t, r, b) in corners.items() if l < x < r and t < y < b]  # noqa: E741
            assert not inside, (x, y, inside)


def colored(file: Path, region: tuple[slice, slice]) -> float:
    """The share of pixels of a part of a picture (of its height and width, 0 to 1) that are no grey."""
    picture = cv2.imread(str(file))
    height, width = picture.shape[:2]
    rows, columns = region
    part = picture[
        int(rows.start * height) : int(rows.stop * height), int(columns.start * width) : int(columns.stop * width)
    ]
    return float((np.ptp(part.astype(int), axis=2) > 30).mean())


AIMS = """\
experiment: aims
camera: top
image_size: [640, 480]
triggers:
  looks: {type: head_direction, neck: neck, nose: snout, point: POINT, BOUND}
protocol:
  type: region_trials
  trials: {a: {trigger: looks, stimulus: {output: laser, action: on}}}
"""


def aimed(tmp_path: Path, point: str, bound: str) -> Path:
    (tmp_path / "aims.yaml").write_text(AIMS.replace("POINT", point).replace("BOUND", bound))
    experiment = load_experiment(tmp_path / "aims.yaml")
    targets = list(targets_of(experiment, "top"))
    assert list(targets_of(experiment, "side")) == []
    draw_regions({}, [tmp_path / "aims.png"], None, (640, 480), targets)
    return tmp_path / "aims.png"


def test_points_are_drawn_where_they_are_with_the_angles_that_are_true(tmp_path: Path):
    left, right = (slice(0.05, 0.9), slice(0.1, 0.4)), (slice(0.05, 0.9), slice(0.6, 1.0))
    file = aimed(tmp_path, "[60, 240]", "at_most: 20")
    assert colored(file, left) > 0.01 > colored(file, right)
    file = aimed(tmp_path, "[580, 240]", "at_most: 20")
    assert colored(file, right) > 0.01 > colored(file, left)
    whole = (slice(0.0, 1.0), slice(0.0, 1.0))
    narrow, wide = (colored(aimed(tmp_path, "[320, 60]", f"at_most: {angle}"), whole) for angle in (10, 90))
    assert wide > 2 * narrow
    away, some = (colored(aimed(tmp_path, "[320, 60]", bound), whole) for bound in ("at_least: 20", "at_least: 150"))
    assert away > 2 * some


def test_a_point_outside_of_the_image_is_seen_outside(tmp_path: Path):
    targets = [Target("far", (900.0, 240.0), (0, 0), 0, 30), Target("up", None, (0, -1), 20, 60)]
    draw_regions({}, [tmp_path / "far.png"], None, (640, 480), targets)
    assert colored(tmp_path / "far.png", (slice(0.3, 0.7), slice(0.85, 1.0))) > 0.005
    assert [str(target) for target in targets] == ["far: \u2264 30\u00b0", "up: 20 to 60\u00b0"]


def test_columns_follow_the_distance_from_the_start():
    layout = lay_out(LOOP, {box.name: (100.0, 40.0) for box in LOOP.boxes})
    assert layout.columns == {"a": 0, "b": 1, "c": 2, "lost": 0, "end": 3}
    assert layout.lanes[4] is None, "an arrow to a far end is said in its box alone"
    assert len(layout.lanes[2]) == 2, "the way back leads past b"


def test_a_picture_of_states(tmp_path: Path):
    files = list(pictures_of(tmp_path / "new", "loop", "states"))
    draw_states(LOOP, files, "a loop")
    picture = cv2.imread(str(files[0]))
    assert picture is not None
    assert picture.shape[1] > 500
    assert (picture < 128).any()
    text = files[1].read_text()
    assert text.startswith("<?xml")
    draw_states(LOOP, [tmp_path / "again.png"], "a loop")
    assert (tmp_path / "again.png").read_bytes() == files[0].read_bytes(), "the same protocol, the same picture"


def test_a_protocol_without_arrows_can_be_drawn(tmp_path: Path):
    draw_states(Diagram((Box("only", (), "start"),), ()), [tmp_path / "one.png"])
    assert (tmp_path / "one.png").stat().st_size > 1000


def test_regions_are_drawn_on_the_frame(tmp_path: Path):
    experiment = load_experiment(next(file for file in EXPERIMENTS if file.stem == "example"))
    image = np.full((480, 640, 3), 40, np.uint8)
    image[:, 600:] = (0, 0, 255)  # red in OpenCV's order
    draw_regions(experiment.regions, [tmp_path / "with.png"], image)
    draw_regions({}, [tmp_path / "without.png"], image)
    marked, plain = cv2.imread(str(tmp_path / "with.png")), cv2.imread(str(tmp_path / "without.png"))
    assert marked.shape == plain.shape
    differs = np.argwhere(np.any(marked != plain, axis=2))
    height, width = marked.shape[:2]
    top, left = differs.min(axis=0) / (height, width)
    bottom, right = differs.max(axis=0) / (height, width)
    assert left > 0.4, "both lie right of the middle"
    assert top < 0.3
    assert bottom < 0.65
    assert right > 0.9
    red = np.all(np.abs(plain.astype(int) - (0, 0, 255)) < 30, axis=2)
    assert red.any(), "colours are the frame's own"
    draw_regions(experiment.regions, [tmp_path / "nothing.png"], None)
    assert cv2.imread(str(tmp_path / "nothing.png")) is not None
