"""Another host's clock, told from the round trips of both hosts' beats; nothing here asks a clock."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream.rig.hosts import Host
from dlstream.run.hosts.beat import Beat
from dlstream.run.hosts.clock import ENOUGH, HostClock, Offset
from dlstream.run.hosts.peer import Peer

MS = 1_000_000
BEGIN = 1_790_000_000_000_000_000


def trips(
    clock: HostClock, ahead: int, there: list[int], back: list[int], drift: float = 0.0, begin: int = BEGIN
) -> int:
    """A round trip each 50 ms, with these ways there and back in nanoseconds; when the last one ended, by ours."""
    now = begin
    for number, (way, return_way) in enumerate(zip(there, back, strict=True)):
        asked = begin + number * 50 * MS

        def other(ours: int) -> int:
            return ours + ahead + round((ours - BEGIN) * drift)

        now = asked + way + 10 * MS + return_way
        clock.add(asked, other(asked + way), other(asked + way + 10 * MS), now)
    return now


def test_nothing_is_said_of_a_clock_before_there_were_enough_round_trips() -> None:
    clock = HostClock()
    trips(clock, 0, [MS] * (ENOUGH - 1), [MS] * (ENOUGH - 1))
    assert clock.offset is None
    clock.add(BEGIN, 0, 0, BEGIN + MS)
    assert clock.offset is None, "a beat that had heard nothing yet is no round trip"
    trips(clock, 0, [MS], [MS], begin=BEGIN + 1000 * MS)
    assert clock.offset is not None


@settings(max_examples=60, deadline=None)
@given(
    ahead=st.integers(-10_000 * MS, 10_000 * MS),
    seed=st.integers(0, 10_000),
    worst=st.integers(1_000, 40 * MS),
    drift=st.floats(-1e-4, 1e-4),
)
def test_the_difference_lies_within_its_uncertainty(ahead: int, seed: int, worst: int, drift: float) -> None:
    """However the network delays each way, and whatever the crystals do."""
    random = Random(seed)
    ways = [[random.randint(1_000, worst) for _ in range(200)] for _ in range(2)]
    clock = HostClock()
    now = trips(clock, ahead, *ways, drift=drift)
    offset = clock.offset
    assert offset is not None
    truth = ahead + round((now - BEGIN) * drift)
    assert abs(offset.nanoseconds - truth) <= offset.uncertainty + 10_000
    assert offset.uncertainty <= worst + 5 * MS, "the least of the round trips counts, not the worst"
    assert offset.surely <= abs(truth) + 10_000, "a difference is claimed only where there is one"


def test_a_clock_that_is_set_is_told_and_the_new_difference_found() -> None:
    clock = HostClock()
    end = trips(clock, 0, [MS] * 50, [MS] * 50)
    jump = clock.add(end + MS, end + 2 * MS + 3000 * MS, end + 3 * MS + 3000 * MS, end + 4 * MS)
    assert jump is not None
    assert abs(abs(jump.nanoseconds) - 3000 * MS) < 5 * MS
    trips(clock, 3000 * MS, [MS] * 50, [MS] * 50, begin=end + 50 * MS)
    assert clock.offset is not None
    assert abs(clock.offset.nanoseconds - 3000 * MS) <= clock.offset.uncertainty


def test_the_same_question_counts_once() -> None:
    clock = HostClock()
    for _ in range(20):
        clock.add(BEGIN, BEGIN + MS, BEGIN + 2 * MS, BEGIN + 3 * MS)
    assert clock.count == 1


def test_a_difference_is_sure_only_beyond_its_uncertainty() -> None:
    assert Offset(3 * MS, MS).surely == 2 * MS
    assert Offset(-3 * MS, MS).surely == 2 * MS
    assert Offset(MS, 3 * MS).surely == 0
    assert str(Offset(-1_500_000, 200_000)) == "1.500 ms ± 0.200 behind this one"


def test_beats_that_a_queue_keeps_back_are_as_old_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    here = [5000.0]
    monkeypatch.setattr("dlstream.run.hosts.peer.uptime", lambda: round(here[0] * 1000) * MS)
    monkeypatch.setattr("dlstream.run.hosts.peer.time.monotonic", lambda: here[0])
    peer = Peer("arena", Host(address="10.0.0.2"), decides=True)
    for number in range(40):
        delay = 10 if number < 20 else 10 + 50 * (number - 20)  # a cut behind a queue, which gives out what it holds
        here[0] = 5000.0 + number * 0.05
        peer.add(Beat("rig", "arena", uptime=round(here[0] * 1000 - delay) * MS), 0, "desk")
    assert peer.silent_for == pytest.approx(0.95)


def test_a_host_is_ready_once_it_hears_this_one_and_its_clock_is_known() -> None:
    peer = Peer("arena", Host(address="10.0.0.2"), decides=True)
    for number in range(ENOUGH):
        assert not peer.is_ready("desk")
        sent = BEGIN + number * 50 * MS
        peer.add(Beat("rig", "arena", sent=sent + 2 * MS, heard={"desk": [sent, sent + MS]}), sent + 3 * MS, "desk")
    assert peer.is_ready("desk")
    peer.add(Beat("rig", "arena", sent=BEGIN + 1000 * MS, heard={"other": [1, 2]}), BEGIN + 1001 * MS, "desk")
    assert not peer.is_ready("desk"), "it started anew, and has not heard this one yet"


@settings(max_examples=300, deadline=None)
@given(
    st.builds(
        Beat,
        rig=st.text(),
        host=st.text(),
        state=st.sampled_from(["waits", "runs", "ends"]),
        reason=st.text(),
        failed=st.booleans(),
        at_once=st.booleans(),
        files=st.dictionaries(st.text(), st.text(), max_size=3),
        left=st.lists(st.text(), max_size=3),
        sent=st.integers(0, 2**62),
        uptime=st.integers(0, 2**62),
        heard=st.dictionaries(st.text(), st.lists(st.integers(0, 2**62), min_size=2, max_size=2), max_size=3),
    )
)
def test_a_beat_is_read_as_it_was_written(beat: Beat) -> None:
    assert Beat.read(beat.text()) == beat
    assert Beat.read("[" * 100_000) is None


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


KEYS = ("state", "reason", "failed", "files", "left", "sent", "heard", "uptime", "more")


@settings(max_examples=500, deadline=None)
@given(
    st.text()
    | json_like.map(json.dumps)
    | st.fixed_dictionaries(
        {"rig": json_like, "host": json_like}, optional=dict.fromkeys(KEYS, json_like | st.just("runs"))
    ).map(json.dumps)
)
def test_what_is_no_beat_is_none(text: str) -> None:
    found = Beat.read(text)
    if found is not None:
        assert isinstance(found.rig, str)
        assert isinstance(found.host, str)
        assert Beat.read(found.text()) == found
