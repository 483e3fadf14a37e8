"""What the experiment believes of an output, beside what the output says."""

from __future__ import annotations

import pytest

from dlstream_common import OFF, Command
from dlstream_experiment.ros.agreement import Agreement, OutputState

ON, SHUT = Command(0, "laser", "on", {"power": "8"}), Command(0, "laser", OFF)


def agreement() -> Agreement:
    return Agreement("laser", "experiment", silence=1.0)


def state(
    identity: int, action: str = "on power=8", source: str = "experiment", reason: str = "", limited: bool = False
) -> OutputState:
    return OutputState(action != OFF, action, source, identity, reason=reason, limited=limited)


def test_what_was_told_and_done_is_agreed_on():
    one = agreement()
    assert one.difference(0.0) is None, "a device of somebody else's says nothing"
    one.sent(1, SHUT)
    one.heard(state(1, OFF), 0.0)
    one.sent(2, ON)
    one.heard(state(2), 0.1)
    assert one.difference(5.0) is None
    one.heard(state(2, OFF), 5.0)
    assert one.difference(9.0) is None, "a pulse is over by itself"


def test_off_by_itself_is_a_difference_at_once_and_told_again():
    one = agreement()
    one.sent(2, ON)
    one.heard(state(2, OFF, reason="'on power=8' was switched off: /experiment has been silent"), 0.0)
    found = one.difference(0.0)
    assert found is not None
    assert found.again is ON
    assert "output 'laser' is off: 'on power=8' was switched off: /experiment has been silent" in found.reason
    assert one.difference(1.0) is None, "it is said once"
    one.sent(3, ON)
    assert one.difference(1.0) is None, "it is on its way"
    one.heard(state(3), 1.1)
    assert one.difference(9.0) is None


def test_what_its_own_limit_has_ended_is_told_but_not_sent_again():
    one = agreement()
    one.sent(2, ON)
    one.heard(state(2, OFF, reason="'on power=8' was switched off: max_on (2 s) is reached", limited=True), 0.0)
    found = one.difference(0.0)
    assert found is not None
    assert found.reason == "output 'laser' is off: 'on power=8' was switched off: max_on (2 s) is reached"
    assert found.again is None


@pytest.mark.parametrize(("told", "does"), [(ON, OFF), (SHUT, "on power=8")])
def test_a_lost_command_is_a_difference_that_lasts(told, does):
    one = agreement()
    one.sent(5, told)
    one.heard(state(4, does), 0.0)
    assert one.difference(0.1) is None, "its status and a command may cross on their way"
    found = one.difference(0.5)
    assert found is not None
    assert found.again is told
    assert f"does '{does}' and not" in found.reason


def test_an_output_that_was_started_again_knows_nothing_and_is_told():
    one = agreement()
    one.sent(5, ON)
    one.heard(state(0, OFF, source=""), 0.0)
    assert one.difference(0.0) is None
    found = one.difference(0.5)
    assert found is not None
    assert found.again is ON


NEW = {"on": False, "state": OFF, "source": "", "id": 0}
"""A node that has carried out nothing yet."""


def after_a_refusal(armed: bool = False, armable: bool = False) -> Agreement:
    """Of an output that was on, refused a command as its node ended, and was started again."""
    one = agreement()
    one.sent(5, ON)
    one.heard(state(5), 0.0)
    one.heard(state(5, OFF, reason="its node is ending"), 1.0)
    assert one.difference(1.0) is not None
    one.sent(6, ON)
    one.refused(6)
    one.heard(OutputState(**NEW, armed=armed, armable=armable), 9.0)
    return one


def test_what_a_node_refused_as_it_ended_is_told_to_the_next_one():
    one = after_a_refusal(armable=True)
    assert one.newly_back(9.25) == 0.25
    assert one.newly_back(9.25) is None, "it is said once"
    assert one.difference(9.0) is None
    found = one.difference(9.5)
    assert found is not None
    assert found.again is ON
    assert "was started again and does 'off', and not 'on power=8'" in found.reason


def test_a_new_node_that_refuses_is_told_again_only_when_it_was_armed():
    one = after_a_refusal()
    assert one.difference(9.0) is None
    assert one.difference(9.5) is not None
    one.sent(7, ON, arms=True)
    one.refused(7)
    one.heard(OutputState(**NEW, armed=False), 10.0)
    assert one.difference(99.0) is None
    one.heard(OutputState(**NEW, armed=True), 100.0)
    assert one.difference(100.0) is None
    found = one.difference(100.5)
    assert found is not None
    assert found.again is ON


def test_a_command_that_met_a_new_node_before_the_run_could_arm_it_is_sent_again():
    one = after_a_refusal(armable=True)
    one.sent(7, ON)  # it was on its way as the node was first heard
    one.refused(7)
    assert one.difference(9.5) is None
    assert one.difference(10.0) is not None
    one.sent(8, ON, arms=True)
    one.refused(8)
    assert one.difference(99.0) is None, "this time it was no question of arming"


