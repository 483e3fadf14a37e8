"""Networks for one animal at a time: boxes, what is cut out, and where its keypoints are in the whole image."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_common import NetworkError
from dlstream_pose import Network
from dlstream_pose.runtime.top_down import Detector, TopDown, crop, widened


def detector_of(boxes: list[list[float]], scores: list[float], size: int = 32) -> Detector:
    """A detector that finds the same boxes in every image."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    values = {"b": np.array(boxes, np.float32).reshape(-1, 4), "s": np.array(scores, np.float32)}
    graph = helper.make_graph(
        [helper.make_node("Identity", ["b"], ["boxes"]), helper.make_node("Identity", ["s"], ["scores"])],
        "detector",
        [helper.make_tensor_value_info("image", kinds.UINT8, ["h", "w", 3])],
        [helper.make_tensor_value_info(name, kinds.FLOAT, None) for name in ("boxes", "scores")],
        [onnx.numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Detector(graph=base64.b64encode(model.SerializeToString()), crop=(size, size))


def brightest(image: np.ndarray) -> np.ndarray:
    """The middle of the brightest pixels, as a network for crops with one keypoint would find it."""
    grey = image.astype(float).sum(axis=2)
    rows, columns = np.nonzero(grey >= max(grey.max() * 0.999, 1))
    middle = [columns.mean() if len(columns) else 0, rows.mean() if len(rows) else 0, grey.max() / 765]
    return np.array([[middle]], np.float32)


def test_keypoints_are_found_where_they_are_in_the_whole_image():
    image = np.zeros((120, 160, 3), np.uint8)
    image[20:24, 30:34] = 255
    image[80:84, 120:124] = 255
    detector = detector_of([[20, 10, 52, 42], [90, 60, 154, 118], [0, 100, 20, 118]], [0.9, 0.7, 0.59])
    poses = TopDown(detector, most=3).run(image, brightest)
    assert poses.shape == (2, 1, 3)  # the third box is not sure enough
    assert np.allclose(poses[0, 0, :2], (31.5, 21.5), atol=0.6)
    assert np.allclose(poses[1, 0, :2], (121.5, 81.5), atol=1.5)


def test_no_more_animals_than_there_are():
    detector = detector_of([[0, 0, 30, 30], [50, 50, 80, 80]], [0.9, 0.8])
    assert len(TopDown(detector, most=1).run(np.zeros((100, 100, 3), np.uint8), brightest)) == 1


def test_no_box_is_nobody():
    poses = TopDown(detector_of([], []), most=2).run(np.zeros((50, 50, 3), np.uint8), brightest)
    assert poses.shape == (0, 1, 3)


@settings(max_examples=60, deadline=None)
@given(*[st.floats(-50, 200) for _ in range(2)], *[st.floats(0, 150) for _ in range(2)])
def test_a_widened_box_contains_the_box_and_keeps_its_centre(left, top, width, height):
    box = [left, top, left + width, top + height]
    x1, y1, x2, y2 = widened(box, (64, 64))
    assert x2 > x1
    assert y2 > y1
    assert abs((x2 - x1) - (y2 - y1)) <= 1
    assert x1 <= left + 1
    assert x2 >= left + width - 2
    assert abs((x1 + x2) / 2 - (left + width / 2)) <= 2


@settings(max_examples=40, deadline=None)
@given(st.integers(-60, 160), st.integers(-60, 120), st.integers(1, 150))
def test_a_crop_of_any_place_is_black_outside_of_the_image(left, top, side):
    image = np.full((80, 100, 3), 200, np.uint8)
    found = crop(image, (left, top, left + side, top + side), (32, 32))
    assert found.shape == (32, 32, 3)
    inside = left >= 0 and top >= 0 and left + side <= 100 and top + side <= 80
    outside = left >= 100 or top >= 80 or left + side <= 0 or top + side <= 0
    if inside:
        assert (found == 200).all()
    if outside:
        assert (found == 0).all()


def test_a_crop_of_its_own_size_is_the_image_itself():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    assert (crop(image, (5, 3, 37, 35), (32, 32)) == image[3:35, 5:37]).all()


def test_a_network_with_a_detector_runs_from_one_file(spot_network, tmp_path, write_network):
    detector = detector_of([[10, 10, 42, 42]], [0.9])
    about = Network(spot_network).info.model_copy(update={"format": 2, "detector": detector})
    network = Network(write_network(about.model_dump_json()))
    image = np.full((60, 80, 3), 100, np.uint8)
    image[30, 20] = 255
    image[12, 40] = 0
    image[0, 0] = 255  # outside of the box
    (pose,) = network.run(image)
    assert pose.tolist() == [[20, 30, 1], [40, 12, 1]]
    assert "graph" not in repr(network.info.detector)


def test_a_damaged_detector_is_named(spot_network, write_network):
    detector = Detector(graph=base64.b64encode(b"no graph"), crop=(32, 32))
    about = Network(spot_network).info.model_copy(update={"detector": detector})
    with pytest.raises(NetworkError, match=r"other\.onnx: its detector can't be loaded"):
        Network(write_network(about.model_dump_json()))
