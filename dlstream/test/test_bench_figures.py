"""What measured times mean for other frame rates."""

from __future__ import annotations

import random

import numpy as np
import pytest

from dlstream.bench.figures import RATES, Figures, Times, left_out, verdict
from dlstream_recorder import OfflineSession


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


def test_times_are_those_of_numpy():
    values = np.random.default_rng(2).normal(10, 2, 1000)
    found = Times.of("x", values)
    assert found is not None
    assert (found.mean, found.sd) == (pytest.approx(values.mean()), pytest.approx(np.std(values, ddof=1)))
    assert (found.least, found.most, found.n) == (values.min(), values.max(), 1000)
    assert found.p95 == pytest.approx(np.quantile(values, 0.95))
    assert Times.of("x", np.empty(0)) is None


def figures(tmp_path, busy, cameras=1, frames=1000, without=0, fps=60.0) -> Figures:
    summary = OfflineSession(tmp_path / "s", "s", ["top"], 1).finish("", 2).model_copy(update={"fps": fps})
    return Figures(summary, [], np.array(busy), cameras, frames, without)


def test_the_verdict_in_words(tmp_path):
    assert verdict(figures(tmp_path / "a", [11.4] * 3000)) == [
        "At the 60 frames a second that came, this machine keeps up.",
        "By its times, at 75 frames a second it keeps up; at 90 it would leave out 3 %.",
    ]
    assert verdict(figures(tmp_path / "b", [11.4] * 3000, cameras=2, without=120)) == [
        "At the 60 frames a second that came, this machine left out 12 % of the frames.",
        "By its times, at 30 frames a second of each of 2 cameras it keeps up; at 50 it would leave out 12 %.",
    ]
    assert verdict(figures(tmp_path / "c", [300.0] * 100, fps=10))[1] == "By its times, at 15 it would leave out 78 %."
    assert verdict(figures(tmp_path / "d", [0.1] * 100))[1].endswith(
        "at 500 frames a second it keeps up, and that is the most that was tried."
    )
    assert verdict(figures(tmp_path / "e", []))[0].startswith("No pose was measured")
