"""`type: labjack` at a device of Modbus TCP: what reaches its lines, and that its watchdog ends what we leave on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dlstream_outputs import OUTPUTS, OutputError, output_settings

pytest.importorskip("pymodbus", reason="pymodbus is not installed (make devices)")
from labjack_server import labjack
from timed_lines import left_out, rest


def settings(port=502, line="FIO2", **values):
    return output_settings("labjack").model_validate({"address": "127.0.0.1", "port": port, "line": line, **values})


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine may let the device, which is a thread of this process, take its time."""
    monkeypatch.setattr("dlstream_outputs.outputs._labjack_registers._ANSWER_TIMEOUT", 60.0)


@pytest.fixture
def device():
    """The device and its port."""
    with labjack() as found:
        yield found


@pytest.fixture
def opened(device):
    """Opens an output, whose watchdog is patient; closes all at the end."""
    outputs = []

    def make(line="FIO2", **values):
        if values.get("active_high", True):
            values = {"watchdog": 60, **values}
        outputs.append(OUTPUTS["labjack"](settings(device[1], line, **values), lambda line: None))
        outputs[-1].open()
        return outputs[-1]

    yield make
    for output in outputs:
        output.close()


def tell(output, action, **values):
    return output.apply(output.settings.read(action, values))


def test_a_line_is_switched_and_says_what_it_is_at(device, opened):
    output = opened("EIO1")
    assert output.hardware_id == f"LabJack T7, serial number 470012345, at 127.0.0.1:{device[1]} EIO1"
    assert tell(output, "on") > 0
    assert device[0].line(9) == 1
    assert output.off() > 0
    assert device[0].line(9) == 0
    low = opened("FIO3", active_high=False)
    assert device[0].line(3) == 1
    tell(low, "on")
    assert device[0].line(3) == 0


def test_a_line_that_another_rig_has_is_refused_also_by_another_name_of_the_device(device, opened):
    first = opened()
    tell(first, "on")
    with pytest.raises(OutputError, match=r"line: FIO2 of the LabJack T7.*, is in use by another rig"):
        opened(address="localhost")
    assert device[0].line(2) == 1, "the first one goes on"
    opened("FIO3")
    first.close()
    opened()


def test_trains_and_pulses(device, opened, wait_for):
    output = opened()
    tell(output, "train", frequency="10 Hz", width="40 ms", count="3")
    rest(wait_for)
    pulses = 3 - left_out(output.fault())
    assert device[0].levels(2) == [0] + [1, 0] * pulses
    tell(output, "pulse", width="30 ms")
    wait_for(lambda: device[0].levels(2) == [0] + [1, 0] * (pulses + 1), "a pulse")


def test_a_dac_has_a_voltage(device, opened, wait_for):
    output = opened("DAC1", volts=4.0, calibration={"power": {0: 0, 1: 20}})
    for action, values, volts in (
        ("level", {"level": "0.25"}, 1.0),
        ("level", {"voltage": "2.5 V"}, 2.5),
        ("on", {"power": "10 mW"}, 2.0),
        ("on", {}, 4.0),
    ):
        tell(output, action, **values)
        assert device[0].volts(1) == pytest.approx(volts)
    tell(output, "pulse", width="20 ms", level="0.5")
    wait_for(lambda: device[0].volts(1) == 0, "the end of the pulse")
    assert device[0].volts(0) == 0


def test_the_device_itself_switches_off_when_nobody_feeds_it(device, opened, wait_for):
    line, dac = opened("FIO2", watchdog=1), opened("DAC0", watchdog=1)
    tell(line, "on")
    tell(dac, "on")
    device[0].registers[2004] = 1  # somebody else's line
    written = [(address, value) for address, value, _ in device[0].written]
    assert (2002, 1) in written
    assert (1000, 0x40A0) in written, "the first half of 5.0, as it stands in a register"
    wait_for(lambda: device[0].line(2) == 0 and device[0].volts(0) == 0, "the watchdog")
    assert device[0].line(4) == 1


def test_a_commander_that_lives_keeps_it_on(device, opened, wait_for):
    output = opened(watchdog=1)
    tell(output, "on")
    begin, last = device[0].fed, time.monotonic()

    def kept_on() -> bool:
        nonlocal begin, last
        output.keep_alive()
        is_on, before, last = device[0].line(2), last, time.monotonic()
        if last - before > 0.5:  # a busy machine: the watchdog may rightly have ended it
            tell(output, "on")
            begin = device[0].fed
            return False
        assert is_on
        return device[0].fed > begin + 2.5

    wait_for(kept_on, "2.5 s without a pause")
    assert device[0].levels(2)[-1] == 1


