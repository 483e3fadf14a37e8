"""Regions: what lies inside, whatever is done to the whole plane."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from dlstream_experiment.model.regions import Circle, Polygon, Rectangle, Region

coordinate = st.floats(-1000, 1000, width=32)
points = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=20)


@st.composite
def simple_polygons(draw: st.DrawFn) -> Polygon:
    """Corners around a centre, in the order of their angles: never crossing, often not convex."""
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(20, 300), min_size=count, max_size=count))
    x, y = draw(coordinate), draw(coordinate)
    angles = np.arange(count) * 2 * np.pi / count + 0.1
    corners = np.stack((x + radii * np.cos(angles), y + radii * np.sin(angles)), axis=1)
    return Polygon(type="polygon", points=tuple(map(tuple, corners.tolist())))


circles = st.builds(
    lambda x, y, r: Circle(type="circle", center=(x, y), radius=r), coordinate, coordinate, st.floats(1, 500)
)
rectangles = st.builds(
    lambda x, y, w, h: Rectangle(type="rectangle", left=x, top=y, right=x + w, bottom=y + h),
    coordinate,
    coordinate,
    st.floats(1, 500),
    st.floats(1, 500),
)
regions = st.one_of(circles, rectangles, simple_polygons())


def distance_to_border(region: Region, x: float, y: float) -> float:
    if isinstance(region, Circle):
        return abs(math.hypot(x - region.center[0], y - region.center[1]) - region.radius)
    outline = region.outline().astype(np.float32).reshape(-1, 1, 2)
    return abs(cv2.pointPolygonTest(outline, (x, y), True))


def moved(region: Region, scale: float, dx: float, dy: float, angle: float) -> Region:
    """The region after the plane was turned around the origin, scaled and shifted; a rectangle becomes a polygon."""

    def move(x: float, y: float) -> tuple[float, float]:
        c, s = math.cos(angle), math.sin(angle)
        return scale * (c * x - s * y) + dx, scale * (s * x + c * y) + dy

    if isinstance(region, Circle):
        return Circle(type="circle", center=move(*region.center), radius=region.radius * scale)
    if isinstance(region, Rectangle):
        corners = [(region.left, region.top), (region.right, region.top)]
        corners += [(region.right, region.bottom), (region.left, region.bottom)]
    else:
        assert isinstance(region, Polygon)
        corners = list(region.points)
    return Polygon(type="polygon", points=tuple(move(*corner) for corner in corners))


@given(st.one_of(rectangles, simple_polygons()), points)
def test_agrees_with_opencv(region, where):
    x, y = np.array(where).T
    inside = region.contains(x, y)
    outline = region.outline().reshape(-1, 1, 2)
    for index, point in enumerate(where):
        distance = cv2.pointPolygonTest(outline, point, True)
        if abs(distance) > 0.01:  # OpenCV computes in single precision
            assert inside[index] == (distance > 0)


@given(regions, points, st.floats(0.1, 10), st.floats(-500, 500), st.floats(-500, 500), st.floats(-math.pi, math.pi))
def test_turning_scaling_and_shifting_everything_changes_nothing(region, where, scale, dx, dy, angle):
    where = [point for point in where if distance_to_border(region, *point) > 0.01]
    assume(where)
    x, y = np.array(where, np.float64).T
    c, s = math.cos(angle), math.sin(angle)
    new_x, new_y = scale * (c * x - s * y) + dx, scale * (s * x + c * y) + dy
    assert np.array_equal(region.contains(x, y), moved(region, scale, dx, dy, angle).contains(new_x, new_y))


@given(regions, st.integers(1, 4), st.integers(1, 4))
def test_any_shape_of_points_and_nan_lies_nowhere(region, rows, columns):
    left, top, right, bottom = region.bounds
    x = np.full((rows, columns), (left + right) / 2, np.float32)
    y = np.full((rows, columns), (top + bottom) / 2, np.float32)
    assert region.contains(x, y).shape == (rows, columns)
    x[0, 0] = np.nan
    assert not region.contains(x, y)[0, 0]


@given(regions, points)
def test_what_is_inside_is_within_the_bounds_and_what_is_drawn_is_the_border(region, where):
    left, top, right, bottom = region.bounds
    for x, y in where:
        if region.contains(x, y):
            assert left - 1e-3 <= x <= right + 1e-3
            assert top - 1e-3 <= y <= bottom + 1e-3
    for x, y in region.outline():
        assert distance_to_border(region, float(x), float(y)) < 0.01


def test_the_border_belongs_to_the_region():
    circle = Circle(type="circle", center=(550, 163), radius=87.5)
    assert circle.contains(550 + 87.5, 163)
    assert not circle.contains(np.nextafter(550 + 87.5, 999), 163)
    square = Rectangle(type="rectangle", left=10, top=20, right=30, bottom=40)
    polygon = Polygon(type="polygon", points=((10, 20), (30, 20), (30, 40), (10, 40)))
    for region in (square, polygon):
        for x, y in ((10, 20), (30, 40), (10, 30), (20, 40), (30, 20)):
            assert region.contains(x, y)
        for x, y in ((9.999, 30), (30.001, 30), (20, 19.999), (20, 40.001)):
            assert not region.contains(x, y)


def test_a_notch_is_outside():
    letter_u = Polygon(
        type="polygon", points=((0, 0), (10, 0), (10, 30), (20, 30), (20, 0), (30, 0), (30, 40), (0, 40))
    )
    assert not letter_u.contains(15, 10)
    assert letter_u.contains(5, 10)
    assert letter_u.contains(15, 35)


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        (((0, 0), (10, 10), (10, 0), (0, 10)), "these edges cross each other"),
        (((0, 0), (10, 0), (10, 10), (5, 0), (0, 10)), "these edges cross each other"),
        (((0, 0), (10, 0), (4, 0), (4, 8)), "these edges cross each other"),
        (((0, 0), (10, 10), (20, 20)), "not all on one line"),
        (((0, 0), (10, 0), (10, 10), (0, 0)), "differ from the one before"),
        (((0, 0), (10, 0)), "at least 3 items"),
        (((0, 0), (10, 0), (math.inf, 3)), "finite"),
    ],
)
def test_polygons_that_are_none_are_refused(corners, message):
    with pytest.raises(ValidationError, match=message):
        Polygon(type="polygon", points=corners)


def test_rectangles_without_area_are_refused():
    with pytest.raises(ValidationError, match="left smaller than right"):
        Rectangle(type="rectangle", left=10, top=0, right=5, bottom=9)
    with pytest.raises(ValidationError, match="greater than 0"):
        Circle(type="circle", center=(0, 0), radius=0)
