"""A timed test of an output and what happens in its middle, at a board's pin; in a browser, else it is skipped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser, Page
from panel_tools import free_port, link_of, needs_chromium
from rig_tools import CONFIG, RigUnderTest, on_while_seen
from simulated_board import SimulatedBoard

pytestmark = needs_chromium
PIN = 9
WHAT = "document.querySelector('#outputs .what').innerText === '{}'"


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(tmp_path / "trace.txt") as simulated:
        yield simulated


@pytest.fixture
def opened(
    tmp_path: Path, board: SimulatedBoard, start: Callable[..., RigUnderTest], browser: Browser
) -> tuple[RigUnderTest, Page]:
    """A rig with a laser at the board, in which no run is on, and its page."""
    port = free_port()
    (tmp_path / "experiment.yaml").write_text(on_while_seen("test", 320, 240))
    path = tmp_path / "rig.yaml"
    path.write_text(
        "rig: test\npictures: false\n"
        "cameras: {top: {source: synthetic, width: 320, height: 240, queue: 200, fps: 30, seed: 1}}\n"
        f"pose: {{network: {CONFIG}/networks/demo_mouse.onnx, scale: 1}}\n"
        f"experiment: {{file: {tmp_path}/experiment.yaml, output_timeout: 60, autostart_run: false}}\n"
        f"outputs: {{laser: {{type: arduino, port: {board.port}, pin: {PIN}, arming: start, manual_timeout: 600,"
        " answer_timeout: 10, watchdog: 5, max_on: 3600}}\n"
        f"recorder: {{directory: {tmp_path}/sessions, silence: 60, min_free: 0.1, image_depth: 200}}\n"
        f"panel: {{port: {port}, on_failure: restart}}\n"
    )
    rig = start("run", "--local", "--status", "0", str(path))
    page = browser.open(link_of(rig))
    # The experiment asks each output once to be off, as soon as it knows it: that would end a test.
    page.until("document.querySelector('#outputs .answer').innerText.includes('experiment')")
    page.until(WHAT.format("off · armed"))
    return rig, page


def begin_test(page: Page, board: SimulatedBoard, seconds: float) -> int:
    """Switches the laser on for some seconds by the page; when it came on, by the board's clock."""
    changes = board.changes(PIN)
    before = changes[-1].stamp if changes else 0
    page.run("document.querySelector('#outputs details').open = true")
    choose = "(s => { s.value = 'on'; s.dispatchEvent(new Event('change')); })"
    page.run(f"{choose}(document.querySelector('#outputs select[name=action]'))")
    page.run(f"document.querySelector('#outputs input[name=seconds]').value = {seconds}")
    page.click(".test button")
    return board.wait_for(PIN, "1", before).stamp


def levels(board: SimulatedBoard, since: int) -> list[str]:
    """The levels of the pin from a change on."""
    return [change.level for change in board.changes(PIN) if change.stamp >= since]


def test_a_reload_in_the_middle_of_a_test_neither_ends_it_nor_begins_it_again(opened, board):
    rig, page = opened
    on = begin_test(page, board, 500)
    page.reload()
    page.until(WHAT.format("on · armed"))
    assert levels(board, on) == ["1"]
    page.press("s")
    page.until(WHAT.format("off · disarmed"))
    assert levels(board, on) == ["1", "0"]
    page.click("#outputs .arm")
    page.until(WHAT.format("off · armed"))
    # One that ends while the page is being loaded, or after it.
    on = begin_test(page, board, 2)
    page.reload()
    board.wait_for(PIN, "0", on)
    page.until(WHAT.format("off · armed"))
    assert levels(board, on) == ["1", "0"]
    assert rig.stop() == 0


def test_the_death_of_the_panel_in_the_middle_of_a_test_leaves_its_end_to_the_output(opened, board):
    rig, page = opened
    on = begin_test(page, board, 5)
    page.run("window.old = true")
    os.kill(rig.node("/panel"), signal.SIGKILL)
    board.wait_for(PIN, "0", on)
    page.until("window.old === undefined && document.body.dataset.connection === 'open'")
    page.until(WHAT.format("off · armed"))
    assert levels(board, on) == ["1", "0"]
    assert rig.stop() == 0


@pytest.mark.parametrize("node", ["/experiment", "/outputs/laser", "/recorder", "/top/camera", "/pose"])
def test_whatever_else_dies_in_the_middle_of_a_test_the_pin_is_off_and_the_page_says_so(opened, board, node):
    rig, page = opened
    on = begin_test(page, board, 500)
    os.kill(rig.node(node), signal.SIGKILL)
    board.wait_for(PIN, "0", on)
    page.until("document.body.dataset.connection === 'lost'")
    page.until("document.querySelector('#outputs .what').innerText.startsWith('silent')")
    assert rig.wait() == 1
    assert levels(board, on) == ["1", "0"]
