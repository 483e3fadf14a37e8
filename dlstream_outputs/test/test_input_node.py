"""The input node in this process, with the real firmware in the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest
import rclpy
from simulated_board import SimulatedBoard, be_patient, wait_until

from dlstream_outputs.inputs import BoardInput
from dlstream_outputs.inputs.node import InputNode


def test_a_change_between_the_first_look_and_the_start_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
    be_patient(monkeypatch)
    with SimulatedBoard(tmp_path / "trace.txt") as board:
        rclpy.init(args=["--ros-args", "-p", f"port:={board.port}", "-p", "pin:=2", "-p", "active_high:=false"])
        node = InputNode(name="lever")
        look, change = BoardInput.read, InputNode._on_change
        heard: list[bool] = []

        def pressed_just_then(lever: BoardInput) -> bool:
            level = look(lever)
            board.command("pin 2 0")
            wait_until(lambda: heard, "the change")
            return level

        def hear(self: InputNode, on: bool, event: object) -> None:
            change(self, on, event)
            heard.append(on)

        monkeypatch.setattr(BoardInput, "read", pressed_just_then)
        monkeypatch.setattr(InputNode, "_on_change", hear)
        try:
            node.trigger_configure()
            node.trigger_activate()
            assert heard == [True]
            assert node.diagnose().message == "on"
            node.trigger_deactivate()
            node.trigger_cleanup()
        finally:
            node.destroy_node()
            rclpy.shutdown()
