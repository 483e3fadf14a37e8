"""Pulses and trains by a computer's clock: every pulse is whole or told, and nothing comes after an off."""

from __future__ import annotations

import itertools
import re
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timed_lines import left_out, rest

from dlstream_outputs import On, OutputError, Pulse, Train, output_settings
from dlstream_outputs.outputs._timed_line import TimedLine, pulses_of

trains = st.builds(
    dict,
    frequency=st.floats(0.1, 1000),
    share=st.floats(0.01, 0.99),
    count=st.integers(1, 50),
    delay=st.floats(0, 100),
    burst=st.integers(1, 6),
    pause=st.floats(1.01, 4),
).map(
    lambda given: Train(
        frequency=given["frequency"],
        width=given["share"] * 1000 / given["frequency"],
        count=given["count"],
        delay=given["delay"],
        burst=given["burst"],
        burst_frequency=given["frequency"] / (given["burst"] * given["pause"]) if given["burst"] > 1 else None,
    )
)


class Line:
    """What a line did: its levels with their moments, by the monotonic clock.

    Attributes:
        slow: seconds that it takes to switch.
        slow_low: seconds that it takes to switch to low, where that is longer.
    """

    def __init__(self) -> None:
        self.levels: list[bool] = []
        self.moments: list[float] = []
        self.slow = self.slow_low = 0.0
        self.broken = False

    def switch(self, high: bool) -> None:
        if self.broken:
            raise OutputError("the cable is cut")
        if slow := self.slow if high else max(self.slow, self.slow_low):
            threading.Event().wait(slow)
        self.levels.append(high)
        self.moments.append(time.monotonic())


@given(trains)
def test_a_train_has_its_pulses_at_their_times(train):
    pulses = list(pulses_of(train))
    assert len(pulses) == train.pulses
    assert pulses[0][0] == train.delay / 1000
    assert pulses[-1][0] + pulses[-1][1] == pytest.approx(train.seconds)
    for (start, width), (following, _) in itertools.pairwise(pulses):
        assert width == train.width / 1000
        assert start + width < following + 1e-9


def test_a_train_without_end_goes_on():
    pulses = pulses_of(Train(frequency=20, width=5))
    assert [round(start, 9) for start, _ in itertools.islice(pulses, 4)] == [0, 0.05, 0.1, 0.15]


def test_a_train_is_played_whole_and_ends_low(wait_for):
    line = Line()
    timed = TimedLine(line.switch)
    timed.play(Train(frequency=50, width=5, count=10))
    rest(wait_for)
    assert line.levels == [True, False] * (10 - left_out(timed.fault())), "every edge of what was not left out"
    widths = [end - start for start, end in zip(line.moments[::2], line.moments[1::2], strict=True)]
    assert min(widths) >= 0.005, "no pulse is shorter than asked"


def test_what_takes_effect_now_has_done_so_when_the_call_returns():
    line = Line()
    timed = TimedLine(line.switch)
    timed.play(On())
    assert line.levels == [True]
    timed.play(On())
    assert line.levels == [True, True], "on again is on, without a gap"
    timed.low()
    assert line.levels == [True, True, False]


def test_a_delayed_pulse_is_acknowledged_with_the_time_that_it_is_due(wait_for):
    line = Line()
    timed = TimedLine(line.switch)
    before, begin = time.time_ns(), time.monotonic()
    assert timed.play(Pulse(width=1, delay=50)) >= before + 50_000_000
    rest(wait_for)
    assert line.levels == [True, False]
    assert line.moments[0] >= begin + 0.05, "not before it is due"


