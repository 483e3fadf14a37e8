"""Centimetres by a calibrated camera: the lens undone, and triggers that measure in the plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trigger_tools import PARTS, context, decisions, of, scene, trigger

from dlstream_common import InputError
from dlstream_experiment import check_experiment, load_experiment
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

WIDTH, HEIGHT = 640, 480
MATRIX = [500.0, 0.0, 330.0, 0.0, 510.0, 235.0, 0.0, 0.0, 1.0]
FILE = """\
image_width: {width}
image_height: {height}
camera_name: top
camera_matrix: {{rows: 3, cols: 3, data: {matrix}}}
distortion_model: {model}
distortion_coefficients: {{rows: 1, cols: {count}, data: {data}}}
rectification_matrix: {{rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
projection_matrix: {{rows: 3, cols: 4, data: [500, 0, 330, 0, 0, 510, 235, 0, 0, 0, 1, 0]}}
"""
EXPERIMENT = """\
experiment: far
camera: top
calibration:
  top: {plane}
triggers:
  far: {{type: distance, keypoints: [nose, neck], at_least: 4, unit: cm}}
protocol:
  type: region_trials
  trials: {{far: {{trigger: far, stimulus: {{output: screen, action: show}}}}}}
"""


def write(
    folder: Path, data: list[float], model: str = "plumb_bob", matrix: list[float] = MATRIX, width: int = WIDTH
) -> Path:
    path = folder / "top.yaml"
    path.write_text(
        FILE.format(width=width, height=HEIGHT, matrix=matrix, model=model, count=len(data), data=data),
        encoding="utf-8",
    )
    return path


def plane(folder: Path, data: list[float], distance: float = 50.0, **words: Any) -> CameraPlane:
    return CameraPlane(camera_info=write(folder, data, **words), distance_cm=distance)


def test_without_distortion_it_is_the_focal_length_by_the_distance(tmp_path):
    seen = plane(tmp_path, [0, 0, 0, 0, 0])
    found = seen.centimetres(np.array([330.0, 340.0, np.nan]), np.array([235.0, 235.0 - 51.0, np.nan]))
    assert np.allclose(found, [[0, 10 / (500 / 50), np.nan], [0, -51 / (510 / 50), np.nan]], equal_nan=True)
    assert seen.size == (WIDTH, HEIGHT)


bend = st.floats(-0.25, 0.25)
slight = st.floats(-0.02, 0.02)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.7, 0.7), st.floats(-0.5, 0.5)), min_size=1, max_size=20), bend, slight, slight)
def test_a_place_comes_back_from_the_pixel_where_opencv_sees_it(tmp_path_factory, places, k1, p1, p2):
    data = [k1, 0.05, p1, p2, 0.0]
    folder = tmp_path_factory.mktemp("lens")
    try:
        seen = plane(folder, data)
    except ValueError as error:
        assert "a distortion that can be undone in the whole image" in str(error)
        return
    points = np.array([(x, y, 1.0) for x, y in places])
    pixels, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.reshape(MATRIX, (3, 3)), np.array(data))
    inside = ((pixels[:, 0] >= 0) & (pixels[:, 0] <= (WIDTH - 1, HEIGHT - 1))).all(axis=1)
    found = seen.centimetres(pixels[:, 0, 0], pixels[:, 0, 1])
    assert np.allclose(found.T[inside], 50 * points[inside, :2], atol=1e-5)


@pytest.mark.parametrize("count", [8, 12])
def test_the_rational_model_is_opencv_s(tmp_path, count):
    data = [3.1, 1.2, 0.001, -0.002, 0.1, 3.4, 2.0, 0.3, *([0.0] * (count - 8))]
    seen = plane(tmp_path, data, model="rational_polynomial")
    x, y = np.meshgrid(np.linspace(0, WIDTH - 1, 9), np.linspace(0, HEIGHT - 1, 7))
    found = seen.centimetres(x.ravel(), y.ravel())
    points = np.stack((*found, np.full(found.shape[1], 50.0)), axis=1)
    pixels, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.reshape(MATRIX, (3, 3)), np.array(data))
    assert np.allclose(pixels[:, 0], np.stack((x.ravel(), y.ravel()), axis=1), atol=1e-5)


@pytest.mark.parametrize("data", [[0.0] * 5, [-0.3, 0.1, 0.001, 0.002, 0.0]])
def test_triggers_measure_in_the_plane_and_others_in_the_image(tmp_path, data):
    seen = plane(tmp_path, data)
    words = {
        "distance": {"type": "distance", "keypoints": ["nose", "neck"], "at_least": 1, "unit": "cm"},
        "pixels": {"type": "distance", "keypoints": ["nose", "neck"], "at_least": 1},
        "speed": {"type": "speed", "keypoints": ["nose"], "at_least": 1, "unit": "cm/s", "window": 0.1},
        "gain": {"type": "acceleration", "keypoints": ["nose"], "at_least": 1, "unit": "cm/s2", "window": 0.1},
    }
    triggers = TriggerSet(of(words), context(calibration={"top": seen}))
    triggers.bind("top", PARTS)
    noses = [(100.0, 80.0), (120.0, 80.0), (160.0, 90.0)]
    for number, nose in enumerate(noses):
        triggers.decide("top", scene(number / 10, {"nose": nose, "neck": (400.0, 300.0)}))
    places = seen.centimetres(np.array([x for x, _ in noses] + [400.0]), np.array([y for _, y in noses] + [300.0])).T
    steps = np.linalg.norm(np.diff(places[:3], axis=0), axis=1) / 0.1
    measured = triggers.measured
    assert measured["distance"] == pytest.approx(np.linalg.norm(places[2] - places[3]), rel=1e-5)
    assert measured["pixels"] == pytest.approx(np.hypot(400 - 160, 300 - 90), rel=1e-6)
    assert measured["speed"] == pytest.approx(steps[1], rel=1e-4)
    assert measured["gain"] == pytest.approx((steps[1] - steps[0]) / 0.1, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0, 400)), min_size=6, max_size=6), st.floats(1, 20))
def test_without_distortion_it_decides_as_so_many_pixels_a_centimetre(tmp_path_factory, places, bound):
    folder = tmp_path_factory.mktemp("lens")
    seen = plane(folder, [0.0] * 5, matrix=[500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0])
    frames = [scene(number / 10, {"nose": place, "neck": (300.0, 200.0)}) for number, place in enumerate(places)]
    for kind in ("distance", "speed"):
        words: dict[str, Any] = {"keypoints": ["nose", "neck"] if kind == "distance" else ["nose"]}
        words |= {"at_least": bound * 1.000123, "unit": "cm" if kind == "distance" else "cm/s"}
        told = []
        for calibration in (seen, 10.0):
            made = TriggerSet({"it": trigger(kind, **words)}, context(calibration={"top": calibration}))
            made.bind("top", PARTS)
            told.append(decisions(made, frames))
        assert told[0] == told[1]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (
            {"data": [0.1] * 4, "model": "equidistant"},
            "the distortion_model plumb_bob or rational_polynomial, but it is",
        ),
        ({"data": [0.1] * 8}, "at most 5 distortion_coefficients that are not 0 with 'plumb_bob', but there are more"),
        ({"data": [0.0] * 5, "matrix": [0.0] * 9}, "a calibrated camera, but the camera_matrix has fx 0 and fy 0"),
        (
            {"data": [0.0] * 5, "matrix": [*MATRIX[:1], 2.0, *MATRIX[2:]]},
            r"a camera_matrix \[fx, 0, cx, 0, fy, cy, 0, 0",
        ),
        ({"data": [0.0] * 5, "matrix": MATRIX[:6]}, "camera_matrix.data: found 6 numbers; expected 9"),
        ({"data": [-0.9, 0.0, 0.0, 0.0, 0.0]}, r"can be undone in the whole image, but not at pixel \(0, 0\)"),
    ],
)
def test_a_calibration_that_can_not_be_used_is_refused_with_the_line(tmp_path, words, found):
    path = tmp_path / "far.yaml"
    path.write_text(EXPERIMENT.format(plane="{camera_info: top.yaml, distance_cm: 60}"))
    write(tmp_path, **words)
    with pytest.raises(InputError, match=rf"far\.yaml:4: calibration\.top.*{found}"):
        load_experiment(path)


@pytest.mark.parametrize(
    ("plane", "said"),
    [
        ("{camera_info: top.yaml}", "calibration.top.distance_cm: found nothing; expected this key"),
        ("{camera_info: top.yaml, distance_cm: 0}", "calibration.top.distance_cm: found 0"),
        (
            "{camera_info: tip.yaml, distance_cm: 6}",
            "calibration.top.camera_info: found 'tip.yaml'; expected a path to",
        ),
        ("{camera_inf: top.yaml, distance_cm: 6}", "Did you mean 'camera_info'"),
        ("twelve", "calibration.top: found 'twelve'; expected a number"),
        ("0", "calibration.top: found 0"),
        ("[1]", "calibration.top: found"),
    ],
)
def test_mistakes_in_the_calibration_are_told_with_the_line(tmp_path, plane, said):
    write(tmp_path, [0.0] * 5)
    path = tmp_path / "far.yaml"
    path.write_text(EXPERIMENT.format(plane=plane))
    with pytest.raises(InputError) as raised:
        load_experiment(path)
    assert all(problem.line == 4 for problem in raised.value.problems), str(raised.value)
    assert said in str(raised.value)


def test_the_image_size_is_checked_and_the_file_is_one_that_the_experiment_names(tmp_path):
    path = tmp_path / "far.yaml"
    path.write_text(EXPERIMENT.format(plane="{camera_info: top.yaml, distance_cm: 60}"))
    write(tmp_path, [0.0] * 5)
    experiment = load_experiment(path)
    assert [(used.written, used.path.name) for used in experiment.files] == [("top.yaml", "top.yaml")]
    check_experiment(experiment, cameras=["top"], image_sizes={"top": (WIDTH, HEIGHT)})
    with pytest.raises(
        InputError, match=r"far\.yaml:4: calibration\.top\.camera_info: found the calibration of a camera"
    ):
        check_experiment(experiment, cameras=["top"], image_sizes={"top": (320, 240)})
    with pytest.raises(InputError, match=r"far\.yaml:4: calibration\.top: found 'top'; expected a camera of the rig"):
        check_experiment(experiment, cameras=["tip"])
