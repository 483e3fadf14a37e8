"""The estimator: encodings, scale, and agreement with DeepLabCut-Live on a real mouse."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_camera.arena import KEYPOINTS, Arena
from dlstream_common import EncodingError, NetworkError, RawImage, image_from_bytes
from dlstream_pose import Estimator, Network, PoseSettings, PoseStream
from dlstream_pose.runtime.scale import scale_doubt

WIDTH, HEIGHT = 64, 48
GREY = 60


@pytest.fixture(scope="module")
def spots(spot_network):
    return Network(spot_network)


def spot_image(x: int, y: int, size: int = 1, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A grey image with a white spot at (x, y) and a black pixel at its corner."""
    image = np.full((height, width, 3), GREY, np.uint8)
    image[y : y + size, x : x + size] = 255
    return image


def encoded(image: np.ndarray, encoding: str) -> np.ndarray:
    grey = image[..., 0]
    full = np.full_like(grey, 255)
    neutral = np.full_like(grey, 128)
    return {
        "mono8": lambda: grey,
        "mono16": lambda: grey.astype(np.uint16) * 257,
        "bgr8": lambda: image,
        "rgb8": lambda: image[..., ::-1],
        "bgra8": lambda: np.dstack([image, full]),
        "rgba8": lambda: np.dstack([image[..., ::-1], full]),
        "yuv422": lambda: np.dstack([neutral, (grey * 0.85 + 16).astype(np.uint8)]),
        "yuv422_yuy2": lambda: np.dstack([(grey * 0.85 + 16).astype(np.uint8), neutral]),
    }[encoding]()


@pytest.mark.parametrize("encoding", ["mono8", "mono16", "bgr8", "rgb8", "bgra8", "rgba8", "yuv422", "yuv422_yuy2"])
def test_every_encoding_shows_the_same_spot(spots, encoding):
    image = np.ascontiguousarray(encoded(spot_image(41, 23), encoding))
    raw = image_from_bytes(RawImage(image.tobytes(), WIDTH, HEIGHT, image.strides[0], encoding))
    (found,) = Estimator(spots).estimate(raw, encoding)
    assert (found.x[0], found.y[0]) == (41, 23)
    assert found.confidence[0] > 0.97


def test_colours_are_not_swapped(demo_network):
    """The network learned a brown mouse: it must see the same picture whichever way its colours are sent."""
    image, _ = Arena(seed=9001).render(50)
    estimator = Estimator(demo_network, scale=0.5)
    (blue_first,), (red_first,) = estimator.estimate(image, "bgr8"), estimator.estimate(image[..., ::-1], "rgb8")
    assert np.array_equal(blue_first.x, red_first.x)
    (swapped,) = estimator.estimate(image, "rgb8")
    assert not np.array_equal(blue_first.confidence, swapped.confidence)


def test_an_unknown_encoding_is_refused(spots):
    with pytest.raises(EncodingError, match="found 'bayer_rggb8'"):
        Estimator(spots).estimate(np.zeros((HEIGHT, WIDTH), np.uint8), "bayer_rggb8")


@settings(max_examples=40, deadline=None)
@given(column=st.integers(0, 39), row=st.integers(0, 35), scale=st.sampled_from([0.5, 0.25, 1.0]))
def test_coordinates_are_those_of_the_full_image(spots, column, row, scale):
    """A spot as large as one pixel of the scaled image is found at its upper left pixel: x / scale."""
    size = round(1 / scale)
    image = spot_image(column * size, row * size, size, width=40 * size, height=36 * size)
    (found,) = Estimator(spots, scale=scale).estimate(image)
    assert (found.x[0], found.y[0]) == (column * size, row * size)


def test_a_size_that_the_scale_does_not_divide_is_stretched_back(spots):
    """Rounding the scaled size must not shift what lies far from the origin."""
    image = cv2.GaussianBlur(spot_image(120, 90, 4, width=133, height=101), (0, 0), 2)
    (found,) = Estimator(spots, scale=0.5).estimate(image)
    assert found.x[0] == pytest.approx(121.5, abs=2)
    column = found.x[0] * 66 / 133
    assert column == pytest.approx(round(float(column)), abs=1e-3)


def test_an_image_too_small_for_the_network_is_refused(spots):
    with pytest.raises(NetworkError, match=r"image of 64x48 with scale 0\.5: found 32x24 pixels"):
        Estimator(spots, scale=0.5).estimate(spot_image(3, 3))


def test_a_scale_must_be_positive(spots):
    with pytest.raises(ValueError, match="found 0"):
        Estimator(spots, scale=0)


def test_the_individual_is_named_and_scored(spots):
    (found,) = Estimator(spots).estimate(spot_image(5, 6))
    assert found.id == "individual_1"
    assert found.score == pytest.approx(float(found.confidence.mean()))


