"""Whole rigs whose board is silent, foreign, somebody else's, or unplugged: it is told which, and the rig fails."""

from __future__ import annotations

import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rig_tools import CONFIG, RigUnderTest, on_while_seen
from simulated_board import SimulatedBoard, wait_until

RIG = """\
rig: board
pictures: false
cameras: {{top: {{source: synthetic, width: 320, height: 240, queue: 200, fps: 30, seed: 1}}}}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 1}}
experiment: {{file: {folder}/experiment.yaml, acknowledgement_timeout: 60, output_timeout: 60, start_timeout: {start}}}
outputs:
  laser: {{type: arduino, port: {port}, pin: 9, answer_timeout: 10, commander_timeout: 60, max_command_age: 60,
           watchdog: 5, max_on: 3600, on_failure: {on_failure}}}
"""


class OtherDevice:
    """A serial device with other firmware, which answers each line with the same words; b"" is silence."""

    def __init__(self, words: bytes) -> None:
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        self.port = os.ttyname(self._near)
        self._words = words
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while b"\0" not in (got := os.read(self._far, 1000)):
            if b"\n" in got and self._words:
                os.write(self._far, self._words)

    def close(self) -> None:
        os.write(self._near, b"\0")
        self._thread.join()
        os.close(self._near)
        os.close(self._far)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write(port: str, start: float = 300, on_failure: str = "stop") -> str:
        (tmp_path / "experiment.yaml").write_text(on_while_seen("board", 320, 240))
        path = tmp_path / "rig.yaml"
        path.write_text(RIG.format(config=CONFIG, folder=tmp_path, port=port, start=start, on_failure=on_failure))
        return str(path)

    return write


@pytest.fixture
def device() -> Iterator[Callable[[bytes], OtherDevice]]:
    devices: list[OtherDevice] = []

    def make(words: bytes) -> OtherDevice:
        devices.append(OtherDevice(words))
        return devices[-1]

    yield make
    for one in devices:
        one.close()


def test_a_run_does_not_begin_with_a_silent_board(
    start: Callable[..., RigUnderTest], write: Callable[..., str], device: Callable[[bytes], OtherDevice]
) -> None:
    rig = start("run", "--local", "--status", "0.5", write(device(b"").port, start=15, on_failure="continue"))
    assert rig.wait() == 1
    assert "does not answer; expected dlstream's firmware" in rig.output
    status = [
        line for line in rig.lines if line.startswith("rig ") and "experiment: WARN waits for output 'laser'" in line
    ]
    assert status, rig.output
    assert "fault: the run did not begin within 15 s: output 'laser'" in rig.output
    assert "Traceback" not in rig.output


def test_another_firmware_ends_the_rig_and_is_named(
    start: Callable[..., RigUnderTest], write: Callable[..., str], device: Callable[[bytes], OtherDevice]
) -> None:
    rig = start("run", "--local", "--status", "0", write(device(b"Grbl 1.1h ['$' for help]\r\n").port))
    assert rig.wait() == 1
    assert "which is not dlstream's firmware" in rig.output
    assert "Grbl 1.1h" in rig.output
    assert "dlstream firmware flash" in rig.output
    assert "Traceback" not in rig.output


def test_a_second_rig_is_told_whose_the_board_is_and_the_first_goes_on_until_it_is_unplugged(
    start: Callable[..., RigUnderTest], write: Callable[..., str], tmp_path: Path
) -> None:
    with SimulatedBoard(tmp_path / "trace.txt") as board:
        path = write(board.port)
        first = start("run", "--local", "--status", "0", path)
        board.wait_for(9, "1")
        whose = (
            f"{board.port}, which is in use by 'dlstream run --local --status 0 {path}' (process {first.process.pid})"
        )
        check = start("check", path)
        assert check.wait() == 0, "a rig may be checked while another runs"
        assert whose in " ".join(check.output.split())
        second = start("run", "--local", "--status", "0", path)
        assert second.wait() == 1
        assert f"{whose.replace(', which is', ' is')}; expected a port of its own" in " ".join(second.output.split())
        assert first.process.poll() is None, "the first one goes on"
        board.command("unplug")
        assert first.wait() == 1
        wait_until(lambda: board.level(9) == "0", "off by the board itself, which nothing feeds any more")
        assert "is it unplugged?" in first.output
        assert "Traceback" not in first.output
