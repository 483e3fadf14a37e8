"""`type: nidaq` by its own node's interface: what its settings refuse, and what reaches the card."""

from __future__ import annotations

import sys
from contextlib import suppress

import numpy as np
import pytest

from dlstream_common import now
from dlstream_outputs import OUTPUTS, On, OutputError, Pulse, output_settings

pytest.importorskip("nidaqmx", reason="NI's library is not installed (make devices)")
from ni_server import ni_server

LINE, ANALOG = "Dev1/port0/line0", "Dev1/ao0"


@pytest.fixture
def card():
    """The card and where its server is."""
    with ni_server() as found:
        yield found


@pytest.fixture
def opened(card):
    """Opens an output; closes all at the end."""
    outputs = []

    def make(channel, **values):
        settings = output_settings("nidaq").model_validate({"channel": channel, "server": card[1], **values})
        outputs.append(OUTPUTS["nidaq"](settings, lambda line: None))
        outputs[-1].open()
        return outputs[-1]

    yield make
    for output in outputs:
        with suppress(OutputError):  # a card that is gone
            output.close()


def tell(output, action, **values):
    return output.apply(output.settings.read(action, values))


def rises(samples, rate):
    return np.flatnonzero(np.diff([0.0, *samples]) > 0) / rate


def test_a_line_is_switched_on_and_off(card, opened):
    output = opened(LINE)
    assert tell(output, "on") > 0
    assert card[0].values[LINE] == 1
    output.off()
    assert card[0].values[LINE] == 0


def test_trains_and_bursts_run_by_the_clock_of_the_card(card, opened):
    output = opened(LINE)
    before = now()
    assert tell(output, "pulse", width="5 ms", delay="20 ms") >= before + 20_000_000, "when the pulse begins"
    tell(output, "train", frequency="20 Hz", width="5 ms", count="4")
    tell(output, "train", frequency="100 Hz", width="2 ms", burst="3", burst_frequency="10 Hz", count="2")
    found = [rises(samples, rate).round(4).tolist() for samples, rate in card[0].played[LINE]]
    assert found == [[0.02], [0.0, 0.05, 0.1, 0.15], [0.0, 0.01, 0.02, 0.1, 0.11, 0.12]]
    assert {sum(samples) / rate for samples, rate in card[0].played[LINE]} == {0.005, 0.02, 0.012}
    assert all(samples[-1] == 0 for samples, _ in card[0].played[LINE])


def test_on_for_a_time_leaves_the_clock_of_the_card_to_pulses_of_other_lines(card, opened):
    line, analog = opened(LINE), opened(ANALOG, volts=4)
    tell(line, "on", duration="501 s")
    tell(analog, "on", duration="0.5 s", level="0.5")
    assert (card[0].values[LINE], card[0].values[ANALOG]) == (1, 2.0)
    assert not card[0].played
    assert (line.ends(On(duration=1)), line.ends(Pulse(width=5))) == (False, True), "its node ends what is on"


def test_a_line_without_a_clock_is_timed_by_this_computer(card, opened, wait_for):
    for channel, timing in (("Dev1/PFI6", "auto"), ("Dev1/port1/line3", "computer")):
        output = opened(channel, timing=timing)
        before = len(card[0].calls)
        tell(output, "pulse", width="5 ms")
        wait_for(lambda before=before: len(card[0].calls) - before == 2, "a pulse")
        assert card[0].calls[before:] == ["write 1", "write 0"]
        tell(output, "level", level="1")
        assert card[0].values[channel] == 1
        tell(output, "level", level="0")
        assert card[0].values[channel] == 0
        tell(output, "on", duration="60 s")
        assert card[0].values[channel] == 1
        output.off()
        assert card[0].values[channel] == 0
        assert "this computer times its pulses" in output.settings.without_computer().text
    output = opened("Dev1/port1/line4")
    with pytest.raises(OutputError, match=r"not supported.*If the line has no clock.*timing: computer"):
        tell(output, "pulse", width="5 ms")
    tell(output, "on", duration="2 s")
    assert card[0].values["Dev1/port1/line4"] == 1, "its node ends it"