def test_the_settings_of_the_watchdog_are_written_once_and_taken_back(device, opened):
    first = opened("FIO2")
    count = sum(address == 61_604 for address, _, _ in device[0].written)
    first.close()
    assert device[0].number(61_600) == 0
    second, other = opened("FIO2"), opened("FIO5")
    assert int(device[0].number(61_636)) == 0x7FFFFF & ~(1 << 2 | 1 << 5)
    other.close()
    assert device[0].number(61_600) == 1
    assert int(device[0].number(61_634)) == 1 << 2
    before = len([1 for address, _, _ in device[0].written if address == 61_604])
    second._claim.give_back()  # as where its process was killed
    third = OUTPUTS["labjack"](settings(device[1], watchdog=60), lambda line: None)
    third.open()
    assert len([1 for address, _, _ in device[0].written if address == 61_604]) == before > count
    third.close()
    second.close()
    assert device[0].number(61_600) == 0


def test_two_outputs_that_start_together_are_both_held_by_the_watchdog(device, opened, wait_for, monkeypatch):
    monkeypatch.setattr("dlstream_outputs.outputs.labjack._TURN", 60.0)
    device[0].slow.set()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(opened, "FIO2")
        wait_for(lambda: not device[0].slow.is_set(), "that the first one asks what the watchdog is set to")
        second = pool.submit(opened, "FIO5")
        wait_for(lambda: device[0].levels(5), "that the second one has switched its line off")
        device[0].answer.set()
        assert first.result(60)
        assert second.result(60)
    assert int(device[0].number(61_636)) == 0x7FFFFF & ~(1 << 2 | 1 << 5)


def test_the_watchdog_of_another_program_is_left_alone(device):
    device[0].put(61_600, ">I", 1)
    device[0].put(61_604, ">I", 60)
    output = OUTPUTS["labjack"](settings(device[1]), lambda line: None)
    with pytest.raises(OutputError, match="watchdog: found that of the LabJack in use by another program"):
        output.open()
    unguarded = OUTPUTS["labjack"](settings(device[1], watchdog=0), lambda line: None)
    unguarded.open()
    unguarded.close()
    assert (device[0].number(61_600), device[0].number(61_604)) == (1, 60)


def test_an_unplugged_device_is_a_fault_and_closing_it_is_told(wait_for):
    lines: list[str] = []
    with labjack() as (_, port):
        output = OUTPUTS["labjack"](settings(port), lines.append)
        output.open()
        tell(output, "on")
    found: list[str] = []
    wait_for(lambda: found.append(output.fault()) or found[-1], "a fault")
    assert "the LabJack at 127.0.0.1 does not answer any more" in found[-1]
    with pytest.raises(OutputError, match="does not answer any more"):
        output.off()
    output.close()
    assert "closed without a last off" in lines[-1]
    output.close()


def test_nobody_there_and_another_device():
    with labjack() as (_, port):
        pass
    with pytest.raises(OutputError, match=rf"address: found no LabJack that answers at 127.0.0.1:{port}; is it on"):
        OUTPUTS["labjack"](settings(port), lambda line: None).open()
    with labjack(product=3.0) as (_, port), pytest.raises(OutputError, match=r"number 3 .*; expected a T4, T7 or T8"):
        OUTPUTS["labjack"](settings(port), lambda line: None).open()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"line": "FIO8"}, "a line of a LabJack: FIO0 to FIO7"),
        ({"line": "FIO2", "volts": 3}, "an analog line, DAC0 or DAC1"),
        ({"line": "DAC0", "active_high": False}, "true: an analog line is off at 0 V"),
        ({"line": "FIO2", "active_high": False, "watchdog": 2}, "dlstream's watchdog makes lines low"),
    ],
)
def test_settings_that_do_not_fit(values, message):
    with pytest.raises(ValueError, match=message):
        settings(**values)


@pytest.mark.parametrize(
    ("line", "action", "values", "message"),
    [
        ("FIO2", "level", {"level": "0.5"}, "found 'level'; expected on, pulse, train or off: FIO2 is a digital line"),
        ("FIO2", "on", {"voltage": "2 V"}, "no voltage: this output is on or off"),
        ("DAC0", "level", {"voltage": "7 V"}, "values.voltage: found 7 V; expected 0 to 5 V"),
        ("DAC0", "show", {"image": "a"}, "expected on, pulse, train, level or off"),
    ],
)
def test_what_it_can_not_do_is_refused(line, action, values, message):
    assert message in str(settings(line=line).check_command(action, values))


def test_what_becomes_of_it_without_the_computer():
    assert settings().without_computer().ends
    assert "own watchdog switches it off after 2 s, unless another output" in settings().without_computer().text
    assert not settings(watchdog=0).without_computer().ends
    assert not settings(active_high=False).without_computer().ends
