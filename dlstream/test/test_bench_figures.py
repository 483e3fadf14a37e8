"""What measured times mean for other frame rates."""

from __future__ import annotations

import random

import numpy as np
import pytest

from dlstream.bench.figures import (
    LESS_TO_COMPUTE,
    RATES,
    Figures,
    Times,
    computed_at_once,
    figures_of,
    left_out,
    verdict,
)
from dlstream_common import Frame
from dlstream_recorder import OfflineSession

START = 1_800_000_000 * 10**9


def by_frames(busy: list[float], rate: float) -> float:
    """The same, worked out another way: frame by frame, each with the time at which its fate is known."""
    free, got, index, frame = 0.0, 0, 0, 0
    period = 1000.0 / rate
    last = 0
    while index < len(busy):
        arrival = frame * period
        begin = max(arrival, free)
        if begin > arrival + period and begin != arrival:  # by then a newer frame is there
            frame += 1
            continue
        free, got, index, last = begin + busy[index], got + 1, index + 1, frame
        frame += 1
    return (last + 1 - got) / (last + 1)


def test_frames_that_come_slower_than_they_are_served_are_never_left_out():
    assert left_out([9.9] * 500, 100) == 0
    assert left_out([10.0] * 500, 100) == 0


@pytest.mark.parametrize(("milliseconds", "rate", "share"), [(20.0, 100, 0.5), (12.5, 100, 0.2), (40.0, 100, 0.75)])
def test_constant_times_leave_out_what_arithmetic_says(milliseconds, rate, share):
    assert left_out([milliseconds] * 4000, rate) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("seed", range(30))
def test_random_times_agree_with_another_way_to_work_it_out(seed):
    rng = random.Random(seed)
    busy = [rng.expovariate(1 / 12) + rng.random() * 1e-3 for _ in range(400)]
    rate = rng.choice([20, 50, 80, 120, 300])
    assert left_out(busy, rate) == pytest.approx(by_frames(busy, rate), abs=0.01)


def test_more_frames_are_left_out_at_higher_rates():
    busy = np.random.default_rng(1).gamma(4, 3, 2000)
    shares = [left_out(busy, rate) for rate in RATES]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1] > 0.5) == (pytest.approx(0, abs=0.001), True)


@pytest.mark.parametrize("cameras", [2, 3, 5])
def test_as_many_at_a_time_as_cameras_are_as_if_each_was_alone(cameras):
    """Constant times, so that it doesn't matter which camera gets which."""
    for milliseconds, rate in ((9.9, 100), (12.5, 100), (40.0, 100)):
        alone = left_out([milliseconds] * 3000, rate)
        assert left_out([milliseconds] * 3000 * cameras, rate, cameras, cameras) == pytest.approx(alone, abs=0.002)
        assert left_out([milliseconds] * 3000 * cameras, rate, cameras, 9) == pytest.approx(alone, abs=0.002)


def test_one_at_a_time_shares_its_time_among_the_cameras():
    assert left_out([4.9] * 3000, 100, 2) == 0
    assert left_out([8.0] * 4000, 100, 2) == pytest.approx(1 - 125 / 200, abs=0.01)
    assert left_out([8.0] * 4000, 100, 3, 2) == pytest.approx(1 - 250 / 300, abs=0.01)


def test_a_waiting_frame_is_replaced_by_one_of_its_own_camera_only():
    """While a frame takes 20 ms, one of each of the four cameras waits: each of them gets its turn."""
    busy = [20.0, 2.0, 2.0, 2.0] * 500
    assert left_out(busy, 1000 / 30, 4) == 0
    assert left_out(busy, 4000 / 30, 1) > 0.1, "one camera with as many frames has one place"


def test_how_many_were_computed_at_a_time_is_seen_in_their_times():
    starts = np.arange(1000) * 10
    assert computed_at_once(starts, starts + 10) == 1
    assert computed_at_once(starts, starts + 11) == 2
    assert computed_at_once(starts, starts + 29) == 3
    stepped = starts + np.where(np.arange(1000) == 500, 15, 9)
    assert computed_at_once(starts, stepped) == 1
    assert computed_at_once(starts[:1], starts[:1] + 5) == 1


def test_times_are_those_of_numpy():
    values = np.random.default_rng(2).normal(10, 2, 1000)
    found = Times.of("x", values)
    assert found is not None
    assert (found.mean, found.sd) == (pytest.approx(values.mean()), pytest.approx(np.std(values, ddof=1)))
    assert (found.least, found.most, found.n) == (values.min(), values.max(), 1000)
    assert found.p95 == pytest.approx(np.quantile(values, 0.95))
    assert Times.of("x", np.empty(0)) is None


def figures(tmp_path, busy, cameras=1, frames=1000, without=0, fps=60.0, at_once=1) -> Figures:
    summary = OfflineSession(tmp_path / "s", "s", ["top"], 1).finish("", 2)
    return Figures(summary, [], np.array(busy), cameras, frames, without, fps, at_once)


def test_the_rate_is_that_of_the_cameras_with_a_network(tmp_path):
    session = OfflineSession(tmp_path / "s", "s", ["top", "depth"], START)
    session.set_network("top", "mouse.onnx", "0" * 64, [])
    image = np.zeros((48, 64), np.uint8)
    for name, period in (("top", 40), ("depth", 10)):
        for number in range(20):
            session.add_frame(Frame(name, number, START + number * period * 1_000_000, image, "mono8"))
    summary = session.finish("", START + 10**9)
    assert summary.fps == pytest.approx(62.5), "of both"
    found = figures_of(tmp_path / "s")
    assert (found.cameras, found.rate) == (1, pytest.approx(25))


def test_the_verdict_in_words(tmp_path):
    assert verdict(figures(tmp_path / "a", [11.4] * 3000)) == [
        "At the 60 frames a second that came, this machine keeps up.",
        "By its times, at 75 frames a second it keeps up; at 90 it would leave out 3 %.",
    ]
    assert verdict(figures(tmp_path / "b", [11.4] * 3000, cameras=2, without=120)) == [
        "At the 60 frames a second that came, this machine left out 12 % of the frames.",
        "By its times, at 30 frames a second of each of 2 cameras it keeps up; at 50 it would leave out 12 %.",
        LESS_TO_COMPUTE,
    ]
    assert verdict(figures(tmp_path / "f", [11.4] * 3000, cameras=2, at_once=2)) == [
        "At the 60 frames a second that came, this machine keeps up.",
        "By its times, at 75 frames a second of each of 2 cameras, 2 at a time, it keeps up; "
        "at 90 it would leave out 2 %.",
    ]
    assert verdict(figures(tmp_path / "c", [300.0] * 100, fps=10))[1] == "By its times, at 15 it would leave out 78 %."
    assert verdict(figures(tmp_path / "d", [0.1] * 100))[1].endswith(
        "at 500 frames a second it keeps up, and that is the most that was tried."
    )
    assert verdict(figures(tmp_path / "e", []))[0].startswith("No pose was measured")
