"""A clock that is set forward in a run."""

from __future__ import annotations

import pytest

from dlstream_experiment.ros.forward_steps import ForwardSteps

SECOND = 1_000_000_000
NOON = 1_800_000_000 * SECOND


@pytest.mark.parametrize("step", [0.6, 5.0, 3600.0])
def test_a_step_forward_is_told_once(step):
    steps = ForwardSteps()
    assert steps.fault(NOON, 7 * SECOND) == ""
    assert steps.fault(NOON + SECOND, 8 * SECOND) == ""
    set_forward = round(step * SECOND)
    told = steps.fault(NOON + SECOND + set_forward, 8 * SECOND + 1000)
    assert told.startswith(f"the clock of this machine was set forward by {step - 1e-6:.3f} s")
    assert steps.fault(NOON + 2 * SECOND + set_forward, 9 * SECOND) == ""


def test_a_pause_a_slew_and_a_step_back_are_none():
    steps = ForwardSteps()
    steps.fault(NOON, 0)
    assert steps.fault(NOON + 90 * SECOND, 90 * SECOND) == "", "the computer slept, or had no time for this"
    for second in range(91, 3000):  # NTP slews by 500 ppm
        assert steps.fault(NOON + second * SECOND + second * 500_000, second * SECOND) == ""
    assert steps.fault(NOON, 3000 * SECOND) == "", "the run itself tells it"
