"""A line of an NI card, by NI's own library, against a server with one card."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlstream_outputs.outputs import OutputError
from dlstream_outputs.outputs._ni_line import NiLine, pulses

pytest.importorskip("nidaqmx", reason="NI's library is not installed (make devices)")
from ni_server import ni_server


@pytest.fixture
def card():
    """The card and where its server is."""
    with ni_server() as found:
        yield found


@pytest.fixture
def opened(card):
    """Opens a line; closes all at the end."""
    lines = []

    def make(channel, volts=(0.0, 5.0)):
        lines.append(NiLine(channel, volts, card[1]))
        lines[-1].open()
        return lines[-1]

    yield make
    for line in lines:
        line.close()


def test_a_line_is_low_from_the_start_and_opened_once(card, opened):
    line = opened("Dev1/port0/line0")
    assert card[0].values == {"Dev1/port0/line0": 0.0}
    for value in (1.0, 0.0, 1.0):
        line.write(value)
        assert card[0].values["Dev1/port0/line0"] == value
    assert card[0].calls.count("digital") == 1
    line.close()
    assert card[0].values["Dev1/port0/line0"] == 0.0, "low when it is given back"


def test_a_train_is_played_by_the_clock_of_the_card_and_off_ends_it(card, opened):
    line = opened("Dev1/port0/line3")
    line.play(pulses(0.005, 0.05, 3, 1, 0.05, 0.01, 10_000, 1.0), 10_000)
    [(samples, rate)] = card[0].played["Dev1/port0/line3"]
    assert rate == 10_000
    edges = np.flatnonzero(np.diff([0.0, *samples])) / rate
    assert edges == pytest.approx([0.01, 0.015, 0.06, 0.065, 0.11, 0.115])
    assert samples[-1] == 0.0
    line.write(0.0)
    assert card[0].calls[-2:] == ["stop", "write 0"]
    line.write(1.0)
    assert card[0].calls[-1] == "write 1", "written on demand again"


def test_an_analog_line_takes_volts(card, opened):
    line = opened("Dev1/ao0")
    line.write(2.5)
    assert card[0].values["Dev1/ao0"] == 2.5
    line.play(pulses(0.001, 0.01, 2, 1, 0.01, 0, 5000, 3.3), 5000)
    [(samples, _)] = card[0].played["Dev1/ao0"]
    assert set(samples) == {0.0, 3.3}


def test_what_is_wrong_with_the_card_is_said(card, opened):
    with pytest.raises(OutputError, match=r"channel: Dev7/port0/line0: .*no such device"):
        opened("Dev7/port0/line0")
    opened("Dev1/port0/line0")
    with pytest.raises(OutputError, match=r"channel: Dev1/port0/line0: .*reserved"):
        opened("Dev1/port0/line0")
    line = opened("Dev1/port0/line1")
    card[0].unplugged = True
    with pytest.raises(OutputError, match=r"channel: Dev1/port0/line1: .*removed"):
        line.write(1.0)
    card[0].unplugged = False


def test_without_the_driver_and_without_a_server_it_is_said():
    with pytest.raises(OutputError, match=r"no NI-DAQmx driver.*server: HOST:PORT"):
        NiLine("Dev1/port0/line0", (0, 5)).open()
    with pytest.raises(OutputError, match=r"127\.0\.0\.1:9"):
        NiLine("Dev1/port0/line0", (0, 5), "127.0.0.1:9").open()


@given(st.integers(1, 40), st.integers(1, 200), st.integers(1, 100), st.integers(0, 300), st.integers(1000, 20_000))
def test_the_edges_of_a_train_do_not_drift(count, period_ms, share, delay_ms, rate):
    period, width = period_ms / 1000, period_ms * share / 110_000
    samples = pulses(width, period, count, 1, period, delay_ms / 1000, rate, 1.0)
    assert samples[-1] == 0
    rises = np.flatnonzero(np.diff([0.0, *samples]) > 0)
    if min(width, period - width) * rate >= 1:  # what is shorter is refused
        assert len(rises) == count
        wanted = delay_ms / 1000 + period * np.arange(count)
        assert np.abs(rises / rate - wanted).max() <= 0.5 / rate + 1e-9


@given(
    st.integers(1, 60),
    st.floats(1, 40),
    st.floats(1, 40),
    st.floats(0, 50),
    st.sampled_from([1000, 3000, 10_000, 1_000_000]),
)
@example(8, 1.0, 1.5, 0.0, 10_000)
@example(5, 1.5, 1.0, 0.5, 10_000)
def test_no_pulse_and_no_gap_of_a_tick_or_more_is_lost(count, width, gap, delay, rate):
    samples = pulses(width / rate, (width + gap) / rate, count, 1, (width + gap) / rate, delay / rate, rate, 1.0)
    edges = np.diff([0.0, *samples])
    assert (edges > 0).sum() == (edges < 0).sum() == count
    assert abs(samples.sum() - count * width) <= count
