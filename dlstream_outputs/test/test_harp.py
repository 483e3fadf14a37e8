"""`type: harp` at a Harp Behavior board: what reaches its lines, that the board ends it, and what goes wrong there."""

from __future__ import annotations

import time

import pytest

from dlstream_outputs import OUTPUTS, OutputError, output_settings

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
pytest.importorskip("harp.device.client", reason="harp-device is not installed (make devices)")
from harp_behavior import CLEAR, ENABLE_SERVOS, PULSE_ENABLE, PWM_START, SET, START_CAMERAS, WRITE, HarpBehavior
from timed_lines import left_out, rest

from dlstream_outputs.outputs._harp_board import claim, release
from dlstream_outputs.outputs._harp_registers import line_of_name


def settings(port="/dev/ttyUSB9", line="DO0", **values):
    return output_settings("harp").model_validate({"port": port, "line": line, **values})


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine may let the board, which is a thread of this process, take its time."""
    for name in ("PATIENT", "_SILENCE"):
        monkeypatch.setattr(f"dlstream_outputs.outputs.harp.{name}", 60.0)


@pytest.fixture
def board():
    made = HarpBehavior()
    yield made
    made.unplug()


@pytest.fixture
def opened(board):
    """Opens an output at the board, which may take its time; closes all at the end."""
    outputs = []

    def make(line="DO0", **values):
        values = {"watchdog": 10, "answer_timeout": 10, **values}
        outputs.append(OUTPUTS["harp"](settings(board.port, line, **values), lambda line: None))
        outputs[-1].open()
        return outputs[-1]

    yield make
    for output in outputs:
        output.close()


def tell(output, action, **values):
    return output.apply(output.settings.read(action, values))


def answers_within(output, seconds):
    output.settings = output.settings.model_copy(update={"answer_timeout": seconds})


def refusal(board, **values):
    output = OUTPUTS["harp"](settings(board.port, **values), lambda line: None)
    with pytest.raises(OutputError) as error:
        output.open()
    return str(error.value)


@pytest.mark.parametrize("line", ["DO0", "DO3", "Led1", "Rgb0", "DOPort2", "SupplyPort1"])
def test_a_line_is_switched_and_says_what_it_is_at(board, opened, line):
    board.switch(line)
    board.switch("DOPort0")
    output = opened(line)
    assert board.line(line) == 0, "off at the start, whatever another program left"
    assert output.hardware_id == f"Harp Behavior 'Behavior', firmware 3.3, at {board.port} {line}"
    tell(output, "on")
    assert board.line(line) == 1
    output.off()
    assert board.line(line) == 0
    tell(output, "on")
    output.close()
    assert board.levels(line) == [1, 0, 1, 0, 1, 0]
    assert board.levels("DOPort0") == [1], "others are left alone"


def test_an_acknowledgement_has_the_time_at_which_the_board_did_it(board, opened):
    output = opened()
    for tell_it, index in ((lambda: tell(output, "on"), 0), (output.off, 1), (lambda: tell(output, "on"), 2)):
        before = time.time_ns()
        stamp = tell_it()
        after = time.time_ns()
        assert before - 1_000_000 <= stamp <= after + 1_000_000
        edge = board.edges["DO0"][index][0]
        by_board = time.time_ns() - 1000 * (board.now - edge)
        assert abs(stamp - by_board) <= 1_000_000 + (after - before)


@pytest.mark.parametrize(("width", "lasts"), [("5", 5), ("2.9", 2), ("1", 1), ("65 ms", 65)])
def test_the_board_itself_times_a_pulse(board, opened, wait_for, width, lasts):
    output = opened("Led0")
    tell(output, "pulse", width=width)
    wait_for(lambda: board.widths("Led0"), "the end of the pulse")
    assert board.widths("Led0") == [lasts]
    rest(wait_for)
    assert output.fault() == ""


def test_a_pulse_is_for_the_board_to_end_even_if_nobody_else_does(board, opened):
    output = opened()
    tell(output, "pulse", width="65534 ms")
    assert board.register(56) == 65534
    assert board._ends[10] - board.edges["DO0"][-1][0] == 65_534_000


def test_trains(board, opened, wait_for):
    output = opened("SupplyPort0")
    tell(output, "train", frequency="10 Hz", width="40 ms", count="3")
    rest(wait_for)
    pulses = 3 - left_out(output.fault())
    assert board.widths("SupplyPort0") == [40] * pulses, "each to the millisecond, however busy this computer is"
    output.off()
    assert board.levels("SupplyPort0") == [1, 0] * pulses


def test_what_is_on_is_ended_by_the_board_when_nobody_keeps_it_on(board, opened, wait_for):
    output = opened(watchdog=0.25)
    tell(output, "on")
    wait_for(lambda: not board.line("DO0"), "the board's own end")
    assert board.widths("DO0") == [250]


def test_a_commander_that_lives_keeps_it_on_without_a_gap(board, opened, wait_for):
    output = opened(watchdog=2)
    tell(output, "on")
    begin, edges = board.now, 1

    def renewals() -> int:
        return sum(kind == WRITE and address == SET for kind, address, _ in board.got)

    def kept_on() -> bool:
        nonlocal begin, edges
        try:
            output.keep_alive()
        except OutputError:  # a busy machine: the board has rightly ended it
            tell(output, "on")
            begin, edges = board.now, len(board.levels("DO0"))
        assert len(board.levels("DO0")) == edges, "no gap"
        return board.now > begin + 2_500_000

    wait_for(kept_on, "more than the watchdog")
    assert board.line("DO0") == 1
    output.off()
    before = renewals()
    output.keep_alive()
    assert renewals() == before > 3, "nothing is switched on again after an off"
    assert board.line("DO0") == 0


def test_a_computer_that_comes_too_late_tells_that_it_was_off(board, opened, wait_for):
    output = opened(watchdog=0.1)
    tell(output, "on")
    wait_for(lambda: not board.line("DO0"), "the board's own end")
    with pytest.raises(OutputError, match=r"switched DO0 off in between: it heard nothing for .* watchdog, 0.1 s"):
        output.keep_alive()


def test_an_on_that_is_shorter_than_the_watchdog_ends_by_the_board_and_a_longer_one_here(board, opened, wait_for):
    output = opened("Led1", watchdog=0.2)
    tell(output, "on", duration="150 ms")
    wait_for(lambda: output.keep_alive() or not board.line("Led1"), "its end")
    output.off()
    assert board.widths("Led1") == [150]
    assert sum(kind == WRITE and address == SET for kind, address, _ in board.got) == 1
    slow = opened("Led0", watchdog=5)
    tell(slow, "on", duration="60 ms")
    assert board.register(52) == 60
    tell(slow, "on", duration="6 s")
    assert board.register(52) == 5000


def test_max_on_ends_an_on_by_the_board_as_well(board, opened, wait_for):
    output = opened(watchdog=2, max_on=0.1)
    tell(output, "on")

    def ended() -> bool:
        output.keep_alive()
        return not board.line("DO0")

    wait_for(ended, "its end, which nothing puts off")
    assert board.widths("DO0") == [100]
    assert output.settings.without_computer().text.startswith("the board itself ends an 'on' after 0.1 s")
    tell(opened("Led0", watchdog=2, max_on=0.0001), "on")
    assert board.register(52) == 1, "the shortest that the board has"
    tell(opened("Led1", watchdog=2, max_on=60), "on")
    assert board.register(53) == 2000


def test_a_count_of_an_earlier_pulse_does_not_end_what_comes_after(board, opened, wait_for):
    """The firmware counts on after a clear."""
    output = opened()
    tell(output, "pulse", width="50 ms")
    output.off()
    tell(output, "on")
    begin = board.now
    wait_for(lambda: board.now > begin + 60_000, "the end that the pulse would have had")
    assert board.line("DO0") == 1


def test_two_outputs_share_a_board(board, opened):
    first, second = opened("DO0"), opened("SupplyPort2")
    assert first.settings.shared_device == second.settings.shared_device != ""
    tell(first, "on")
    tell(second, "on")
    assert board.register(PULSE_ENABLE) & (1 << 10 | 1 << 5) == 1 << 10 | 1 << 5
    first.close()
    assert (board.line("DO0"), board.line("SupplyPort2")) == (0, 1)
    assert first.settings.exclusive == {"line": f"DO0 of the Harp board at {board.port}"}
    with pytest.raises(OutputError, match=r"line: SupplyPort2 of the Harp Behavior .*, has another output already"):
        opened("SupplyPort2")
    tell(second, "on")
    opened("DO0")


def test_events_and_noise_between_the_answers_are_no_answers(board, opened):
    board.put(10, 0b1110_0001)  # active
    board.says(b"\x03\xff\x00" + board.event(32, 1) * 3)
    output = opened()
    assert board.register(10) == 0b1110_0000, "in standby it sends no events"
    board.says(b"\x55\x00" + board.event(32, 0))
    assert tell(output, "on") > 0


def test_a_damaged_length_costs_one_answer_and_not_those_after_it(board, opened):
    output = opened()
    tell(output, "on")
    output.off()
    answers_within(output, 0.2)
    board.says(b"\x03\xff")
    with pytest.raises(OutputError, match=r"did not answer for the register OutputSet"):
        tell(output, "on")
    answers_within(output, 10)
    output.off()
    assert board.line("DO0") == 0


def test_a_refusal_names_the_register(board, opened):
    output = opened()
    board.refused.add(SET)
    with pytest.raises(OutputError, match=rf"{board.port} refused the register OutputSet \(34\) = 1024"):
        tell(output, "on")
    board.refused.clear()
    output.off()
    assert board.line("DO0") == 0


@pytest.mark.parametrize(
    ("way", "message"),
    [("dropped", r"did not answer for the register OutputSet \(34\) within 0.2 s"), ("damaged", "did not answer")],
)
def test_an_answer_that_is_lost_is_a_failure_and_off_still_works(board, opened, way, message):
    output = opened()
    tell(output, "on")
    output.off()
    answers_within(output, 0.2)
    getattr(board, way).add(SET)
    with pytest.raises(OutputError, match=message):
        tell(output, "on")
    assert board.line("DO0") == 1, "which nobody knows"
    answers_within(output, 10)
    output.off()
    assert board.line("DO0") == 0


def test_a_wrong_answer_is_a_failure(board, opened):
    output = opened()
    board.wrong[SET] = 0
    with pytest.raises(OutputError, match=r"answered OutputSet = 0; expected 1024. What it does is not known"):
        tell(output, "on")


def test_an_off_that_did_not_work_is_told(board, opened):
    output = opened()
    tell(output, "on")
    board.stuck = 1 << 10
    with pytest.raises(OutputError, match=r"DO0 of the Harp Behavior .*, is still on after OutputClear"):
        output.off()


def test_an_off_that_is_not_answered_is_told(board, opened):
    output = opened()
    tell(output, "on")
    answers_within(output, 0.1)
    board.dropped.add(CLEAR)
    with pytest.raises(OutputError, match=r"did not answer for the register OutputClear \(35\)"):
        output.off()


@pytest.mark.parametrize("line", ["DO0", "Led0", "SupplyPort1"])
@pytest.mark.parametrize("before", [None, "5 s"])
def test_a_command_after_a_restart_that_nobody_has_noticed_switches_nothing_on(board, opened, line, before):
    """Either the width that changes shows it, or the board's clock in the very answer that says that the line is on."""
    output = opened(line)
    if before is not None:
        tell(output, "pulse", width=before)
        output.off()
    board.restart()
    switched = len(board.edges[line])
    with pytest.raises(OutputError, match="was restarted, and everything on it is off"):
        tell(output, "pulse", width="5 s")
    assert board.levels(line)[switched:] == ([] if before is None else [1, 0]), "the board would not have ended it"
    assert "was restarted, and everything on it is off" in output.fault()


