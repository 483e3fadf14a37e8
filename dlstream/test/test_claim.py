"""Which of two rigs with the same names gives way, whatever their computers' clocks say."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from std_msgs.msg import String

from dlstream.run import claim
from dlstream.run.claim import Announcement, NamesTakenError
from dlstream.run.monitor import Monitor

HOUR = 3600 * 10**9


@pytest.fixture
def rig() -> Iterator[Callable[[str], Monitor]]:
    """What announces a rig whose only node is /recorder."""
    monitors: list[Monitor] = []

    def rig(name: str) -> Monitor:
        monitors.append(Monitor(name, Path(f"{name}.yaml"), ["/recorder"]))
        return monitors[-1]

    yield rig
    for monitor in monitors:
        monitor.close()


def test_a_newcomer_whose_clock_is_behind_does_not_end_the_rig_that_runs(rig, monkeypatch):
    first = rig("first")
    first.claim.check()
    monkeypatch.setattr(claim, "_DISCOVERY", 300.0)  # it ends as soon as the other is heard
    monkeypatch.setattr(time, "time_ns", lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) - HOUR)
    second = rig("second")
    with pytest.raises(NamesTakenError, match=re.escape("rig 'first' (first.yaml), started by")):
        second.claim.check()
    assert first.claim.conflict == ""


def test_of_two_that_start_at_the_same_moment_one_gives_way(rig, wait_for):
    both = [rig("one"), rig("two")]

    def refused(monitor: Monitor) -> bool:
        try:
            monitor.claim.check()
        except NamesTakenError:
            return True
        return False

    with ThreadPoolExecutor() as pool:
        early = list(pool.map(refused, both))
    given_way = lambda: [was or bool(one.claim.conflict) for was, one in zip(early, both, strict=True)]  # noqa: E731
    wait_for(lambda: any(given_way()), "one that gives way")
    assert sorted(given_way()) == [False, True]


def test_of_two_that_hear_of_each_other_late_the_one_that_has_run_for_longer_stays(rig, wait_for, monkeypatch):
    """Two networks that are joined, or a newcomer that has not heard this rig: by its clock it may be the older one."""
    heard: list[Announcement] = []
    first = rig("first")
    first.claim.check()
    stranger = first.node.create_publisher(String, "/dlstream/rigs", claim._QOS)

    def hear(message: String) -> None:
        heard.append(claim._read(message.data))

    first.node.create_subscription(String, "/dlstream/rigs", hear, claim._QOS)
    wait_for(lambda: heard and heard[-1].rig == "first", "that the rig has announced itself")
    monkeypatch.setattr(claim, "_SAME_MOMENT", 0.0)
    for identity, running in (("newcomer", 0.0), ("older", 1e6)):
        assert first.claim.conflict == ""
        other = Announcement(identity, "other.yaml", ["/recorder"], started_ns=1, id=identity, running=running)
        before = heard[-1].running if heard[-1].rig == "first" else 0.0
        stranger.publish(String(data=json.dumps(asdict(other))))
        wait_for(
            lambda before=before: any(one.rig == "first" and one.running > before for one in heard),
            "that it tells the other for how long it has run",
        )
    assert "rig 'older' (other.yaml), started by" in first.claim.conflict