def test_the_same_node_that_is_heard_again_is_not_a_new_one():
    one = agreement()
    one.sent(1, SHUT)
    one.heard(OutputState(**NEW), 0.0)
    one.heard(OutputState(**NEW), 0.2)
    assert one.newly_back(9.0) is None
    one.heard(state(1, OFF), 0.4)
    assert one.newly_silent(9.0)
    one.heard(state(1, OFF), 9.1)
    assert one.newly_back(9.0) is None


def test_somebody_else_s_order_is_a_difference_and_left_to_them():
    one = agreement()
    one.sent(5, ON)
    one.heard(state(1, OFF, source="panel", reason="enough"), 0.0)
    assert one.difference(0.0) is None
    found = one.difference(0.5)
    assert found is not None
    assert (found.again, one.owed(9.0)) == (None, None)
    assert "does 'off' by order of panel (enough), and not 'on power=8'" in found.reason


def test_what_the_launcher_switched_off_is_owed_once_all_is_known_after_it_unless_it_disarmed():
    for armed in (True, False):
        one = agreement()
        one.sent(5, ON)
        one.heard(OutputState(False, OFF, "rig", 1, armed, reason="/pose was killed by SIGKILL"), 0.0)
        assert one.difference(0.0) is None
        found = one.difference(0.5)
        assert found is not None
        assert found.again is None
        assert one.owed(0.0) is None
        assert one.owed(0.1) is (ON if armed else None)
        one.sent(6, ON)
        assert one.owed(9.0) is None


def test_what_is_owed_waits_for_the_last_node_that_died_and_is_left_to_who_disarms_or_commands():
    one = agreement()
    one.sent(5, ON)
    one.heard(OutputState(False, OFF, "rig", 1, reason="/top/camera was killed by SIGKILL"), 0.0)
    one.difference(0.0)
    assert one.difference(0.5) is not None
    one.heard(OutputState(False, OFF, "rig", 1), 1.0)
    one.heard(OutputState(False, OFF, "rig", 2, reason="/inputs/lever was killed by SIGKILL"), 2.0)
    assert one.owed(1.5) is None
    assert one.owed(2.1) is ON
    one.heard(OutputState(False, OFF, "rig", 2, armed=False, reason="disarmed by hand"), 3.0)
    assert one.owed(9.0) is None
    one.heard(OutputState(False, OFF, "panel", 1), 4.0)
    assert one.owed(9.0) is None


def test_what_was_refused_has_been_reported():
    one = agreement()
    one.sent(5, ON)
    one.refused(5)
    one.heard(state(4, OFF), 0.0)
    assert one.difference(9.0) is None


def test_what_came_late_is_sent_again_after_a_second():
    one = agreement()
    one.sent(5, ON)
    one.came_late(4, 0.0)
    assert not one.is_late, "that was an older command"
    one.came_late(5, 10.0)
    assert one.is_late
    assert one.late(10.9) is None
    assert one.late(11.1) is ON
    one.sent(6, ON)
    assert not one.is_late, "it is on its way"


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("pulse", {"width": "5"}),
        ("train", {"frequency": "20"}),
        ("on", {"duration": "2"}),
        ("show", {"image": "left", "duration": "2"}),
        ("play", {"sound": "tone"}),
    ],
)
def test_what_ends_by_itself_is_not_sent_again(action, values):
    finite = Command(0, "laser", action, values)
    one = agreement()
    one.sent(5, finite)
    one.came_late(5, 0.0)
    assert not one.is_late

    wanted = " ".join([action, *(f"{key}={value}" for key, value in values.items())])
    for after in (OutputState(**NEW), OutputState(False, OFF, "rig", 1, reason="/pose was killed by SIGKILL")):
        one = agreement()
        one.sent(5, finite)
        one.heard(state(5, wanted), 0.0)
        one.heard(state(5, OFF), 2.0)
        one.heard(after, 60.0)
        assert one.difference(60.0) is None
        found = one.difference(60.5)
        assert found is not None
        assert (found.again, one.owed(99.0)) == (None, None)


def test_a_video_in_a_loop_is_sent_again():
    one = agreement()
    one.sent(5, Command(0, "screen", "play", {"video": "dots", "loop": "true"}))
    one.came_late(5, 0.0)
    assert one.is_late


def test_silence_is_said_once_each_time():
    one = agreement()
    assert not one.newly_silent(99.0), "a device of somebody else's says nothing"
    one.sent(1, ON)
    one.heard(state(1), 100.0)
    assert not one.newly_silent(101.0)
    assert one.newly_silent(101.2) == "output 'laser' has been silent for 1.2 s: what it does is not known"
    assert not one.newly_silent(109.0)
    one.heard(state(1), 110.0)
    assert one.newly_silent(112.0)