@pytest.mark.parametrize("way", ["refused", "dropped"])
def test_what_no_look_could_confirm_after_the_clock_has_jumped_is_off(board, opened, way):
    output = opened()
    tell(output, "pulse", width="5 s")
    output.off()
    answers_within(output, 0.2)
    getattr(board, way).add(PULSE_ENABLE)
    board.synchronise(5_000_000.0)
    with pytest.raises(OutputError, match="OutputPulseEnable"):
        tell(output, "pulse", width="5 s")
    assert board.line("DO0") == 0


def test_a_clock_that_a_synchroniser_has_set_is_no_fault(board, opened):
    output = opened()
    tell(output, "on")
    board.synchronise(5_000_000.0)
    output.keep_alive()
    tell(output, "on")
    assert output.fault() == ""
    board.synchronise(3.0)
    tell(output, "on")
    assert output.fault() == ""


def fault_of(output, wait_for) -> str:
    found: list[str] = []
    wait_for(lambda: found.append(output.fault()) or found[-1], "a fault")
    return found[-1]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("DO0", "OutputPulseEnable has no DO0 any more"),
        ("Led0", "OutputPulseEnable has no Led0 any more"),
        ("SupplyPort1", "PulseSupplyPort1 is 15; expected 60, as it was set"),
    ],
)
def test_after_a_restart_nothing_is_switched_on_until_the_rig_is_restarted(board, opened, wait_for, line, shown):
    output = opened(line)
    tell(output, "pulse", width="60 ms")
    board.restart()
    reason = fault_of(output, wait_for)
    assert "was restarted, and everything on it is off" in reason
    assert shown in reason
    output.off()
    before = board.levels(line)
    for action, values in (
        ("on", {}),
        ("pulse", {"width": "60 ms"}),
        ("pulse", {"width": "60 ms", "delay": "1 s"}),
        ("train", {"width": "5 ms", "frequency": "20 Hz", "count": "2"}),
    ):
        with pytest.raises(OutputError) as error:
            tell(output, action, **values)
        assert str(error.value) == reason
        output.off()
    rest(wait_for)
    assert board.levels(line) == before
    assert output.fault() == "", "told once"
    output.close()
    output.open()
    tell(output, "on")
    assert board.line(line) == 1


