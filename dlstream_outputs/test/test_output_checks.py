"""How often an output's node looks at its deadlines, and feeds the watchdog of its device."""

from __future__ import annotations

import pytest
from rclpy.parameter import Parameter

from dlstream_outputs.node import OutputNode


@pytest.mark.parametrize("timeout", [0.0, 0.1, 0.25, 1.0, 10.0])
def test_a_patient_output_feeds_its_device_no_less_often(observer, timeout):
    """A board's watchdog may be 0.1 s: whoever gives the commander more time takes none from that."""
    node = OutputNode("log", name="laser")
    node.set_parameters([Parameter("commander_timeout", value=timeout)])
    node.trigger_configure()
    node.trigger_activate()
    try:
        assert node.settings is not None
        assert node.settings.commander_timeout == timeout
        shortest = min(timer.timer_period_ns for timer in node.timers) / 1e9
        assert shortest <= 0.025, "forty times a second"
        assert not timeout or shortest <= max(timeout / 10, 0.01)
    finally:
        node.trigger_shutdown()
        node.destroy_node()
