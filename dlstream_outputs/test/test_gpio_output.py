"""The output `gpio`: on the Pi itself by gpiozero's simulated pins, and over the network by the real pigpio client."""

from __future__ import annotations

import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytest.importorskip("gpiozero", reason="gpiozero is not installed (make devices)")
import gpiozero
from commander import MAX_COMMAND_AGE, Commander
from hypothesis import given
from hypothesis import strategies as st
from pigpiod import Pigpiod
from timed_lines import left_out, rest

from dlstream_outputs import On, OutputError, Pulse, Train
from dlstream_outputs.outputs.gpio import Gpio, GpioSettings


@pytest.fixture
def pins(monkeypatch):
    """The simulated pins of this computer."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    yield lambda number: gpiozero.Device.pin_factory.pin(number)
    if gpiozero.Device.pin_factory is not None:
        gpiozero.Device.pin_factory.reset()


@pytest.fixture
def patient(monkeypatch):
    """A busy machine may let the daemon, which is a thread of this process, take its time."""
    monkeypatch.setattr("dlstream_outputs.outputs._pi_daemon._TIMEOUT", 60.0)
    monkeypatch.setattr("dlstream_outputs.outputs._pi_daemon._CONNECT_TIMEOUT", 60.0)


@pytest.fixture
def hasty_daemon():
    """One that must answer as soon as it would have to on a Pi."""
    made = Pigpiod()
    yield made
    made.stop()


@pytest.fixture
def daemon(patient, hasty_daemon):
    return hasty_daemon


@pytest.fixture
def opened():
    """Opens an output with some settings."""
    made = []

    def make(**settings):
        made.append(Gpio(GpioSettings(pin=17, **settings), lambda line: None))
        made[-1].open()
        return made[-1]

    yield make
    for output in made:
        output.close()


# On the Pi.


@pytest.mark.skipif(find_spec("lgpio") is None, reason="no lgpio; it has no wheel for Python 3.13")
def test_the_library_leaves_nothing_in_the_working_directory(tmp_path):
    code = "from dlstream_outputs.outputs._pi_pin import lgpio_factory; lgpio_factory()"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_the_error_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['lgpio'] = None; "
    code += "from dlstream_outputs.outputs._pi_pin import lgpio_factory; lgpio_factory()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "OutputError: pin: " in done.stderr
    assert "-m pip install lgpio, or on a Pi: sudo apt install python3-lgpio" in done.stderr


@pytest.mark.parametrize("active_high", [True, False])
def test_a_pin_of_this_computer(pins, opened, wait_for, active_high):
    output = opened(active_high=active_high)
    states = pins(17).states
    assert pins(17).state is not active_high
    output.apply(On())
    assert pins(17).state is active_high
    output.off()
    assert pins(17).state is not active_high
    before = len(states)
    output.apply(Train(frequency=20, width=20, count=3))
    rest(wait_for)
    pulses = 3 - left_out(output.fault())
    assert [bool(item.state) for item in states[before:]] == [active_high, not active_high] * pulses
    output.apply(On())
    output.close()
    output.off()
    output.close()


def test_a_pin_that_another_output_has(pins, opened):
    opened()
    with pytest.raises(OutputError, match=r"pin: GPIO17 can't be used .*another program has it"):
        opened()


def test_a_computer_without_pins_says_where_to_run(opened, monkeypatch):
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    with pytest.raises(OutputError, match=r"pin: this computer .*; run this output's node on the .*Pi"):
        opened()


# Over the network.


def remote(daemon, **more):
    return {"address": "127.0.0.1", "port": daemon.port, **more}


@pytest.mark.parametrize("active_high", [True, False])
def test_the_pi_plays_a_train_by_itself(daemon, opened, wait_for, active_high):
    output = opened(**remote(daemon, active_high=active_high))
    before = len(daemon.edges)
    assert output.apply(Train(frequency=100, width=2, count=3, delay=4)) > 0
    wait_for(lambda: len(daemon.edges) == before + 6, "three pulses")
    assert [level for _, level in daemon.edges[before:]] == [int(active_high), int(not active_high)] * 3
    assert [item[2] for item in daemon.played[0]] == [4000, 2000, 8000, 2000, 8000, 2000, 10]
    output.off()
    assert output.fault() == ""


def test_off_wins_over_what_the_pi_is_playing(daemon, opened, wait_for):
    daemon.hold = True
    output = opened(**remote(daemon))
    output.apply(On(duration=60))
    wait_for(lambda: daemon.levels[17] == 1, "on")
    output.off()
    assert daemon.levels[17] == 0
    output.apply(Pulse(width=60_000))
    wait_for(lambda: daemon.levels[17] == 1, "on again")
    output.apply(On(duration=1))
    wait_for(lambda: len(daemon.played) == 3 and daemon.levels[17] == 1, "the new action")
    output.close()
    assert daemon.levels[17] == 0


def test_what_plays_ends_when_this_computer_is_gone(daemon, opened, wait_for):
    output = opened(**remote(daemon))
    output.apply(On(duration=0.2))
    output._pin._disconnect()  # what the Pi sees of a computer that dies
    wait_for(lambda: daemon.edges[-2:] == [(17, 1), (17, 0)], "off by the Pi itself")


def test_the_wave_of_another_output_is_left_alone(daemon, opened, wait_for):
    daemon.hold = True
    first, second = opened(**remote(daemon)), Gpio(GpioSettings(pin=18, **remote(daemon)), lambda line: None)
    second.open()
    first.apply(On(duration=60))
    wait_for(lambda: daemon.levels[17] == 1, "on")
    with pytest.raises(OutputError, match="is playing another output's wave"):
        second.apply(On(duration=1))
    second.off()
    second.close()
    assert daemon.levels[17] == 1
    with pytest.raises(OutputError, match="is playing a wave, of another output or of one that died"):
        second.open()
    first.off()
    assert daemon.levels[17] == 0


def test_a_link_that_is_cut_is_a_fault_and_off_comes_as_soon_as_it_can(hasty_daemon, opened, wait_for):
    daemon = hasty_daemon
    daemon.hold = True
    output = opened(**remote(daemon))
    output.apply(On(duration=60))
    wait_for(lambda: daemon.levels[17] == 1, "on")
    daemon.silent = True
    faults: list[str] = []
    wait_for(lambda: faults.append(output.fault()) or faults[-1], "the fault")
    assert "does not answer any more" in faults[-1]
    with pytest.raises(OutputError):
        output.off()
    daemon.silent = False
    output.off()
    assert daemon.levels[17] == 0
    output.apply(On(duration=60))
    wait_for(lambda: daemon.levels[17] == 1, "on again")


def test_an_answer_that_comes_late_is_not_taken_for_that_of_a_later_command(hasty_daemon, opened, wait_for):
    daemon = hasty_daemon
    output = opened(**remote(daemon))
    daemon.late = True
    faults: list[str] = []
    wait_for(lambda: faults.append(output.fault()) or faults[-1], "the fault")
    output.off()
    output.apply(Pulse(width=1))
    assert len(daemon.played) == 1
    daemon.late = True
    with pytest.raises(OutputError, match="does not answer any more"):
        output.apply(Pulse(width=2))
    output.apply(Pulse(width=3))
    assert daemon.played[-1][0][2] == 3000
    output.off()
    assert daemon.levels[17] == 0


def test_a_daemon_that_was_started_anew_is_found_again(daemon, opened):
    output = opened(**remote(daemon))
    daemon.stop()
    with pytest.raises(OutputError, match=r"no pigpiod answers at 127\.0\.0\.1:"):
        output.off()
    daemon.start()
    output.off()
    output.apply(Pulse(width=1))


def test_each_kind_of_missing_hardware_has_a_sentence_of_its_own(daemon, opened, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as nobody, monkeypatch.context() as hasty:
        hasty.setattr("dlstream_outputs.outputs._pi_daemon._CONNECT_TIMEOUT", 0.5)
        closed = nobody.getsockname()[1]
        with pytest.raises(OutputError, match="is no pigpiod; expected port"):
            opened(address="127.0.0.1", port=closed)
    with pytest.raises(OutputError, match=r"no pigpiod answers at .*sudo systemctl enable --now pigpiod"):
        opened(address="127.0.0.1", port=closed)
    with pytest.raises(OutputError, match=r"'no-such-pi\.invalid' is not known in this network"):
        opened(address="no-such-pi.invalid")
    daemon.forbidden.add(17)
    with pytest.raises(OutputError, match=r"pin: pigpiod of 127\.0\.0\.1 refuses GPIO17"):
        opened(**remote(daemon))


# Settings.


@pytest.mark.parametrize(
    ("action", "values", "expected"),
    [
        ("on", {}, "values.duration: found nothing; expected duration, as the output has an address"),
        ("train", {"frequency": "20", "width": "5"}, "values.count: found nothing; expected count or duration"),
        ("on", {"duration": "2000 s"}, "values: found 2000 s; expected at most 1800 s"),
        ("train", {"frequency": "100", "width": "5", "count": "3000"}, "values: found a train of 3000 pulses"),
        ("on", {"duration": "1", "level": "0.2"}, "values.level: found 0.2"),
    ],
)
def test_over_the_network_only_what_ends_is_accepted(action, values, expected):
    assert str(GpioSettings(pin=17, address="pi").check_command(action, values)).startswith(expected)


def test_on_the_pi_an_action_needs_no_end():
    settings = GpioSettings(pin=17)
    assert settings.check_command("on", {}) is None
    assert settings.check_command("train", {"frequency": "20 Hz", "width": "5 ms"}) is None


def test_the_check_says_what_ends_it():
    assert not GpioSettings(pin=17).without_computer().ends
    assert GpioSettings(pin=17, address="pi").without_computer().ends


@given(st.integers(1, 2500), st.floats(0.5, 1000), st.floats(0.01, 0.99), st.floats(0, 1000), st.booleans())
def test_a_wave_holds_every_pulse_of_its_train(count, frequency, share, delay, active_high):
    train = Train(frequency=frequency, width=share * 1000 / frequency, count=count, delay=delay)
    output = Gpio(GpioSettings(pin=3, address="pi", active_high=active_high), lambda line: None)
    first, wave = output._pin._wave_of(train)
    assert first == delay / 1000
    on = [pulse for pulse in wave if (pulse.gpio_on if active_high else pulse.gpio_off) == 1 << 3]
    assert len(on) == count
    assert all(pulse.delay >= 1 for pulse in wave)
    assert sum(pulse.delay for pulse in wave) / 1e6 == pytest.approx(train.seconds, abs=2e-5)
    assert wave[-1].gpio_off == (1 << 3 if active_high else 0), "it ends off"


@pytest.mark.parametrize(
    ("missing", "lacks_it", "others", "message"),
    [
        ("lgpio", {}, {"address": "pi"}, r"pin: found no library lgpio.*install lgpio.*apt install python3-lgpio"),
        ("pigpio", {"address": "pi"}, {}, r"address: found no library pigpio.*install pigpio"),
    ],
)
def test_the_check_asks_for_the_library_of_the_pin(monkeypatch, missing, lacks_it, others, message):
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    other = {"lgpio": "pigpio", "pigpio": "lgpio"}[missing]
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    monkeypatch.setitem(sys.modules, other, gpiozero)  # there, also under Python 3.13
    assert missing not in Gpio.requires
    GpioSettings(pin=17, **others).check()
    with pytest.raises(OutputError, match=message):
        GpioSettings(pin=17, **lacks_it).check()


def test_another_library_of_gpiozero_needs_no_lgpio(pins, monkeypatch):
    monkeypatch.setitem(sys.modules, "lgpio", None)
    GpioSettings(pin=17).check()


def test_over_the_network_without_pigpio_the_error_says_what_to_install(monkeypatch, opened):
    monkeypatch.setitem(sys.modules, "pigpio", None)
    with pytest.raises(OutputError, match="address: found no library pigpio"):
        opened(address="pi")


# Through its node.


def test_the_node_takes_what_ends_and_refuses_a_bare_on(start_node, daemon, observer, wait_for):
    node = {"name": "screen", "namespace": "/outputs", "type": "gpio", "arming": "start", "commander_timeout": 60.0}
    node |= {"max_command_age": MAX_COMMAND_AGE}
    start_node("dlstream_outputs.node", **node, pin=17, address="127.0.0.1", port=daemon.port)
    commander = Commander(observer, wait_for)
    commander.ready()
    assert "expected duration, as the output has an address" in commander.tell("on").message
    assert (17, 1) not in daemon.edges
    assert commander.tell("train", frequency="50 Hz", width="5 ms", count="4").success
    wait_for(lambda: daemon.edges.count((17, 1)) == 4, "four pulses")
    commander.says(on=False, reason="")
    assert not commander.events