def test_a_restart_before_the_first_command_is_noticed(board, opened, wait_for):
    output = opened("SupplyPort0")
    board.restart()
    assert "PulseSupplyPort0 is 15; expected 1" in fault_of(output, wait_for)


def test_each_output_of_a_board_notices_its_restart(board, opened, wait_for):
    """Also one whose settings are by chance those after a restart."""
    outputs = opened("DO0"), opened("SupplyPort0"), opened("SupplyPort2")
    for output in outputs:
        tell(output, "pulse", width="15 ms")
    board.restart()
    reasons = {fault_of(output, wait_for) for output in outputs}
    assert len(reasons) == 1
    for output in outputs:
        with pytest.raises(OutputError, match="was restarted"):
            tell(output, "pulse", width="15 ms")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("dlstream_outputs.outputs.harp._SILENCE", 0.2)


def test_while_the_board_does_not_answer_it_switches_nothing_on(board, opened, wait_for, impatient):
    output = opened()
    answers_within(output, 0.2)
    board.dropped.add(PULSE_ENABLE)
    reason = fault_of(output, wait_for)
    assert "did not answer for the register OutputPulseEnable (45)" in reason
    with pytest.raises(OutputError) as error:
        tell(output, "pulse", width="5 s", delay="1 ms")
    assert str(error.value) == reason
    output.off()
    asked = len(board.got)

    def asked_again() -> bool:
        assert output.fault() == "", "told once"
        return (1, PULSE_ENABLE, 0) in board.got[asked:]

    wait_for(asked_again, "another look")
    assert board.levels("DO0") == []
    board.dropped.clear()
    answers_within(output, 10)

    def works() -> bool:
        assert output.fault() == ""
        try:
            return tell(output, "on") > 0
        except OutputError:
            return False

    wait_for(works, "a look that finds it well")
    assert board.line("DO0") == 1
    board.restart()
    assert "was restarted" in fault_of(output, wait_for)


