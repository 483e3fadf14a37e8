"""A session of several hosts: latencies between them are told by one clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlstream_recorder import EventRow
from dlstream_recorder.report.summary import summarise
from dlstream_recorder.report.tables import read_events

MS = 1_000_000


def clock_offset(stamp: int, offset: int, nodes: str) -> EventRow:
    values = {"offset_ns": str(offset), "uncertainty_ns": str(MS // 4), "of": "desk", "nodes": nodes}
    return EventRow("clock_offset", "host/arena", stamp_ns=stamp, values=values)


@pytest.fixture
def record(open_session, make):
    """Records ten frames a second apart, and a command; what `nodes` say of their host's clock comes with them."""

    def record(nodes: str, ahead: int, drift: int = 0, step: int = 0) -> dict[str, float | None]:
        session = open_session(video="none", bag=False)

        def by(node: str, true: int) -> int:
            """What the clock of the node's host shows."""
            here = node in nodes.split()
            was_set = step if true >= make.start + 5_000 * MS else 0
            return true + (ahead + was_set + (true - make.start) * drift // 1_000_000_000 if here else 0)

        for number in range(10):
            stamp = make.start + number * 1_000 * MS
            session.add_event(clock_offset(stamp, by("/top/camera", stamp) - stamp, nodes))
            shown = by("/top/camera", stamp)
            session.add_frame(make.frame(number, make.images(1)[0], stamp=shown))
            received, begun, ended = (stamp + after * MS for after in (2, 3, 8))
            poses = replace(
                make.poses(number), stamp=shown, received=received, inference_start=begun, inference_end=ended
            )
            session.add_poses(poses)
        applied = by("/outputs/laser", stamp + 20 * MS)
        command = EventRow("command", "laser", "top", 9, shown, sent_ns=stamp + 10 * MS, source="experiment", id=1)
        session.add_event(command)
        session.add_event(EventRow("acknowledgement", "laser", applied_ns=applied, source="experiment", id=1))
        session.finish()
        summary = summarise(session.folder)
        assert len(read_events(session.folder)) >= 12
        found = {hop: round(value["p50"], 3) for hop, value in summary.latency_ms.model_dump().items() if value["n"]}
        return {**found, "uncertainty": summary.clock_uncertainty_ms}

    return record


@pytest.mark.parametrize("drift", [0, 200_000])
@pytest.mark.parametrize("ahead", [-40 * MS, 7 * MS])
def test_latencies_between_hosts_are_corrected_by_the_difference_of_their_clocks(record, ahead, drift):
    found = record("/top/camera /outputs/laser", ahead, drift)
    assert found["capture_to_received"] == pytest.approx(2, abs=0.01)
    assert found["inference"] == 5
    assert found["capture_to_pose"] == pytest.approx(8, abs=0.01)
    assert found["command_to_acknowledgement"] == pytest.approx(10, abs=0.01)
    assert found["capture_to_applied"] == pytest.approx(20, abs=0.01)
    assert found["uncertainty"] == 0.25


@pytest.mark.parametrize("step", [3_000 * MS, -40 * MS])
def test_a_clock_that_was_set_is_an_error_of_that_size(record, step):
    assert record("/top/camera", 7 * MS, step=step)["uncertainty"] == abs(step) / MS


def test_what_is_not_on_that_host_stays_as_it_is(record):
    found = record("/other/camera", 7 * MS)
    assert found["capture_to_received"] == 2
    assert found["capture_to_applied"] == 20