def test_the_demo_network_finds_the_animal_of_an_unseen_arena(demo_network):
    estimator = Estimator(demo_network, scale=0.5)
    assert estimator.info.keypoints == KEYPOINTS
    distances, confidences = [], []
    for seed in (0, 9005):
        arena = Arena(seed=seed)
        for number in range(0, 900, 45):
            image, truth = arena.render(number)
            (found,) = estimator.estimate(image)
            distances.append(np.hypot(found.x - truth[:, 0], found.y - truth[:, 1]))
            confidences.append(found.confidence)
    assert np.mean(distances) < 2.0
    assert np.percentile(distances, 95) < 4.0
    assert np.min(confidences) > 0.5


def test_the_scale_of_the_file_counts_unless_another_one_is_given(spots, write_network):
    """A white spot of 4x4 pixels: where it is found tells at which scale the image was looked at."""
    assert (Estimator(spots).scale, Estimator(spots, scale=0.25).scale) == (1, 0.25)
    noted = write_network(spots.info.model_copy(update={"scale": 0.5}).model_dump_json())
    image = np.full((2 * HEIGHT, 2 * WIDTH, 3), 60, np.uint8)
    image[20:24, 12:16] = 255
    for scale, same in ((None, 0.5), (1.0, 1.0)):
        (found,) = Estimator(noted, scale=scale).estimate(image)
        (expected,) = Estimator(spots, scale=same).estimate(image)
        assert (found.x[0], found.y[0]) == (expected.x[0], expected.y[0])


@pytest.mark.parametrize(
    ("noted", "scale", "said"),
    [
        (0.5, None, None),
        (0.5, 0.5, None),
        (0.5, 1.0, "found 1; expected 0.5, the scale that the network file was converted with"),
        (0.5, 5.0, "found 5; expected 0.5"),
        (None, None, None),
        (None, 0.5, None),
        (None, 1.5, None),
        (None, 5.0, "found 5, which enlarges every image 5 times (to 25 times the pixels); expected the size"),
    ],
)
def test_another_scale_than_the_files_deserves_a_look(spots, noted, scale, said):
    doubt = scale_doubt(spots.info.model_copy(update={"scale": noted}), scale)
    assert (doubt is None) == (said is None)
    assert said is None or said in str(doubt)
    assert doubt is None or doubt.is_warning


def test_an_empty_image_gives_no_confidence(demo_network):
    (found,) = Estimator(demo_network, scale=0.5).estimate(np.full((480, 640, 3), 128, np.uint8))
    assert found.confidence.max() < 0.5


@pytest.fixture(scope="module")
def openfield_network(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real network, converted beforehand (its path in DLSTREAM_TEST_NETWORK) or, where DeepLabCut is, here."""
    ready = os.environ.get("DLSTREAM_TEST_NETWORK")
    if ready:
        return Path(ready)
    pytest.importorskip("deeplabcut", reason="needs DeepLabCut, or a converted network in DLSTREAM_TEST_NETWORK")
    from dlstream_pose.convert import convert

    path = tmp_path_factory.mktemp("openfield") / "openfield.onnx"
    convert(test_data / "networks" / "openfield_cspnext_s" / "openfield_cspnext_s.pt", path)
    return path


def test_a_real_mouse_is_where_deeplabcut_live_sees_it(openfield_network: Path, test_data: Path) -> None:
    with (test_data / "networks" / "openfield_cspnext_s" / "dlclive_poses.csv").open() as table:
        rows = list(csv.reader(table))[3:]
    expected = np.array([[float(cell) for cell in row[1:]] for row in rows]).reshape(len(rows), -1, 3)
    estimator = Estimator(openfield_network, scale=0.5)
    video = cv2.VideoCapture(str(test_data / "openfield" / "videos" / "m3v1mp4.mp4"))
    compared = 0
    for number in range(len(rows)):
        if not video.grab():
            break
        if number % 40:
            continue
        (found,) = estimator.estimate(video.retrieve()[1])
        seen = expected[number, :, 2] > 0.1
        distance = np.hypot(found.x - expected[number, :, 0], found.y - expected[number, :, 1])
        assert distance[seen].max(initial=0.0) < 0.1
        assert np.abs(found.confidence - expected[number, :, 2]).max() < 0.001
        compared += int(seen.sum())
    assert compared > 200


def test_a_real_mouse_in_a_window_is_near_to_where_the_whole_frame_has_it(
    openfield_network: Path, test_data: Path
) -> None:
    """Not equal: this network averages over the whole picture (docs/explanation/benchmarks.md)."""
    estimator = Estimator(openfield_network, scale=0.5, threads=2)
    stream = PoseStream(estimator, PoseSettings(network=openfield_network, scale=0.5, crop=320))
    video = cv2.VideoCapture(str(test_data / "openfield" / "videos" / "m3v1mp4.mp4"))
    distances, windows = [], []
    for number in range(60):
        image = video.read()[1]
        (whole,) = estimator.estimate(image)
        found = stream.estimate(image, "bgr8", number * 33_333_333)
        (part,) = found.individuals
        distances.append(np.hypot(part.x - whole.x, part.y - whole.y)[whole.confidence > 0.5])
        windows.append(found.window is not None)
    assert np.mean(windows) > 0.7
    assert np.median(np.concatenate(distances)) < 2.0
    assert np.sqrt(np.mean(np.concatenate(distances) ** 2)) < 4.0