@pytest.mark.parametrize("line", ["DO0", "SupplyPort1"])
def test_a_restart_is_noticed_after_a_time_without_answers(board, opened, wait_for, impatient, line):
    output = opened(line)
    answers_within(output, 0.2)
    board.dropped.add(PULSE_ENABLE)
    assert "did not answer" in fault_of(output, wait_for)
    board.restart()
    board.dropped.clear()
    answers_within(output, 10)
    assert "was restarted" in fault_of(output, wait_for)
    with pytest.raises(OutputError, match="was restarted"):
        tell(output, "on")
    assert board.levels(line) == []


def test_a_look_at_a_line_that_was_just_given_back_is_none(board, opened):
    output = opened()
    shared = claim(board.port, lambda line: None)
    shared.give_back(line_of_name("DO0"))
    shared.look(line_of_name("DO0"), 60)
    release(shared)
    output.close()


def test_an_unplugged_board_is_a_fault_at_once_and_closing_it_is_told(board, wait_for, caplog, monkeypatch):
    monkeypatch.setattr("dlstream_outputs.outputs._harp_board._LOOK", 1e9)  # nor is the board asked for that
    lines: list[str] = []
    output = OUTPUTS["harp"](settings(board.port), lines.append)
    output.open()
    tell(output, "on")
    board.unplug()
    found: list[str] = []
    wait_for(lambda: found.append(output.fault()) or found[-1], "a fault")
    assert f"the Harp board at {board.port} is gone" in found[-1]
    assert found[-1].endswith("is it unplugged?")
    assert output.fault() == "", "told once"
    with pytest.raises(OutputError, match="is gone"):
        output.off()
    output.close()
    assert "closed without a last off, which the board does itself" in lines[-1]
    output.close()
    assert not [record for record in caplog.records if record.name.startswith("harp")], "told once, without a traceback"


