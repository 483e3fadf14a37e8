"""Clocks of devices, made up: they drift, wrap and are reset, and their answers are late by whatever is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_common.device_clock import ArrivalClock, RoundTripClock

EPOCH = 1_790_000_000 * 10**9
SECOND = 10**9
MS = 10**6


@dataclass
class World:
    """True time, a host's clock that may be set, and a device that counts.

    Attributes:
        drift: how much faster the device is.
        at: true time in nanoseconds.
    """

    tick: int = 1
    bits: int = 64
    drift: float = 0.0
    first: int = 0
    at: int = 0
    step: int = 0
    booted: int = field(default=0)

    def host(self) -> int:
        return EPOCH + self.at + self.step

    def ticks(self) -> int:
        since = self.at - self.booted
        return (self.first + (since + int(since * self.drift)) // self.tick) % 2**self.bits

    def wait(self, nanoseconds: float) -> None:
        self.at += int(nanoseconds)

    def ask(self, there: float, back: float) -> tuple[int, int, int]:
        """A round trip."""
        before = self.host()
        self.wait(there)
        ticks = self.ticks()
        self.wait(back)
        return ticks, before, self.host()

    def shout(self, late: float) -> tuple[int, int]:
        """A count, and when it arrives."""
        return self.ticks(), self.host() + int(late)


def worlds(drift: float = 100e-6) -> st.SearchStrategy[World]:
    def world(kind: tuple[int, int], drift: float, share: float) -> World:
        tick, bits = kind
        return World(tick, bits, drift, int(share * (2**bits - 1)))

    kinds = st.sampled_from([(1, 64), (8, 64), (4000, 32), (64_000, 16), (1000, 32)])
    return st.builds(world, kinds, st.floats(-drift, drift), st.floats(0, 1))


delays = st.lists(st.tuples(st.floats(0, 20 * MS), st.floats(0, 20 * MS)), min_size=1, max_size=60)


@given(worlds(), delays, st.lists(st.floats(0.01, 1.5), min_size=1, max_size=7), st.floats(-0.5, 2.0))
def test_a_round_trip_gives_the_time_within_its_own_uncertainty(world, delays, pauses, later):
    """Whatever the delays: all on one side, nothing at all, or hugely different; and whenever the counter wraps."""
    clock = RoundTripClock(world.tick, world.bits)
    for number, (there, back) in enumerate(delays):
        assert clock.add(*world.ask(there, back)) is None
        world.wait(pauses[number % len(pauses)] * SECOND)
    known = 0.49 * world.tick * 2**world.bits / SECOND - pauses[(len(delays) - 1) % len(pauses)] - 0.02
    world.wait(min(later, known) * SECOND if later > 0 else 0)  # within half of what the counter holds, as is promised
    if later < 0:
        world.at = max(0, world.at + int(later * SECOND))
    ticks = world.ticks()
    off = abs(clock.to_host(ticks) - world.host())
    assert off <= clock.uncertainty(ticks) + world.tick + 10


@given(worlds(), st.integers(0, 2**32))
def test_the_uncertainty_is_that_of_the_best_round_trip_and_the_drift_is_found(world, seed):
    random = np.random.default_rng(seed)
    clock = RoundTripClock(world.tick, world.bits)
    for number in range(400):
        quick = number % 20 == 7
        there, back = random.uniform(0.05, 0.1, 2) * MS if quick else random.uniform(1, 30, 2) * MS
        clock.add(*world.ask(there, back))
        world.wait(0.1 * SECOND)
    assert clock.uncertainty() <= 0.2 * MS + world.tick
    assert clock.drift_ppm == pytest.approx(-world.drift * 1e6, abs=15)
    assert abs(clock.to_host(world.ticks()) - world.host()) <= 0.2 * MS + world.tick


@given(worlds(), st.floats(-2000, 2000).filter(lambda it: abs(it) > 0.05), st.integers(0, 2**32))
def test_a_host_clock_that_is_set_is_told_and_followed(world, step, seed):
    random = np.random.default_rng(seed)
    if world.bits == 16:
        world.bits = 32  # a step by more than half a turn of the counter can't be seen
    clock = RoundTripClock(world.tick, world.bits)
    for _ in range(50):
        clock.add(*world.ask(*random.uniform(0, 2, 2) * MS))
        world.wait(0.5 * SECOND)
    world.step = int(step * SECOND)
    jump = clock.add(*world.ask(MS, MS))
    assert jump is not None
    assert jump.nanoseconds == pytest.approx(step * SECOND, abs=10 * MS)
    assert "clock was set" in jump.text
    for _ in range(5):
        assert clock.add(*world.ask(MS, MS)) is None
    ticks = world.ticks()
    assert abs(clock.to_host(ticks) - world.host()) <= clock.uncertainty(ticks) + world.tick + 10


@given(worlds(), st.floats(1.0, 40.0), st.integers(0, 2**32))
def test_a_device_that_is_reset_is_told_and_followed(world, seconds, seed):
    random = np.random.default_rng(seed)
    clock = RoundTripClock(world.tick, world.bits)
    while world.at < seconds * SECOND:
        clock.add(*world.ask(*random.uniform(0, 2, 2) * MS))
        world.wait(0.2 * SECOND)
    counted = (world.ticks() - world.first) % 2**world.bits
    world.booted, world.first = world.at, world.first if counted * world.tick > 0.1 * SECOND else world.first + 1000
    jump = clock.add(*world.ask(MS, MS))
    if world.bits > 16:
        assert jump is not None
        assert "was reset" in jump.text
    for _ in range(5):
        assert clock.add(*world.ask(MS, MS)) is None
        world.wait(0.2 * SECOND)
    ticks = world.ticks()
    assert abs(clock.to_host(ticks) - world.host()) <= clock.uncertainty(ticks) + world.tick + 10


def test_what_counts_up_again_after_a_reset_is_not_taken_for_a_wrap():
    world = World(1000, 32, first=2**31 + 5)
    clock = RoundTripClock(world.tick, world.bits)
    clock.add(*world.ask(MS, MS))
    world.wait(SECOND)
    world.booted, world.first = world.at, 0
    jump = clock.add(*world.ask(MS, MS))
    assert jump is not None
    assert clock.to_host(world.ticks()) == pytest.approx(world.host(), abs=2 * MS)


def test_hours_without_a_question_leave_wraps_that_are_still_counted_right():
    world = World(1000, 32, drift=80e-6)  # wraps after 72 minutes
    clock = RoundTripClock(world.tick, world.bits)
    for _ in range(3):
        clock.add(*world.ask(MS, MS))
        world.wait(10 * SECOND)
    for _ in range(10):
        world.wait(2.7 * 3600 * SECOND)
        assert clock.add(*world.ask(MS, MS)) is None
        assert abs(clock.to_host(world.ticks()) - world.host()) <= MS + world.tick


def test_a_drift_that_changes_is_followed_without_an_alarm():
    world = World()
    clock = RoundTripClock()
    random = np.random.default_rng(1)
    for number in range(600):
        world.at += int(0.2 * SECOND)
        world.first += int(0.2 * SECOND * 20e-6 * np.sin(number / 100))  # its oscillator warms up and cools down
        assert clock.add(*world.ask(*random.uniform(0.1, 1, 2) * MS)) is None
        assert abs(clock.to_host(world.ticks()) - world.host()) <= clock.uncertainty() + 0.1 * MS


@settings(max_examples=25)
@given(worlds(), st.integers(0, 2**32), st.floats(0.1, 5), st.floats(20, 120), st.integers(0, 30 * MS))
def test_arrivals_give_the_time_within_the_known_bound(world, seed, jitter, fps, exposure):
    """Frames that are late by the exposure, by jitter, now and then by much more, and all of them in a busy second."""
    random = np.random.default_rng(seed)
    bound = int(jitter * MS) + 2 * world.tick
    clock = ArrivalClock(world.tick, world.bits, delay_bound=bound)
    busy = random.uniform(15, 30) * SECOND
    for _ in range(int(40 * fps)):
        late = exposure + random.uniform(0, jitter) * MS
        late += random.exponential(30 * MS) if random.uniform() < 0.1 or busy < world.at < busy + SECOND else 0
        ticks, arrived = world.shout(late)
        assert clock.add(ticks, arrived, exposure) is None
        if world.at > SECOND:
            assert abs(clock.to_host(ticks) - world.host()) <= clock.uncertainty() + world.tick
        world.wait(SECOND / fps)


def test_the_drift_between_arrivals_is_found():
    world = World(drift=-80e-6)
    random = np.random.default_rng(2)
    clock = ArrivalClock()
    for _ in range(3000):
        clock.add(*world.shout(random.exponential(2 * MS)))
        world.wait(SECOND / 50)
    assert clock.drift_ppm == pytest.approx(80, abs=20)


@given(worlds(), st.floats(-2000, 2000).filter(lambda it: abs(it) > 0.15), st.integers(0, 2**32))
def test_arrivals_after_the_host_clock_was_set(world, step, seed):
    world.bits = max(world.bits, 32)
    random = np.random.default_rng(seed)
    clock = ArrivalClock(world.tick, world.bits, delay_bound=3 * MS)
    for _ in range(20 * 50):
        clock.add(*world.shout(random.uniform(0, 2) * MS))
        world.wait(SECOND / 50)
    world.step = int(step * SECOND)
    jumps = []
    for _ in range(3 * 50):
        jumps.append(clock.add(*world.shout(random.uniform(0, 2) * MS)))
        world.wait(SECOND / 50)
    (jump,) = filter(None, jumps)
    assert jump.nanoseconds == pytest.approx(step * SECOND, abs=10 * MS)
    ticks, _ = world.shout(0)
    assert abs(clock.to_host(ticks) - world.host()) <= 3 * MS + world.tick


def test_arrivals_of_a_device_that_was_reset():
    world = World(first=10**15)
    clock = ArrivalClock(delay_bound=3 * MS)
    for _ in range(300):
        clock.add(*world.shout(MS))
        world.wait(SECOND / 30)
    world.booted, world.first = world.at, 0
    jump = clock.add(*world.shout(MS))
    assert jump is not None
    assert "the device was reset" in jump.text
    assert clock.add(*world.shout(MS)) is None
    assert clock.to_host(world.ticks()) == pytest.approx(world.host(), abs=2 * MS)


def test_first_arrivals_that_were_held_up_are_no_jump():
    """A camera's first frames lie in buffers while this computer still starts."""
    world = World()
    clock = ArrivalClock(delay_bound=3 * MS)
    assert clock.add(*world.shout(800 * MS)) is None
    world.wait(SECOND / 30)
    assert clock.add(*world.shout(MS)) is None
    assert clock.to_host(world.ticks()) == pytest.approx(world.host(), abs=2 * MS)


@pytest.mark.parametrize("clock", [RoundTripClock(bits=16), ArrivalClock(bits=16)])
def test_what_the_counter_cant_hold_is_refused(clock):
    with pytest.raises(ValueError, match="not been compared"):
        clock.to_host(5)
    for ticks in (-1, 2**16):
        with pytest.raises(ValueError, match="expected 0 to 65535"):
            clock.add(ticks, EPOCH, EPOCH) if isinstance(clock, RoundTripClock) else clock.add(ticks, EPOCH)
    assert not clock.is_set


def test_a_host_clock_that_goes_back_within_a_round_trip_spoils_nothing():
    clock = RoundTripClock()
    clock.add(0, EPOCH, EPOCH + MS)
    assert clock.add(SECOND, EPOCH + SECOND, EPOCH + SECOND - 5 * MS) is None
    assert clock.to_host(0) == pytest.approx(EPOCH, abs=MS)
