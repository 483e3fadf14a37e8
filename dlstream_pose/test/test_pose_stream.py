"""A camera's poses over time: crop, filter, prediction, missing points, changes of size and encoding, and no growth."""

from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dlstream_camera.arena import Arena
from dlstream_common import EncodingError, Frame, Individual, NetworkError
from dlstream_pose import Estimator, PoseSettings, PoseStream
from dlstream_pose.runtime.crop import STEP, Cropper, Window
from dlstream_pose.runtime.depth import DepthImages
from dlstream_pose.runtime.missing import treat_missing

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
FRAME = SECOND // 50


@pytest.fixture(scope="module")
def spots(spot_network: Path) -> Estimator:
    return Estimator(spot_network)


def stream_of(estimator: Estimator, clock=lambda: pytest.fail("asked for the time"), **keys) -> PoseStream:
    given_keys = {"network": estimator.network.path, "scale": estimator.scale, **keys}
    return PoseStream(estimator, PoseSettings(**given_keys), clock)


def spot(x: float, y: float, width: int = 320, height: int = 240, size: int = 1) -> np.ndarray:
    """Grey, with a white spot at (x, y) and a black one beside it."""
    image = np.full((height, width, 3), 60, np.uint8)
    image[int(y) : int(y) + size, int(x) : int(x) + size] = 255
    image[int(y) : int(y) + size, int(x) + 3 : int(x) + 3 + size] = 0
    return image


def place(estimate) -> tuple[float, float]:
    (found,) = estimate.individuals
    return float(found.x[0]), float(found.y[0])


# The crop.


def test_a_window_gives_what_the_whole_frame_gives(spots):
    """A network that looks at each place by itself: not a hundredth of a pixel apart, and most frames are windows."""
    stream, windows = stream_of(spots, crop=64), []
    for number in range(100):
        x, y = 160 + 90 * np.cos(number / 15), 120 + 80 * np.sin(number / 15)
        found = stream.estimate(spot(x, y), "bgr8", START + number * FRAME)
        assert place(found) == (int(x), int(y))
        windows.append(found.window)
    seen = [window for window in windows if window is not None]
    assert len(seen) > 85
    assert {(window.width, window.height) for window in seen} == {(64, 64)}, "no new sizes at run time"
    assert all(window.x % STEP == 0 or window.x == 320 - 64 for window in seen)
    assert windows[0] is None
    assert windows[50] is None, "after a second the whole frame is looked at"


@pytest.mark.parametrize("scale", [0.5, 0.25, 0.6])
def test_a_window_of_a_scaled_frame_gives_what_the_whole_gives(spot_network, scale):
    estimator = Estimator(spot_network, scale=scale)
    stream = stream_of(estimator, crop=int(64 / scale))
    windows = 0
    for number in range(30):
        image = spot(250 + 4 * number, 200 + 2 * number, 640, 480, size=5)
        found = stream.estimate(image, "bgr8", START + number * FRAME)
        assert np.allclose(place(found), place(stream_of(estimator).estimate(image, "bgr8", START)), atol=1e-3)
        windows += found.window is not None
    assert windows > 20


@pytest.mark.parametrize("encoding", ["mono8", "rgb8", "bgra8", "yuv422", "yuv422_yuy2"])
def test_a_window_of_any_encoding(spot_network, encoding):
    image = spot(150, 120, 320, 240, size=2)
    grey, neutral = image[..., 0], np.full((240, 320), 128, np.uint8)
    encoded = {
        "mono8": grey,
        "rgb8": image[..., ::-1],
        "bgra8": np.dstack([image, grey]),
        "yuv422": np.dstack([neutral, grey]),
        "yuv422_yuy2": np.dstack([grey, neutral]),
    }[encoding]
    estimator = Estimator(spot_network, scale=0.5)
    stream = stream_of(estimator, crop=128)
    for number in range(3):
        found = stream.estimate(encoded, encoding, START + number * FRAME)
    assert found.window is not None
    assert place(found) == (150, 120)


def test_an_animal_that_jumps_is_found_in_the_same_frame(spots):
    stream = stream_of(spots, crop=64)
    for number in range(10):
        found = stream.estimate(spot(50, 50), "bgr8", START + number * FRAME)
    assert found.window is not None
    found = stream.estimate(spot(290, 200), "bgr8", START + 10 * FRAME)
    assert place(found) == (290, 200)
    assert found.window is None