def test_nobody_there_and_other_devices(tmp_path):
    with pytest.raises(OutputError, match=r"port: /dev/ttyUSB99 is not there\. Plug the board in"):
        OUTPUTS["harp"](settings("/dev/ttyUSB99"), lambda line: None).open()
    plain = tmp_path / "file"
    plain.touch()
    with pytest.raises(OutputError, match="can't be opened as a serial port"):
        OUTPUTS["harp"](settings(str(plain)), lambda line: None).open()
    for made, message in (
        (HarpBehavior(who=1280, name="SoundCard"), r"found the Harp device 'SoundCard' \(WhoAmI 1280\) at"),
        (HarpBehavior(firmware=(1, 2)), r"found firmware 1.2 on the Harp Behavior at .*; expected 2.0 or later"),
    ):
        try:
            with pytest.raises(OutputError, match=message):
                OUTPUTS["harp"](settings(made.port), lambda line: None).open()
            assert not any(kind == WRITE for kind, _, _ in made.got), "nothing is written to a foreign board"
        finally:
            made.unplug()


def test_what_is_no_harp_device(board, monkeypatch):
    monkeypatch.setattr("dlstream_outputs.outputs._harp_board.IDENTIFY", 0.2)
    board.dropped.add(0)
    assert "does not answer as a Harp device does; expected a Harp Behavior board" in refusal(board)


def test_a_port_that_another_program_has(board, opened):
    first = opened()
    tell(first, "on")
    from dlstream_outputs.outputs._harp_board import HarpBoard

    with pytest.raises(OutputError, match=r"port: .* is in use by .*; expected a port of its own"):
        HarpBoard(board.port, lambda line: None)
    assert board.line("DO0") == 1, "the first one goes on"


@pytest.mark.parametrize(
    ("line", "address", "value", "what"),
    [
        ("DO1", START_CAMERAS, 0b10, r"triggers a camera \(StartCameras\)"),
        ("DO3", ENABLE_SERVOS, 0b1000, r"drives a servo motor \(EnableServos\)"),
    ],
)
def test_a_line_that_something_else_on_the_board_drives_is_refused(board, opened, line, address, value, what):
    board.put(address, value)
    with pytest.raises(OutputError, match=f"line: {line} of the Harp Behavior .*, {what}"):
        opened(line)
    opened("DO0")


def test_a_pwm_that_another_program_left_is_stopped(board, opened):
    board.put(PWM_START, 0b0101)
    board.switch("DO2")
    opened("DO2")
    assert board.line("DO2") == 0
    assert board.register(PWM_START) == 0b0001


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"line": "DO4"}, "an output of a Harp Behavior: DOPort0"),
        ({"watchdog": 0.01}, "greater than or equal to 0.1"),
        ({"port": ""}, "at least 1 character"),
    ],
)
def test_settings_that_do_not_fit(values, message):
    with pytest.raises(ValueError, match=message):
        settings(**values)


@pytest.mark.parametrize(
    ("action", "values", "message"),
    [
        ("level", {"level": "0.5"}, "found 'level'; expected on, pulse, train or off"),
        ("on", {"voltage": "2 V"}, "no voltage: this output is on or off"),
        ("on", {"duration": "0.5 ms"}, "values.duration: found 0.5 ms; expected at least 1 ms"),
        ("pulse", {"width": "0.9"}, "values.width: found 0.9 ms; expected 1 to 65534 ms"),
        ("pulse", {"width": "65535"}, "values.width: found 65535 ms; expected 1 to 65534 ms"),
        ("train", {"width": "9", "frequency": "100 Hz", "count": "2"}, "values.frequency: found a gap of 1 ms"),
    ],
)
def test_what_it_can_not_do_is_refused(action, values, message):
    assert message in str(settings().check_command(action, values))


def test_what_it_can_do_is_not_refused():
    for action, values in (
        ("pulse", {"width": "65534.9"}),
        ("on", {}),
        ("train", {"width": "8", "frequency": "100 Hz"}),
    ):
        assert settings().check_command(action, values) is None


def test_what_becomes_of_it_without_the_computer():
    fate = settings(watchdog=0.5).without_computer()
    assert fate.ends
    assert fate.text == "the board itself ends an 'on' after 0.5 s, and each pulse at its width"