def test_an_analog_channel_takes_levels_volts_and_milliwatts(card, opened):
    output = opened(ANALOG, volts=4, calibration={"power": {0: 0, 1: 20}})
    for action, values, volts in [
        ("on", {}, 4.0),
        ("level", {"level": "0.25"}, 1.0),
        ("level", {"voltage": "300 mV"}, 0.3),
        ("on", {"power": "5 mW"}, 1.0),
    ]:
        tell(output, action, **values)
        assert card[0].values[ANALOG] == pytest.approx(volts)
    tell(output, "pulse", width="5 ms", power="10 mW")
    [(samples, _)] = card[0].played[ANALOG]
    assert set(samples) == {0.0, 2.0}


def said_once(output, wait_for):
    """The next fault; there is no other one after it."""
    said = []
    wait_for(lambda: said.append(output.fault()) or said[-1], "a fault")
    output._looked = 0.0
    assert output.fault() == ""
    return said[-1]


@pytest.mark.parametrize("channel", [LINE, ANALOG, "Dev1/PFI6"])
@pytest.mark.parametrize(("silent_tasks", "message"), [(False, "removed"), (True, "not present")])
def test_a_card_that_is_unplugged_while_it_is_on_is_told_once(card, opened, wait_for, channel, silent_tasks, message):
    output = opened(channel)
    tell(output, "on")
    before = list(card[0].calls)
    output._looked = 0.0
    assert output.fault() == ""
    assert card[0].calls == before, "asking changes nothing"
    card[0].unplugged, card[0].silent_tasks = True, silent_tasks
    said = said_once(output, wait_for)
    assert said.startswith(f"channel: {channel}: ")
    assert message in said
    card[0].unplugged = False


def test_a_server_that_dies_while_a_line_is_on_is_told_once(card, opened, wait_for):
    output = opened("Dev1/PFI6")
    tell(output, "train", frequency="0.01 Hz", width="50 s", count="2")
    card[0].server.stop(0).wait()
    said = said_once(output, wait_for)
    assert f"server: {card[1]}: " in said
    assert "is NI's gRPC Device Server there?" in said
    with pytest.raises(OutputError):
        output.off()


@pytest.mark.parametrize(
    ("channel", "action", "values", "message"),
    [
        (LINE, "on", {"level": "0.5"}, "values.level: found a strength; expected no strength: the line is digital"),
        (LINE, "on", {"voltage": "1"}, "values.voltage: found a strength"),
        (ANALOG, "on", {"voltage": "6"}, "values.voltage: found 6 V; expected 0 to 5 V"),
        (LINE, "pulse", {"width": "10 us"}, "values.width: found 0.01 ms; expected 0.1 ms at least"),
        (LINE, "train", {"frequency": "1 kHz", "width": "0.95", "count": "9"}, "found a gap of 0.05 ms between pulses"),
        (LINE, "train", {"frequency": "20", "width": "5"}, "found a train without an end; expected count or duration"),
        (LINE, "train", {"frequency": "1", "width": "5", "count": "900"}, "expected at most 500 s at 10000 ticks"),
        (LINE, "show", {"image": "x"}, "expected on, level, pulse, train or off"),
    ],
)
def test_what_the_line_can_not_do_is_refused_by_its_settings(channel, action, values, message):
    settings = output_settings("nidaq").model_validate({"channel": channel})
    assert message in str(settings.check_command(action, values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channel": "Dev1"}, "pattern"),
        ({"channel": ANALOG, "timing": "computer"}, "auto or card, as the channel is an analog one"),
        ({"channel": LINE, "volts": 3}, "an analog channel, such as Dev1/ao0, where volts are given"),
    ],
)
def test_settings_that_can_not_be_meant_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        output_settings("nidaq").model_validate(values)


def test_it_is_said_that_nothing_ends_it_without_the_computer():
    fate = output_settings("nidaq").model_validate({"channel": LINE}).without_computer()
    assert not fate.ends
    assert "stays on" in fate.text


def test_only_a_server_needs_the_library_grpc_and_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)  # as if it were not installed
    here = output_settings("nidaq").model_validate({"channel": LINE})
    here.check()
    away = output_settings("nidaq").model_validate({"channel": LINE, "server": "lab-pc:31763"})
    said = r"server: it needs the library grpc, which is not installed: .*pip install .nidaqmx\[grpc\]"
    with pytest.raises(OutputError, match=said):
        away.check()
    with pytest.raises(OutputError, match=said):
        OUTPUTS["nidaq"](away, lambda line: None).open()
