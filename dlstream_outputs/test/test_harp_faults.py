"""`type: harp`: what goes wrong at its board: no answer or a wrong one, a restart, no board at all."""

from __future__ import annotations

import pytest

from dlstream_outputs import OUTPUTS, OutputError

pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
pytest.importorskip("harp.device.client", reason="harp-device is not installed (make devices)")
import harp_outputs
from harp_behavior import CLEAR, PULSE_ENABLE, SET, WRITE, HarpBehavior
from harp_outputs import answers_within, settings, tell
from timed_lines import rest

from dlstream_outputs.outputs._harp_board import claim, release
from dlstream_outputs.outputs._harp_registers import line_of_name

board, opened, patient = harp_outputs.board, harp_outputs.opened, harp_outputs.patient


def refusal(board, **values):
    output = OUTPUTS["harp"](settings(board.port, **values), lambda line: None)
    with pytest.raises(OutputError) as error:
        output.open()
    return str(error.value)


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
