"""Pulses for cameras, made by the real firmware in the simulator."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pydantic import ValidationError
from simulated_board import wait_until

from dlstream_outputs.outputs import OutputError
from dlstream_outputs.outputs.frame_trigger import FrameTrigger, FrameTriggerSettings


def test_frame_triggers_run_from_the_opening_to_the_end_whatever_is_commanded(board):
    settings = FrameTriggerSettings(pin=4, port=board.port, rate=50, width=2)
    assert "no command" in str(settings.read("on", {}))
    triggers = FrameTrigger(settings, print)
    triggers.open()
    triggers.off()

    begun = 0

    def pulses() -> list[float]:
        nonlocal begun
        if triggers.fault():  # as a busy machine did not feed the board in time
            begun = len(board.changes(4))
        return [change.us for change in board.changes(4)[begun:] if change.level == "1"]

    wait_until(lambda: len(pulses()) > 150, "three seconds of pulses, which is longer than the watchdog")
    rises = [change.us for change in board.changes(4)[begun:] if change.level == "1"]
    assert [b - a for a, b in pairwise(rises)] == pytest.approx([20_000] * (len(rises) - 1), abs=20)
    triggers.close()
    assert board.level(4) == "0"


def test_frame_triggers_begin_again_after_a_pause_of_this_computer(board):
    triggers = FrameTrigger(FrameTriggerSettings(pin=4, port=board.port, rate=50, width=2), print)
    triggers.open()
    board.wait_for(4, "1")

    def silent() -> bool:  # nobody feeds it, until the board's watchdog has ended the pulses
        changes = board.changes(4)
        board_us = triggers.opened._link.ask("time", 10).us
        return board_us - changes[-1].us > 500_000

    wait_until(silent, "the board's watchdog")
    before = len(board.changes(4))
    told = str(wait_until(triggers.fault, "a fault"))
    assert "the board switched pin 4 off: not fed for 2 s; the pulses begin again now, and frames are missing" in told
    assert triggers.off() > 0
    wait_until(lambda: not triggers.fault() and len(board.changes(4)) > before + 10, "new pulses")
    board.command("reset")
    told = str(wait_until(lambda: "can't begin again" in (said := triggers.fault()) and said, "the end of the pulses"))
    assert "the board was reset, and everything on it is off" in told
    with pytest.raises(OutputError, match="the pulses can't begin again"):
        triggers.off()
    triggers.close()


def test_frame_triggers_run_on_where_only_the_answers_are_late(board):
    triggers = FrameTrigger(FrameTriggerSettings(pin=4, port=board.port, rate=50, width=2), print)
    triggers.open()
    board.wait_for(4, "1")
    wait_until(lambda: not triggers.fault(), "that they run, also where a busy machine had to begin them again")
    begun = len(board.changes(4))
    board.command("freeze")
    wait_until(lambda: "the board has answered none of 8 lines" in triggers.fault(), "the fault")
    assert triggers.off() > 0
    board.command("go")
    before = len(board.changes(4))
    wait_until(lambda: triggers.fault() is not None and len(board.changes(4)) > before + 20, "more pulses")
    assert triggers.off() > 0
    rises = [change.us for change in board.changes(4)[begun:] if change.level == "1"]
    assert [b - a for a, b in pairwise(rises)] == pytest.approx([20_000] * (len(rises) - 1), abs=20), "one train"
    triggers.close()


@pytest.mark.parametrize("width", [20, 19.9, 0.1])
def test_frame_triggers_need_a_pulse_and_a_gap(width):
    with pytest.raises(ValidationError):
        FrameTriggerSettings(pin=4, rate=50, width=width)
