"""Each type of trigger against cases worked out by hand from its definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from trigger_runs import told
from trigger_tools import GONE, NOTCH, SPACE, bound, decisions, scene, trigger

from dlstream_experiment.model.regions import Ellipse, Polygon

NOSE, NECK, TAIL = (100.0, 100.0), (100.0, 120.0), (100.0, 160.0)
"""An animal whose head points north, straight ahead."""


@pytest.mark.parametrize(
    ("name", "inside", "border", "outside"),
    [
        ("round", (120, 100), (150, 100), (150.01, 100)),
        ("box", (50, 50), (100, 50), (100.01, 50)),
        ("long", (140, 100), (150, 100), (150.01, 100)),
        ("long", (100, 125), (100, 130), (100, 130.01)),
        ("notch", (10, 10), (100, 100), (50, 60)),
    ],
)
def test_inside_and_outside_of_each_shape(name, inside, border, outside):
    for place, expected in ((inside, True), (border, True), (outside, False), (GONE, None)):
        words = {"type": "region", "region": name, "keypoints": ["nose"]}
        assert told(words, (place, GONE, GONE)) is expected
        outward = None if expected is None else not expected
        assert told({**words, "inside": False}, (place, GONE, GONE)) is outward


@pytest.mark.parametrize(
    ("places", "two_inside", "two_outside"),
    [
        ("III", True, False),
        ("IIO", True, False),
        ("IOO", False, True),
        ("OOO", False, True),
        ("II?", True, False),
        ("IO?", None, None),
        ("I??", None, None),
        ("O??", None, None),
        ("OO?", False, True),
        ("???", None, None),
    ],
)
def test_a_number_of_the_keypoints(places, two_inside, two_outside):
    animal = [{"I": (50.0, 50.0), "O": (500.0, 50.0), "?": GONE}[place] for place in places]
    words = {"type": "region", "region": "box", "keypoints": ["nose", "neck", "tailroot"], "match": 2}
    assert told(words, animal) is two_inside
    assert told({**words, "inside": False}, animal) is two_outside


@given(st.floats(5, 300), st.floats(5, 300), st.floats(-360, 360), st.floats(-400, 400), st.floats(-400, 400))
def test_an_ellipse_is_the_one_of_the_textbook(a, b, rotation, x, y):
    ellipse = Ellipse(type="ellipse", center=(30, -20), radii=(a, b), rotation=rotation)
    c, s = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    dx, dy = x - 30, y + 20
    level = ((dx * c + dy * s) / a) ** 2 + ((dy * c - dx * s) / b) ** 2
    assume(abs(level - 1) > 1e-6)
    assert bool(ellipse.contains(x, y)) == (level < 1)
    left, top, right, bottom = ellipse.bounds
    assert level > 1 or (left <= x <= right and top <= y <= bottom)
    outline = ellipse.outline()
    assert outline[:, 0].min() >= left - 0.01
    assert outline[:, 0].max() <= right + 0.01


@pytest.mark.parametrize(
    ("target", "degrees"),
    [
        ({"point": (100, 0)}, 0),  # straight ahead
        ({"point": (200, 120)}, 90),  # to the right of the neck
        ({"point": (100, 500)}, 180),
        ({"point": (200, 20)}, 45),
        ({"edge": "north"}, 0),
        ({"edge": "east"}, 90),
        ({"edge": "west"}, 90),
        ({"edge": "south"}, 180),
        ({"edge": "north", "frame": (440, 480)}, 45),  # its middle is (220, 0)
        ({"edge": "west", "frame": (640, 480)}, math.degrees(math.atan2(100, -120))),  # its middle is (0, 240)
    ],
)
def test_the_direction_of_a_line(target, degrees):
    words = {"type": "direction", "start": "neck", "end": "nose", **target}
    animal = (NOSE, NECK, TAIL)
    for bound_, expected in ((degrees + 0.01, True), (degrees - 0.01, False)):
        if 0 <= bound_ <= 180:
            assert told({**words, "at_most": bound_}, animal) is expected
            assert told({**words, "at_least": bound_}, animal) is not expected
    made = bound({**words, "at_most": 30})
    decisions(made, [scene(0, {"nose": NOSE, "neck": NECK})])
    assert made.measured["it"] == pytest.approx(degrees, abs=1e-6)
    assert told({**words, "at_most": 30}, (NECK, NECK, TAIL)) is None, "a line without length points nowhere"


def test_the_head_direction_has_its_vertex_at_the_nose():
    words = {"type": "head_direction", "point": (200, 100)}  # straight to the right of the nose, the head points north
    assert told({**words, "at_most": 90.01}, (NOSE, NECK, TAIL)) is True
    assert told({**words, "at_most": 89.99}, (NOSE, NECK, TAIL)) is False
    assert told({"type": "head_direction", "point": (100, 20), "at_most": 1}, (NOSE, NECK, TAIL)) is True
    assert told({"type": "head_direction", "point": (100, 110), "at_least": 179}, (NOSE, NECK, TAIL)) is True
    assert told({"type": "head_direction", "point": NOSE, "at_most": 1}, (NOSE, NECK, TAIL)) is None


@pytest.mark.parametrize(
    ("nose", "right", "left"),
    [
        ((120.0, 100.0), True, False),  # 45 degrees to the east, of an animal that points north
        ((80.0, 100.0), False, True),
        ((100.0, 100.0), False, False),
        ((100.0, 140.0), True, True),  # straight back is both
        (GONE, None, None),
    ],
)
def test_the_head_to_the_animals_own_left_and_right(nose, right, left):
    words = {"type": "ego_head_direction", "at_least": 40}
    animal = (nose, NECK, TAIL)
    assert told({**words, "side": "right"}, animal) is right
    assert told({**words, "side": "left"}, animal) is left
    assert told({**words, "side": "both"}, animal) is (None if right is None else right or left)
    turned = tuple((-y, x) for x, y in animal)  # the same animal pointing east
    assert told({**words, "side": "right"}, turned) is right
    assert told({**words, "side": "left"}, turned) is left


def test_at_most_counts_from_straight_ahead_to_one_side():
    words = {"type": "ego_head_direction", "at_most": 60, "side": "left"}
    assert told(words, ((80.0, 100.0), NECK, TAIL)) is True
    assert told(words, ((120.0, 100.0), NECK, TAIL)) is False
    assert told(words, ((50.0, 119.0), NECK, TAIL)) is False


def test_head_direction_and_region_are_of_the_same_animal():
    words = {"type": "head_direction_region", "point": (100, 100), "region": "round", "at_most": 20}
    looks_from_inside = ((100.0, 130.0), (100.0, 150.0), GONE)
    looks_from_outside = ((100.0, 230.0), (100.0, 250.0), GONE)
    inside_looks_away = ((100.0, 130.0), (100.0, 110.0), GONE)
    assert told(words, looks_from_inside) is True
    assert told({**words, "inside": False}, looks_from_inside) is False
    assert told({**words, "inside": False}, looks_from_outside) is True
    assert told(words, looks_from_outside, inside_looks_away) is False, "one looks, another one is inside"
    assert told(words, (NOSE, GONE, GONE)) is None
    assert told(words, ((300.0, 300.0), GONE, GONE)) is False, "outside, wherever it looks"


def test_distances_angles_and_ratios():
    animal = ((0.0, 0.0), (30.0, 40.0), (30.0, 140.0))
    near = {"type": "distance", "keypoints": ["nose", "neck"]}
    assert told({**near, "at_least": 50}, animal) is True
    assert told({**near, "at_most": 50}, animal) is True
    assert told({**near, "at_least": 50.01}, animal) is False
    assert told({**near, "at_least": 4, "at_most": 6, "unit": "cm"}, animal, calibration={"top": 10}) is True
    angle = {"type": "angle", "keypoints": ["nose", "neck", "tailroot"]}
    expected = math.degrees(math.atan2(3, -4))
    assert told({**angle, "at_least": expected - 0.01, "at_most": expected + 0.01}, animal) is True
    ratio = {"type": "ratio", "distance": ["neck", "tailroot"], "over": ["nose", "neck"]}
    assert told({**ratio, "at_least": 2}, animal) is True
    assert told({**ratio, "at_most": 1.99}, animal) is False
    assert told({**ratio, "at_least": 2}, ((30.0, 40.0), (30.0, 40.0), (30.0, 140.0))) is True
    assert told({**ratio, "at_least": 2}, ((30.0, 40.0),) * 3) is None


def test_social_proximity_and_distance():
    a, b, c = (((x, 0.0), (x + 10, 0.0), (x + 50, 0.0)) for x in (0.0, 80.0, 500.0))
    near = {"type": "social", "active": ["nose"], "passive": ["nose", "tailroot"], "at_most": 30}
    assert told(near, a, b) is told(near, b, a) is True, "from nose to tailroot, 130 one way and 30 the other"
    assert told({**near, "at_most": 29.9}, a, b) is False
    assert told({**near, "individual": "mouse1", "other": "mouse0"}, a, b) is True
    assert told({**near, "individual": "mouse0", "other": "mouse1"}, a, b) is False
    assert told({**near, "match": "all"}, a, b) is False
    assert told(near, a) is None
    assert told(near, a, (GONE, GONE, GONE)) is None
    far = {"type": "social", "active": ["nose"], "passive": ["nose"], "at_least": 400}
    assert told(far, a, b) is False
    assert told(far, a, b, c) is True


def test_hysteresis_takes_the_second_bound_while_it_is_true():
    words = {"type": "distance", "keypoints": ["nose", "neck"], "at_least": 50, "release": 30}
    frames = [scene(i, {"nose": (0, 0), "neck": (d, 0)}) for i, d in enumerate((40, 50, 40, 30, 29, 40, 60))]
    assert decisions(bound(words), frames) == [False, True, True, True, False, False, True]
    region = {"type": "region", "region": "box", "release": "wide", "keypoints": ["nose"]}
    frames = [scene(i, {"nose": (x, 50)}) for i, x in enumerate((110, 100, 110, 120, 121, 110, 90))]
    assert decisions(bound(region), frames) == [False, True, True, True, False, False, True]


def test_what_was_measured_and_of_whom():
    made = bound(
        {"type": "distance", "keypoints": ["nose", "neck"], "at_least": 4, "unit": "cm"}, calibration={"top": 10}
    )
    made.decide("top", scene(0, {"nose": (0, 0), "neck": (35, 0)}, {"nose": (0, 0), "neck": (45, 0)}, {}))
    assert made.measured["it"] == 4.5
    assert made.individuals("it") == ("mouse1",)
    made.decide("top", scene(1, {}))
    assert math.isnan(made.measured["it"])
    assert made.individuals("it") == ()
    pair = bound({"type": "social", "active": ["nose"], "passive": ["neck"], "at_most": 20})
    pair.decide("top", scene(0, {"nose": (0, 0)}, {"neck": (50, 0)}, {"neck": (10, 0)}))
    assert pair.measured["it"] == 10
    assert pair.individuals("it") == ("mouse0", "mouse2")
    region = bound({"type": "region", "region": "box", "keypoints": ["nose", "neck"]})
    region.decide("top", scene(0, {"nose": (1, 1), "neck": (2, 2)}, {"nose": (1, 1), "neck": (500, 2)}))
    assert region.measured["it"] == 2
    assert region.individuals("it") == ("mouse0",)


def test_what_was_measured_is_what_decided_and_not_what_the_release_will():
    made = bound({"type": "region", "region": "box", "release": "wide", "keypoints": ["nose", "neck"]})
    came, near = {"nose": (50, 50), "neck": (500, 50)}, {"nose": (110, 50), "neck": (115, 50)}
    gone = {"nose": (500, 50), "neck": (500, 50)}
    told = []
    for time, animals in enumerate(([gone, near], [came, near], [gone, near], [gone, gone])):
        held = made.decide("top", scene(time, *animals))["it"]
        told.append((held, made.measured["it"], made.individuals("it")))
    assert told == [
        (False, 0, ("mouse0",)),
        (True, 1, ("mouse0",)),  # mouse1 is only where the release is
        (True, 2, ("mouse1",)),
        (False, 0, ("mouse0",)),
    ]


@given(st.integers(3, 9), st.floats(10, 80), st.floats(10, 80), st.lists(st.integers(-10, 110), min_size=2, max_size=2))
def test_polygons_decide_as_the_regions_that_are_drawn(corners, a, b, where):
    points = tuple(
        (50 + (a if i % 2 else b) * math.cos(i * 2 * math.pi / corners), 50 + b * math.sin(i * 2 * math.pi / corners))
        for i in range(corners)
    )
    polygon = Polygon(type="polygon", points=points)
    x, y = (float(value) for value in where)
    words = {"type": "region", "region": "it", "keypoints": ["nose"]}
    decided = told(words, ((x, y), GONE, GONE), regions={"it": polygon})
    assert decided is bool(polygon.contains(x, y))


def test_corners_and_edges_of_a_polygon_are_inside():
    for x, y in ((0, 0), (50, 20), (25, 60), (100, 50), (75, 60)):
        assert NOTCH.contains(x, y)
        assert told({"type": "region", "region": "notch", "keypoints": ["nose"]}, ((x, y), GONE, GONE)) is True


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        ("speed", {"keypoints": ["nose"]}),
        ("speed", {"keypoints": ["nose"], "at_least": 5, "at_most": 3}),
        ("speed", {"keypoints": ["nose"], "at_least": 5, "release": 6}),
        ("freeze", {"keypoints": ["nose"], "at_most": 5, "release": 4}),
        ("speed", {"keypoints": ["nose"], "at_least": 1, "at_most": 5, "release": 4}),
        ("speed", {"keypoints": ["nose"], "at_least": 5, "window": 0}),
        ("speed", {"keypoints": ["nose"], "at_least": 5, "match": 2}),
        ("direction", {"start": "neck", "end": "nose", "at_most": 5}),
        ("direction", {"start": "neck", "end": "nose", "at_most": 5, "point": (1, 2), "edge": "north"}),
        ("direction", {"start": "neck", "end": "nose", "at_most": 5, "point": (1, 2), "frame": (640, 480)}),
        ("angle", {"keypoints": ["nose", "nose", "neck"], "at_most": 5}),
        ("distance", {"keypoints": ["nose", "nose"], "at_most": 5}),
        ("social", {"active": ["nose"], "passive": ["nose"], "at_most": 5, "individual": "a", "other": "a"}),
        ("region", {"region": "box", "keypoints": ["nose"], "match": 0}),
        ("sequence", {"triggers": ["a"], "within": 1}),
        ("topic", {"topic": "/x", "message": "std_msgs/msg/Float64"}),
        ("topic", {"topic": "/x", "message": "std_msgs/msg/Float64", "equals": 1, "at_least": 1}),
        ("topic", {"topic": "x y", "message": "std_msgs/msg/Float64", "equals": 1}),
        ("region", {"region": "box", "keypoints": ["nose", "nose"]}),
        ("speed", {"keypoints": ["nose", "nose"], "at_least": 5}),
        ("social", {"active": ["nose", "nose"], "passive": ["nose"], "at_most": 5}),
    ],
)
def test_what_can_not_be_meant_is_refused(type_, words):
    with pytest.raises(ValueError, match="validation error"):
        trigger(type_, **words)


def test_every_type_says_itself_in_words_and_names_what_it_uses():
    ways = {
        "region": {"region": "box", "keypoints": ["nose", "neck"], "match": 2},
        "direction": {"start": "neck", "end": "nose", "edge": "north", "at_most": 30},
        "speed": {"keypoints": ["nose"], "at_least": 5, "dwell": 2},
        "social": {"active": ["nose"], "passive": ["nose", "neck"], "at_most": 3, "unit": "cm"},
        "and": {"triggers": ["a", "b"]},
        "count": {"trigger": "a", "times": 3, "within": 60},
        "topic": {"topic": "/scale", "message": "std_msgs/msg/Float64", "at_least": 20, "probability": 0.5},
    }
    words = {kind: trigger(kind, **keys).in_words() for kind, keys in ways.items()}
    assert words["region"] == "at least 2 of nose and neck of any animal are inside 'box'"
    assert (
        words["direction"]
        == "the line from neck to nose of any animal points at most 30 degrees away from the north edge "
        "(only the direction counts, wherever the animal is)"
    )
    assert words["speed"] == "the speed of the nose of any animal is at least 5 px/s over 0.1 s, for at least 2 s"
    assert words["and"] == "'a' and 'b' are both true"
    assert words["count"] == "'a' became true 3 times within 60 s"
    assert words["topic"] == "data on the topic /scale (std_msgs/msg/Float64) is at least 20, with a probability of 0.5"
    assert trigger("region", **ways["region"]).regions_used() == [(("region",), "box")]
    assert [name for _, name in trigger("social", **ways["social"]).keypoints_used()] == ["nose", "nose", "neck"]
    assert trigger("and", **ways["and"]).triggers_used() == [(("triggers", 0), "a"), (("triggers", 1), "b")]
    assert set(SPACE) >= {"box"}


def test_an_infinite_ratio_is_measured_without_a_complaint():
    made = bound({"type": "ratio", "distance": ("nose", "neck"), "over": ("nose", "tailroot"), "at_least": 2})
    assert decisions(made, [scene(0, {"nose": NOSE, "neck": NECK, "tailroot": NOSE})]) == [True]
    assert made.measured["it"] == math.inf
