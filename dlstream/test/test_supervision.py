"""When a rig ends by itself, and what is said of an experiment that never ran."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dlstream.rig.sections import section_of
from dlstream.run.supervision import Ending, Supervisor
from dlstream_common import Settings
from dlstream_experiment.settings import ExperimentSettings
from dlstream_msgs.msg import ExperimentStatus

EXPERIMENT = section_of(ExperimentSettings)
SILENT = EXPERIMENT(file=__file__)
"""Of a rig file that does not say who starts it: it starts by itself."""


def supervisor(autostart: bool | Settings | None, seconds: float = 0.001, poses: int = 0, **known: Any) -> Supervisor:
    """That of a rig with an experiment (None: without), whose time is over."""
    found = {
        "told_to_end": "",
        "first_frame": 0.0,
        "poses": 0,
        "ran": False,
        "waited_for": "",
        "status": None,
        "called_off": False,
    }
    claim = SimpleNamespace(conflict="")
    monitor: Any = SimpleNamespace(**{**found, **known}, claim=claim, tell_of_hanging=lambda say: None)
    experiment = EXPERIMENT(file=__file__, autostart_run=autostart) if isinstance(autostart, bool) else autostart
    rig: Any = SimpleNamespace(experiment=experiment, stop=SimpleNamespace(after=0.0, with_experiment=False))
    return Supervisor(rig, monitor, lambda name, text: None, seconds, poses=poses)


@pytest.mark.parametrize(("autostart", "ran"), [(True, True), (False, False), (None, False)])
def test_the_end_of_its_time_is_no_failure(autostart, ran):
    assert supervisor(autostart, ran=ran).tick() == Ending("0.001 s elapsed")


@pytest.mark.parametrize("autostart", [True, SILENT])
def test_the_end_of_its_time_is_a_failure_where_the_experiment_should_have_begun(autostart):
    assert supervisor(autostart).tick() == Ending("0.001 s elapsed, and the experiment has not begun", failed=True)


@pytest.mark.parametrize(
    ("autostart", "known", "said"),
    [
        (None, {}, ""),
        (True, {"ran": True}, ""),
        (False, {}, "the rig says `autostart_run: false`, and nobody started it (`dlstream start`)"),
        (True, {}, "the rig ended before it could begin"),
        (True, {"waited_for": "waits for poses of top"}, "its status to the end was 'waits for poses of top'"),
        (
            True,
            {"status": ExperimentStatus(status=ExperimentStatus.FAULT, reason="the run did not begin within 10 s")},
            "the run did not begin within 10 s",
        ),
    ],
)
def test_an_experiment_that_never_ran_is_named_with_the_reason(autostart, known, said):
    watched = supervisor(autostart, **known)
    sentence = f"The experiment never ran: {said}." if said else ""
    assert watched.never_ran() == (sentence, False), "somebody has asked for the end"


@pytest.mark.parametrize(
    ("autostart", "known", "at_once", "failed"),
    [
        (SILENT, {}, False, True),
        (SILENT, {"waited_for": "waits for poses of top"}, False, True),
        (SILENT, {}, True, False),
        (SILENT, {"ran": True}, False, False),
        (False, {}, False, False),
        (None, {}, False, False),
        (SILENT, {"waited_for": "waits for poses of top", "called_off": True}, False, False),
    ],
)
def test_a_video_that_ends_before_the_experiment_began_is_a_failure(autostart, known, at_once, failed):
    watched = supervisor(autostart, seconds=0.0, **known)
    assert watched.tick() is None
    watched.ends(Ending("/top/camera has finished", at_once=at_once))
    assert watched.never_ran()[1] is failed


def test_an_experiment_that_was_stopped_while_it_waited_is_no_failure():
    watched = supervisor(SILENT, waited_for="waits for poses of top", called_off=True)
    assert watched.tick() == Ending("0.001 s elapsed")
    said = "The experiment never ran: it was stopped while its status was 'waits for poses of top'."
    assert watched.never_ran() == (said, False)


def test_an_experiment_that_begins_while_the_rig_is_stopped_for_its_delay_is_too_late():
    watched = supervisor(SILENT)
    ending = watched.tick()
    assert ending is not None
    assert ending.failed
    watched.ends(ending)
    watched._monitor.ran = True
    assert watched.never_ran() == ("The experiment began too late: only while the rig was being stopped.", True)


@pytest.mark.parametrize("autostart", [SILENT, False, None])
def test_poses_count_from_the_start_of_a_run_that_begins_by_itself(autostart):
    watched = supervisor(autostart, seconds=0.0, poses=40)
    monitor: Any = watched._monitor
    monitor.poses = 50
    first = watched.tick()
    monitor.ran, monitor.poses = True, 100
    if autostart is SILENT:
        assert first is None, "it has not begun"
        assert watched.tick() == Ending("100 poses were estimated")
    else:
        assert first == Ending("50 poses were estimated")


def test_poses_count_where_the_run_has_failed_before_it_began():
    watched = supervisor(SILENT, seconds=0.0, poses=40, status=ExperimentStatus(status=ExperimentStatus.FAULT))
    assert watched.tick() is None
    watched._monitor.poses = 50
    assert watched.tick() == Ending("50 poses were estimated")
