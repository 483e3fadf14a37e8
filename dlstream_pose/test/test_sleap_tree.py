"""Animals of a SLEAP network, joined from candidates, and whole frames fitted into the size it was trained on."""

from __future__ import annotations

import numpy as np
import pytest
from spot_network import INFO, write_spot_network

from dlstream_common import NetworkError
from dlstream_pose import Estimator, Network, NetworkInfo, PoseSettings, PoseStream, Source
from dlstream_pose.runtime.decoders import make_decoder

TREE = [[1, 0], [1, 2]]  # neck to snout, neck to tail


def decoder(animals: int = 2, **changes: object):
    info = NetworkInfo(
        keypoints=("snout", "neck", "tail"),
        stride=2.0,
        decoder="sleap_tree",
        outputs=("candidates", "affinities"),
        decoding={"edges": TREE, "animals": animals, "min_affinity": 0.25} | changes,
        source=Source(file="x", sha256="0", tool="SLEAP-NN"),
    )
    return make_decoder(info)[1]


def scene(*affinities: tuple[int, int, int, float]) -> dict[str, np.ndarray]:
    """Two candidates for each keypoint, the surer first, which stands lower in the map; none is connected but these."""
    candidates = np.zeros((3, 4, 4), np.float32)
    for keypoint in range(3):
        candidates[keypoint, 0] = 100 + keypoint, 50, 0.9, 90
        candidates[keypoint, 1] = 10 + keypoint, 20, 0.6, 30
    table = np.full((2, 4, 4), -1.0, np.float32)
    for edge, first, second, value in affinities:
        table[edge, first, second] = value
    return {"candidates": candidates, "affinities": table}


PAIRS = ((0, 0, 0, 0.8), (0, 1, 1, 0.9), (1, 0, 0, 0.7), (1, 1, 1, 0.9))


def test_animals_come_in_the_order_of_their_places():
    poses = decoder()(scene(*PAIRS))
    assert poses.shape == (2, 3, 3)
    assert poses[0, :, 0].tolist() == [10, 11, 12]
    assert poses[1, :, 0].tolist() == [100, 101, 102]
    assert poses[1, :, 2] == pytest.approx([0.9] * 3)


def test_of_too_many_the_best_connected_stay():
    poses = decoder(animals=1)(scene(*PAIRS))
    assert poses[..., 0].tolist() == [[10, 11, 12]]
    poses = decoder(animals=1)(scene((0, 0, 0, 0.9), (0, 1, 1, 0.3), (1, 0, 0, 0.9), (1, 1, 1, 0.9)))
    assert poses[..., 0].tolist() == [[100, 101, 102]]


def test_what_is_not_connected_is_not_there():
    poses = decoder()(scene((0, 0, 0, 0.8), (0, 1, 1, 0.2499)))
    assert poses[:, :, 0].tolist()[0][:2] == [100, 101]
    assert len(poses) == 1
    assert np.isnan(poses[0, 2, :2]).all()
    assert poses[0, 2, 2] == 0
    nobody = scene(*PAIRS)
    nobody["candidates"][..., 2] = 0
    assert decoder()(nobody).shape == (0, 3, 3)


def test_the_sum_of_affinities_counts_not_the_single_pair():
    crossed = scene((0, 0, 0, 0.6), (0, 0, 1, 0.7), (0, 1, 0, 0.7), (0, 1, 1, 0.3))
    poses = decoder()(crossed)
    assert poses[0, :2, 0].tolist() == [100, 11]
    assert poses[1, :2, 0].tolist() == [10, 101]


def test_confidences_end_at_one_and_no_number_is_no_connection():
    sure = scene(*PAIRS)
    sure["candidates"][0, 0, 2] = 1.2
    assert decoder()(sure)[..., 2].max() == 1
    blank = scene(*PAIRS)
    blank["affinities"][0, 0, 0] = np.nan
    assert len(decoder()(blank)) == 2
    assert np.isnan(decoder()(blank)[1, 0, 0])


