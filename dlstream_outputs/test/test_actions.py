"""The vocabulary: what a command means, and what is wrong with one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream_common import Problem
from dlstream_common.quantities import number_in
from dlstream_outputs import VOCABULARY, Action, OutputSettings
from dlstream_outputs.actions import On, Pulse, Train, read_action


class Laser(OutputSettings):
    """An output that takes the whole vocabulary."""

    actions = VOCABULARY


def read(action: str, **values: str) -> Action:
    found = read_action(action, values, VOCABULARY)
    assert isinstance(found, Action), found
    return found


@pytest.mark.parametrize(
    ("unit", "text", "number"),
    [
        ("ms", "5", 5),
        ("ms", "5 ms", 5),
        ("ms", "0.3s", 300),
        ("ms", "250 us", 0.25),
        ("s", "2 min", 120),
        ("Hz", "5 kHz", 5000),
        ("mW", "0.008 W", 8),
        ("ul", "0.005 ml", 5),
        ("V", "-300 mV", -0.3),
        ("s", "1e-3", 0.001),
    ],
)
def test_a_number_may_have_a_unit(unit, text, number):
    assert number_in(unit, text) == number


@pytest.mark.parametrize("text", ["5 V", "fast", "", "5,5", "5 ms ms", "nan", "1e999 ms", "0x10"])
def test_what_is_no_number_of_that_kind_is_refused(text):
    with pytest.raises(ValueError, match=r"number"):
        number_in("ms", text)


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_refused(text):
    try:
        assert np.isfinite(number_in("Hz", text))
    except ValueError as error:
        assert "number" in str(error)


@pytest.mark.parametrize(
    ("action", "values", "message"),
    [
        (
            "trian",
            {},
            "action: found 'trian'; expected on, pulse, train, level, show, play or off. Did you mean 'train'?",
        ),
        ("train", {"width": "5"}, "values.frequency: found nothing; expected this value"),
        (
            "train",
            {"frequency": "20 Hz", "width": "1000 ms"},
            "values.width: found '1000 ms'; expected less than 50 ms",
        ),
        ("train", {"frequency": "20", "width": "5", "count": "3", "duration": "1"}, "only one of count and duration"),
        ("train", {"frequency": "20", "width": "5", "duration": "0.004"}, "at least 0.005 s, the length of one pulse"),
        ("train", {"frequency": "20", "width": "5", "burst": "4"}, "values.burst_frequency: found nothing"),
        ("train", {"frequency": "20", "width": "5", "burst": "4", "burst_frequency": "6"}, "at most 5 Hz"),
        (
            "train",
            {"frequency": "20", "width": "5", "count": "2.5"},
            "values.count: found '2.5'; expected a whole number",
        ),
        ("pulse", {"wdith": "5"}, "values.wdith: found the unknown value 'wdith'"),
        ("pulse", {"width": "5 V"}, "values.width: found '5 V'; expected a number in ms"),
        ("pulse", {"width": "-5"}, "values.width: found '-5'; expected a number at least 0"),
        ("pulse", {"width": "0"}, "values.width: found '0'; expected more than 0 ms"),
        ("pulse", {}, "values.width: found nothing; expected the length of the pulse"),
        ("level", {}, "values.level: found nothing; expected a strength"),
        ("level", {"level": "1.2"}, "values.level: found '1.2'; expected a number at most 1"),
        ("on", {"level": "0.5", "voltage": "2"}, "only one of level, voltage"),
        ("on", {"duration": "true"}, "values.duration: found true; expected a number in s"),
        ("on", {"level": "true"}, "values.level: found true; expected a number"),
        ("train", {"frequency": "20", "width": "5", "count": "true"}, "values.count: found true; expected a number"),
        ("play", {}, "what to play: tone, noise, sound or video"),
        ("play", {"tone": "5 kHz", "noise": "true"}, "values.noise: found true; expected only one of tone and noise"),
        ("show", {}, "values.image: found nothing"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(action, values, message):
    found = read_action(action, values, VOCABULARY)
    assert isinstance(found, Problem)
    assert message in str(found)


@settings(max_examples=300)
@given(
    st.sampled_from(VOCABULARY),
    st.dictionaries(
        st.sampled_from(["width", "frequency", "count", "duration", "delay", "burst", "burst_frequency", "level", "x"]),
        st.one_of(st.text(max_size=6), st.floats().map(str), st.integers(-5, 50).map(str)),
    ),
)
def test_any_values_are_an_action_or_a_problem_with_a_place(kind, values):
    found = read_action(kind.name, values, VOCABULARY)
    if isinstance(found, Problem):
        assert found.place[0] == "values"
        assert found.expected
    else:
        assert found.seconds is None or found.seconds > 0
        assert 0 < found.duty_cycle <= 1


@given(
    st.floats(0.5, 500),
    st.floats(0.05, 0.95),
    st.integers(1, 8),
    st.integers(1, 50),
    st.floats(0, 500),
    st.floats(1, 3),
)
def test_a_train_lasts_until_its_last_pulse_is_over(frequency, share, burst, count, delay, slack):
    width = 1000 / frequency * share
    bursts = {} if burst == 1 else {"burst": burst, "burst_frequency": frequency / burst / slack}
    train = Train(frequency=frequency, width=width, count=count, delay=delay, **bursts)
    period = burst / frequency * slack if burst > 1 else 1 / frequency
    begins = [delay / 1000 + b * period + p / frequency for b in range(count) for p in range(burst)]
    assert train.pulses == len(begins)
    assert train.seconds == pytest.approx(begins[-1] + width / 1000)
    on = burst * width / 1000 / period
    assert train.duty_cycle == pytest.approx(on)
    assert train.longest_on == width / 1000


@given(st.floats(0.5, 200), st.floats(0.05, 0.9), st.floats(0.01, 20))
def test_a_train_of_a_duration_has_the_pulses_that_fit_into_it(frequency, share, duration):
    width = 1000 / frequency * share
    if width / 1000 > duration:
        return
    train = Train(frequency=frequency, width=width, duration=duration)
    assert train.seconds <= duration + 2e-6 * train.pulses
    assert train.pulses / frequency + width / 1000 > duration - 2e-6 * train.pulses - 1e-3


def test_an_action_says_how_long_it_lasts():
    assert read("on").seconds is None
    assert read("on", duration="2 s").seconds == 2
    assert read("pulse", width="5 ms", delay="10 ms").seconds == 0.015
    assert read("train", frequency="20", width="5").seconds is None
    assert read("train", frequency="20", width="5", duration="1").text == "train frequency=20 width=5 duration=1"


LASER = {"calibration": {"power": {0: 0, 0.5: 4, 1: 10}, "volume": {10: 1, 30: 5}}}


def test_a_power_and_a_volume_are_taken_from_the_calibration():
    laser = Laser(**LASER)
    assert laser.read("on", {"power": "2 mW"}) == On(level=0.25)
    assert laser.read("on", {"power": "7", "duration": "1"}) == On(level=0.75, duration=1)
    assert laser.read("pulse", {"volume": "3 ul"}) == Pulse(width=20)
    assert laser.power_of(On(level=0.25)) == 2
    assert laser.power_of(On()) == 10


@pytest.mark.parametrize(
    ("values", "action", "given", "message"),
    [
        ({}, "on", {"power": "2"}, "values.power: found 2 mW; expected an output with a calibration of power"),
        (LASER, "on", {"power": "11 mW"}, "values.power: found 11 mW; expected 0 to 10 mW, as far as"),
        (LASER, "pulse", {"volume": "0.5"}, "values.volume: found 0.5 ul; expected 1 to 5 ul"),
        ({"max_on": 1}, "on", {"duration": "2"}, "values.duration: found 2 s without a break; expected at most max_on"),
        ({"max_on": 0.01}, "pulse", {"width": "20"}, "values.width: found 0.02 s without a break"),
        (
            {"max_duty_cycle": 0.1},
            "train",
            {"frequency": "20", "width": "10"},
            "values: found a train that is on for 20 % of the time; expected at most max_duty_cycle of the output, 10",
        ),
        ({"max_duty_cycle": 0.1}, "on", {"duration": "7"}, "values: found 7 s on; expected at most 6 s of a minute"),
        (
            {**LASER, "max_energy": 5},
            "on",
            {"duration": "1"},
            "values: found 10 mJ; expected at most max_energy of the output, 5 mJ",
        ),
        (
            {"calibration": {"power": {0: 0, 0.5: 5}}, "max_energy": 100},
            "on",
            {},
            "values.level: found nothing, which is level 1; expected at most 0.5: max_energy counts by the calibration",
        ),
        (
            {"calibration": {"power": {0: 0, 0.5: 5}}, "max_energy": 100},
            "level",
            {"level": "0.6"},
            "values.level: found 0.6; expected at most 0.5",
        ),
    ],
)
def test_no_command_may_ask_for_more_than_the_output_allows(values, action, given, message):
    assert message in str(Laser(**values).check_command(action, given))


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ({"power": {0.5: 1}}, "two rows or more"),
        ({"power": {0.5: 1, 2: 5}}, "levels from 0 to 1, but one is 2"),
        ({"power": {0: 5, 1: 5}}, "more mW at each higher setting"),
        ({"volume": {10: 5, 20: 4}}, "more ul at each higher setting"),
        ({"light": {0: 0, 1: 1}}, "tables of power or volume, but one is of 'light'"),
        ({"power": {0: 0, 1: "strong"}}, "a level from 0 to 1 with the mW measured there"),
        ({"power": [1, 2]}, "for power a mapping"),
        ({"power": {0: -1, 1: 5}}, "numbers from 0 on"),
    ],
)
def test_a_calibration_that_can_not_be_used_is_refused(calibration, message):
    with pytest.raises(ValueError, match=message):
        Laser(calibration=calibration)


def test_energy_can_be_limited_only_where_power_is_known():
    with pytest.raises(ValueError, match="a calibration of power as well"):
        Laser(max_energy=5)