def test_while_it_is_lost_whole_frames_are_looked_at(spots):
    """A dim image: the spot network's confidence is the brightness."""
    stream = stream_of(spots, crop=64, crop_confidence=0.6)
    dark = np.full((240, 320, 3), 120, np.uint8)
    windows = []
    for number in range(30):
        image = dark // 2 + 60 if 10 <= number < 20 else spot(100, 100)
        windows.append(stream.estimate(image, "bgr8", START + number * FRAME).window)
    assert all(window is not None for window in windows[1:10])
    assert all(window is None for window in windows[10:21])
    assert all(window is not None for window in windows[21:])


def test_windows_cover_every_place_of_the_frame():
    cropper = Cropper(50, 0, 0.5, (1, 1))
    assert cropper.size == 64
    for x in range(0, 200, 3):
        for y in range(0, 150, 7):
            pose = np.array([[[x, y, 0.9]]], np.float32)
            cropper.reset()
            cropper.accept(pose, None, 200, 150, 0)
            window = cropper.window(200, 150, 1)
            assert window is not None, (x, y)
            assert cropper.accept(pose, window, 200, 150, 1)
            assert 0 <= window.x <= 200 - 64
            assert 0 <= window.y <= 150 - 64


def test_several_animals_share_a_window_or_none():
    def window(*spots: tuple[float, float]) -> Window | None:
        cropper = Cropper(96, 0, 0.5, (len(spots), 1))
        cropper.accept(np.array([[[x, y, 0.9]] for x, y in spots], np.float32), None, 320, 240, 0)
        return cropper.window(320, 240, 1)

    together = window((100, 100), (150, 130))
    assert together is not None
    assert together.x + 4 <= 100 < 150 <= together.x + 91
    assert window((100, 100), (250, 130)) is None


def test_one_of_several_that_is_missing_from_the_window_is_looked_for_in_the_whole_frame():
    cropper = Cropper(96, 0, 0.5, (2, 1))
    both = np.array([[[100, 100, 0.9]], [[130, 120, 0.9]]], np.float32)
    one = np.array([[[100, 100, 0.9]], [[np.nan, np.nan, 0]]], np.float32)
    cropper.accept(both, None, 320, 240, 0)
    window = cropper.window(320, 240, 1)
    assert cropper.accept(both, window, 320, 240, 1)
    assert not cropper.accept(one, window, 320, 240, 2)
    assert cropper.window(320, 240, 3) is None
    assert cropper.accept(one, None, 320, 240, 3), "it is nowhere: the other is enough from now on"
    assert cropper.accept(one, cropper.window(320, 240, 4), 320, 240, 4)


def test_a_frame_no_larger_than_the_window_is_looked_at_whole(spots):
    stream = stream_of(spots, crop=400)
    assert [stream.estimate(spot(9, 9), "bgr8", START + n * FRAME).window for n in range(5)] == [None] * 5


def rmse(one: np.ndarray, other: np.ndarray, seen: np.ndarray) -> float:
    return float(np.sqrt(((one - other)[seen][:, :2] ** 2).sum(axis=1).mean()))


def poses_of(stream: PoseStream, images: list[np.ndarray], scale_of_time: int = 1) -> tuple[np.ndarray, float]:
    found = [stream.estimate(image, "bgr8", START + n * FRAME * scale_of_time) for n, image in enumerate(images)]
    poses = np.array([np.stack([i.x, i.y, i.confidence], axis=1) for item in found for i in item.individuals])
    return poses, float(np.mean([item.window is not None for item in found]))


def test_the_demo_animal_in_a_window_is_near_to_where_the_whole_frame_has_it(demo_network):
    """This kind of network averages over the whole picture in its attention, so a window changes a little."""
    arena, estimator = Arena(seed=9005), Estimator(demo_network, scale=0.5, threads=2)
    images = [arena.render(number)[0] for number in range(40)]
    whole, _ = poses_of(stream_of(estimator), images)
    cut, share = poses_of(stream_of(estimator, crop=320), images)
    assert share > 0.9
    assert rmse(cut, whole, whole[..., 2] > 0.5) < 3.5


# Filter, prediction, missing points.


def test_without_a_filter_there_is_neither_velocity_nor_prediction(spots):
    found = stream_of(spots).estimate(spot(30, 40), "bgr8", START)
    (individual,) = found.individuals
    assert individual.vx is None
    assert individual.covariance is None
    assert found.predicted_to == 0