@pytest.mark.parametrize("changes", [{"edges": []}, {"edges": [[0, 3]]}, {"animals": 0}, {"min_affinity": "much"}])
def test_settings_that_do_not_fit_are_refused(changes):
    with pytest.raises(NetworkError, match="settings of the decoder 'sleap_tree'"):
        decoder(**changes)


def fitting(tmp_path, **changes: object) -> Network:
    info = INFO.model_copy(update={"format": 3, "fit": True, "input_size": (64, 48)} | changes)
    return Network(write_spot_network(tmp_path / "fit.onnx", info.model_dump_json()))


def spot(width: int, height: int, x: int, y: int, size: int = 1) -> np.ndarray:
    image = np.full((height, width, 3), 100, np.uint8)
    image[y : y + size, x : x + size] = 255
    return image


def pair(width: int, height: int) -> np.ndarray:
    """A white spot in the middle and a black one beside it."""
    image, x, y = spot(width, height, width // 2, height // 2, size=4), width // 2 + 8, height // 2
    image[y : y + 4, x : x + 4] = 0
    return image


def test_a_frame_of_the_trained_size_is_left_alone(tmp_path):
    image = spot(64, 48, 17, 30)
    assert fitting(tmp_path).run(image)[0, 0, :2].tolist() == [17, 30]


@pytest.mark.parametrize(("width", "height", "ratio"), [(128, 96, 0.5), (32, 24, 2.0), (128, 48, 0.5), (64, 40, 1.0)])
def test_a_frame_of_another_size_is_fitted_and_its_points_are_not(tmp_path, width, height, ratio):
    image = spot(width, height, 8, 12, size=4)
    x, y = fitting(tmp_path).run(image)[0, 0, :2]
    assert 7 <= x <= 12
    assert 11 <= y <= 16
    assert (x * ratio) % 1 == (y * ratio) % 1 == 0


def test_what_is_left_over_is_black(tmp_path):
    darkest = fitting(tmp_path).run(spot(64, 40, 8, 12))[0, 1]
    assert darkest[1] >= 40
    assert darkest[2] == 1


def test_a_window_is_a_part_of_the_fitted_frame(tmp_path):
    from dlstream_pose.runtime.crop import Window

    estimator = Estimator(fitting(tmp_path))
    assert estimator.scaled_size(128, 96) == (64, 48)
    assert estimator.scaled_size(128, 48) == (64, 24)
    image = spot(128, 96, 80, 60, size=2)
    whole = estimator.detect(image)
    part = estimator.detect(image, window=Window(32, 16, 32, 32))
    assert whole[0, 0, :2].tolist() == part[0, 0, :2].tolist() == [80, 60]


@pytest.mark.parametrize(("width", "height", "ratio"), [(640, 480, 0.5), (1280, 960, 0.25), (160, 120, 2.0)])
def test_a_window_has_the_size_in_pixels_of_the_cameras_image(tmp_path, width, height, ratio):
    """However the network resizes the frame: 64 of those that it looks at."""
    estimator = Estimator(fitting(tmp_path, input_size=(320, 240)))
    crop = round(64 / ratio)
    stream = PoseStream(estimator, PoseSettings(network=estimator.network.path, crop=crop))
    stream.warm_up(width, height)
    for number in range(3):
        found = stream.estimate(pair(width, height), "bgr8", number * 20_000_000)
    assert found.window is not None
    assert (found.window.width, found.window.height) == (64, 64)


def test_a_frame_of_another_size_has_a_window_of_its_own(tmp_path):
    estimator = Estimator(fitting(tmp_path, input_size=(320, 240)))
    stream, windows = PoseStream(estimator, PoseSettings(network=estimator.network.path, crop=256)), []
    for number in range(9):
        size = (1280, 960) if number // 3 == 1 else (640, 480)
        found = stream.estimate(pair(*size), "bgr8", number * 20_000_000)
        windows.append(found.window and found.window.width)
    assert windows == [None, 128, 128, None, 64, 64, None, 128, 128]


def test_a_size_to_fit_into_must_be_given(tmp_path):
    with pytest.raises(NetworkError, match="fitted into a size that is not given"):
        fitting(tmp_path, input_size=None)