def test_a_new_action_ends_the_one_before(wait_for):
    line = Line()
    timed = TimedLine(line.switch)
    timed.play(Train(frequency=100, width=5))
    wait_for(lambda: len(line.levels) > 4, "some pulses")
    timed.play(Pulse(width=20))
    rest(wait_for)
    assert line.moments[-1] - line.moments[-2] >= 0.02, "nothing is left of the train, which has shorter ones"
    timed.low()
    assert line.levels == [True, False] * (len(line.levels) // 2) + [False]


@given(st.lists(st.sampled_from(["on", "pulse", "train", "later", "low"]), max_size=12), st.integers(0, 3))
def test_after_an_off_nothing_goes_high_again(steps, slow):
    line = Line()
    line.slow = slow / 5000
    timed = TimedLine(line.switch)
    actions = {
        "on": On(duration=0.001),
        "pulse": Pulse(width=0.3),
        "train": Train(frequency=2000, width=0.2),
        "later": Pulse(width=1, delay=1),
    }
    for step in steps:
        timed.low() if step == "low" else timed.play(actions[step])
    timed.low()
    levels = list(line.levels)
    assert levels[-1] is False
    threads = [thread for thread in threading.enumerate() if thread.name == "timed-line"]
    for thread in threads:
        thread.join()
    assert line.levels == levels


def test_pulses_that_a_busy_computer_leaves_out_are_told(wait_for):
    line = Line()
    line.slow = 0.02
    timed = TimedLine(line.switch)
    timed.play(Train(frequency=200, width=1, count=40))
    faults: list[str] = []

    def told() -> bool:
        faults.extend(filter(None, [timed.fault()]))
        return bool(faults)

    wait_for(told, "the fault")
    assert line.levels.count(True) < 40
    left_out = 40 - line.levels.count(True)
    assert faults[0].startswith(f"{left_out} of 40 pulses were left out: this computer was too busy")
    assert line.levels[-1] is False


def test_a_pulse_that_lasts_too_long_is_told(wait_for):
    line = Line()
    timed = TimedLine(line.switch)
    line.slow_low = 0.02  # the board takes the end of the pulse late
    timed.play(Pulse(width=5))
    faults: list[str] = []
    wait_for(lambda: faults.append(timed.fault()) or faults[-1], "the fault")
    asked, lasted = (float(word) for word in re.findall(r"[\d.]+(?= ms)", faults[-1]))
    assert asked == 5
    assert lasted >= 25
    timed.play(On(duration=0.001))
    wait_for(lambda: len(line.levels) == 4, "the end")


def test_a_pulse_that_the_device_ends_is_not_too_long_where_this_computer_is_late(wait_for):
    line = Line()
    timed = TimedLine(line.switch)
    line.slow_low = 0.02
    timed.play(Train(frequency=10, width=5, count=2), device_ends=True)
    rest(wait_for)
    assert line.levels.count(False) == line.levels.count(True) > 0
    assert "lasted" not in timed.fault()


def test_what_is_on_is_set_again_and_what_is_off_is_not():
    line = Line()
    timed = TimedLine(line.switch)
    assert timed.again() is False
    timed.play(On())
    assert timed.again() is True
    timed.low()
    assert timed.again() is False
    assert line.levels == [True, True, False]


def test_the_time_that_a_device_tells_is_that_of_the_acknowledgement():
    timed = TimedLine(lambda high: 17 if high else 18)
    assert timed.play(On()) == 17
    assert timed.low() == 18


def test_a_device_that_fails_between_two_edges_is_a_fault(wait_for):
    line = Line()
    timed = TimedLine(line.switch)
    timed.play(Train(frequency=100, width=2))
    line.broken = True
    faults: list[str] = []
    wait_for(lambda: faults.append(timed.fault()) or faults[-1], "the fault")
    assert faults[-1] == "the cable is cut"
    with pytest.raises(OutputError, match="cable"):
        timed.low()
    line.broken = False
    timed.low()
    assert line.levels[-1] is False


@pytest.mark.parametrize(
    "settings",
    [
        {"type": "serial", "port": "/dev/ttyS9"},
        {"type": "gpio", "pin": 17},
        {"type": "labjack", "address": "1.2.3.4", "line": "FIO2"},
        {"type": "labjack", "address": "1.2.3.4", "line": "DAC0"},
        {"type": "nidaq", "channel": "Dev1/PFI6"},
    ],
)
def test_what_a_computer_can_not_time_is_refused_before_the_run(settings):
    read = output_settings(settings["type"]).model_validate(settings).check_command
    wanted = "expected at least 1 ms, as this computer times it"
    assert f"values.width: found 0.5 ms; {wanted}" in str(read("pulse", {"width": "500 us"}))
    train = {"width": "1.5", "count": "3"}
    assert f"values.frequency: found a gap of 0.5 ms between pulses; {wanted}" in str(
        read("train", {**train, "frequency": "500"})
    )
    assert read("train", {**train, "frequency": "100"}) is None


def test_between_one_on_that_is_over_and_the_next_the_line_is_low_however_late_its_thread_is():
    for _ in range(300):
        line = Line()
        timed = TimedLine(line.switch)
        timed.play(On(duration=1e-9))
        timed.play(On())
        assert line.levels == [True, False, True]
        timed.low()