def test_a_filtered_pose_has_velocity_and_spread(spots):
    stream = stream_of(spots, filter="kalman")
    for number in range(30):
        found = stream.estimate(spot(30 + 3 * number, 40), "bgr8", START + number * FRAME)
    (individual,) = found.individuals
    assert individual.x[0] == pytest.approx(117, abs=0.5)
    assert individual.vx[0] == pytest.approx(150, abs=5)
    assert individual.vy[0] == pytest.approx(0, abs=5)
    assert individual.covariance.shape == (2, 3)
    assert individual.x.dtype == individual.vx.dtype == individual.covariance.dtype == np.float32


@pytest.mark.parametrize("kind", ["kalman", "one_euro"])
def test_it_is_predicted_to_now_or_to_a_time_and_not_beyond_the_limit(spots, kind):
    late = {"now": FRAME, "ahead": 0}
    for way, ahead in (("now", 0.02), ("ahead", 0.06), ("ahead", 5.0)):
        clock = [0]
        stream = stream_of(
            spots, lambda clock=clock: clock[0], filter=kind, predict=way, predict_ahead=ahead, filter_cutoff=30.0
        )
        for number in range(60):
            stamp = START + number * FRAME
            clock[0] = stamp + late["now"]
            found = stream.estimate(spot(30 + 3 * number, 40), "bgr8", stamp)
        expected = min(ahead, 0.1)
        assert found.predicted_to == pytest.approx(stamp + expected * SECOND, abs=1000)
        assert place(found)[0] == pytest.approx(207 + 150 * expected, abs=1.5)


def test_the_depth_of_a_predicted_pose_is_that_at_its_place_in_the_frame(spots):
    """The spot is 30 px to the left of where it is predicted, and nearer to the camera than all else."""
    stream = stream_of(spots, filter="kalman", predict="ahead", predict_ahead=0.1)
    for number in range(30):
        x, stamp = 30 + 6 * number, START + number * FRAME
        found = stream.estimate(spot(x, 40), "bgr8", stamp)
    assert place(found)[0] == pytest.approx(x + 30, abs=3)
    assert found.places["individual_1"][0][0] == pytest.approx(x, abs=1)
    above = np.full((240, 320), 800, np.uint16)
    above[30:50, x - 6 : x + 7] = 640
    images = DepthImages(5)
    images.add(Frame("above", 0, stamp, above, "16UC1"))
    frame = Frame("top", 0, stamp, spot(x, 40), "bgr8")
    (measured,) = images.measure(found.individuals, frame, images.at(stamp), found.places)
    assert measured.depth[0] == 640
    assert (measured.x == found.individuals[0].x).all()
    unseen = replace(found.individuals[0], x=np.full(2, np.nan, np.float32))
    (measured,) = images.measure([unseen], frame, images.at(stamp), found.places)
    assert np.isnan(measured.depth).all(), "a keypoint without a place has no depth"


def test_a_prediction_needs_a_filter(spot_network):
    with pytest.raises(ValidationError, match="predict: now needs a velocity: filter: kalman or one_euro"):
        PoseSettings(network=spot_network, predict="now")


def animals() -> list[Individual]:
    x, y = np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0], np.float32)
    return [
        Individual("a", x, y, np.array([0.9, 0.2], np.float32)),
        Individual("b", x, y, np.array([0.9, 0.8], np.float32)),
    ]


@pytest.mark.parametrize(
    ("way", "x", "ids"),
    [
        ("keep", [1, 2], ["a", "b"]),
        ("nan", [1, np.nan], ["a", "b"]),
        ("null", [1, 0], ["a", "b"]),
        ("reset", [np.nan, np.nan], ["a", "b"]),
        ("skip", [1, 2], ["b"]),
    ],
)
def test_missing_points_are_treated_as_asked_and_nobody_gets_a_new_id(way, x, ids):
    treated = treat_missing(animals(), way, 0.5)
    assert [individual.id for individual in treated] == ids
    np.testing.assert_array_equal(treated[0].x, x)
    np.testing.assert_array_equal(treated[-1].x, [1, 2])


# Live.


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90), st.sampled_from(["bgr8", "mono8", "rgb8"])), max_size=8)
)
def test_images_of_any_size_give_the_right_answer_or_a_clear_refusal(spot_network, sizes):
    stream = stream_of(Estimator(spot_network), crop=32, filter="kalman")
    for number, (width, height, encoding) in enumerate(sizes):
        image = np.full((height, width, 3), 60, np.uint8)
        image[height // 2, width // 3] = 255
        shown = image[..., 0] if encoding == "mono8" else image
        if min(width, height) < 32:
            with pytest.raises(NetworkError, match=f"image of {width}x{height}"):
                stream.estimate(shown, encoding, START + number * FRAME)
        else:
            found = stream.estimate(shown, encoding, START + number * FRAME)
            if number and sizes[number - 1][:2] != (width, height):
                assert place(found) == (width // 3, height // 2)
                assert found.window is None


def test_another_size_begins_anew(spots):
    stream = stream_of(spots, crop=64, filter="kalman")
    for number in range(10):
        stream.estimate(spot(30 + 5 * number, 40), "bgr8", START + number * FRAME)
    found = stream.estimate(spot(200, 100, 400, 300), "bgr8", START + 10 * FRAME)
    assert place(found) == (200, 100)
    assert found.individuals[0].vx[0] == 0
    assert found.window is None


def test_an_unknown_encoding_is_refused_and_the_next_frame_goes_on(spots):
    stream = stream_of(spots, filter="kalman")
    stream.estimate(spot(30, 40), "bgr8", START)
    with pytest.raises(EncodingError, match="bayer"):
        stream.estimate(spot(30, 40), "bayer_rggb8", START + FRAME)
    assert place(stream.estimate(spot(30, 40), "bgr8", START + 2 * FRAME)) == (30, 40)


def test_a_replay_gives_what_was_given_live(spots):
    """A second run over the same stamps is the same to the last bit, whatever ran before it."""
    stream = stream_of(spots, crop=64, filter="kalman", predict="ahead")
    images = [spot(60 + 40 * np.sin(n / 9), 80 + 30 * np.cos(n / 7)) for n in range(60)]
    first, _ = poses_of(stream, images)
    again, _ = poses_of(stream, images)
    np.testing.assert_array_equal(first, again)


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


GROWTH = """
import gc, sys
from dlstream_pose import Estimator
from test_pose_stream import FRAME, START, resident, spot, stream_of

network, frames = sys.argv[1], int(sys.argv[2])
stream = stream_of(Estimator(network), crop=32, filter="kalman", predict="ahead")
images = [spot(20 + 2 * n, 20 + n, 64, 48) for n in range(16)]

def run(first, last):
    for number in range(first, last):
        stream.estimate(images[number % 16], "bgr8", START + number * FRAME)
    gc.collect()
    return resident(), len(gc.get_objects())

before, after = run(0, frames // 4), run(frames // 4, frames)
print(after[0] - before[0], after[1] - before[1])
"""


def test_it_does_not_grow(spot_network):
    """DLSTREAM_TEST_FRAMES sets how many frames; two hours at 100 fps are 720000.

    In a process of its own: in that of the tests, what an earlier test freed is given back or taken again at any time.
    """
    frames = os.environ.get("DLSTREAM_TEST_FRAMES", "6000")
    words = [sys.executable, "-c", GROWTH, str(spot_network), frames]
    ended = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    memory, objects = (int(word) for word in ended.stdout.split())
    assert memory < 4 * 2**20
    assert objects < 100


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_it_does_not_grow_by_sizes_and_encodings_that_change(demo_network, engine):
    """What an engine prepares for a size is kept for a few sizes, not for all that ever came: 300 of them here."""
    if engine == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed here")
    stream = stream_of(Estimator(demo_network, scale=1, engine=engine), crop=32, filter="kalman")
    random = np.random.default_rng(1)
    noise = random.integers(0, 255, (96, 96, 4), np.uint8)
    channels = {"bgr8": 3, "rgb8": 3, "mono8": 0, "bgra8": 4, "yuv422": 2}

    def run(first: int, frames: int) -> None:
        for number in range(first, first + frames):
            width, height = 2 * int(random.integers(16, 48)), int(random.integers(32, 96))
            encoding = list(channels)[number % 5]
            image = np.ascontiguousarray(noise[:height, :width, : channels[encoding]])
            shown = image if channels[encoding] else np.ascontiguousarray(noise[:height, :width, 0])
            stream.estimate(shown, encoding, START + number * FRAME)

    run(0, 150)
    gc.collect()
    before = resident()
    run(150, 300)
    gc.collect()
    assert resident() - before < 16 * 2**20
