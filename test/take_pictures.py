"""Takes the pictures of the panel in docs/images: a rig made from nothing on the page, run, and looked at.

They show the name of the folder, which must not exist yet, and how busy the machine is:

    sudo nice -n -10 .venv/bin/dlstream-env python test/take_pictures.py /home/lab
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import Browser, Page
from panel_tools import link_of, step
from rig_tools import CONFIG, RigUnderTest, command

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
RIG = """\
rig: demo
cameras: {{top: {{source: synthetic, width: 640, height: 480, fps: 30, seed: 1}}}}
pose: {{network: {config}/networks/demo_mouse.onnx, threads: 1}}
experiment: {{file: demo.yaml, autostart_run: false}}
outputs:
  screen:
    type: screen
    offscreen: true
    images: {{left: {config}/images/stripes.png, right: {config}/images/checkers.png}}
  laser: {{type: log, manual_timeout: 600, calibration: {{power: {{0.2: 1.5, 0.5: 4.1, 0.8: 7.3, 1: 9.7}}}}}}
recorder: {{directory: sessions, start: service}}
panel: {{port: 0}}
"""
COLOURS = "new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
SHOWN = "[...document.querySelectorAll('#session-pictures img')].slice(0, 3).every(image => image.naturalWidth > 100)"
"""The first ones are: those below are loaded as somebody scrolls there."""
WATCHED = 25.0
"""Seconds of a run until its picture: the curves of its triggers reach that far back."""


def main() -> int:
    """Takes them all."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path)
    folder = words.parse_args().folder
    folder.mkdir()
    shutil.copy(
        CONFIG / "networks" / "demo_mouse.onnx", folder / "mouse.onnx"
    )  # the included one has a path of this machine
    for take in (from_nothing, of_a_rig):
        with tempfile.TemporaryDirectory() as place:
            browser = Browser(Path(place))  # each its own: a page behind another loads no pictures
            try:
                take(browser, folder)
            finally:
                browser.close()
    return 0


def from_nothing(browser: Browser, folder: Path) -> None:
    """The tour: the wizard, and the rig that it makes."""
    with served("panel", str(folder), "--port", "0") as server:
        page = browser.open(link_of(server))
        page.until("document.getElementById('w-camera-name').value === 'top'")
        page.click("[name=w-kind][value=synthetic]")
        page.click("#w-picture-button")
        page.until("document.getElementById('w-picture').naturalWidth === 640")
        save(page, "panel-tour-camera")
        step(page, "network")
        page.until("document.getElementById('w-keypoints').innerText.includes('neck')")
        step(page, "protocol")
        page.run(
            "(f => { f.value = 'demo'; f.dispatchEvent(new Event('change')); })(document.getElementById('w-template'))"
        )
        page.until("document.querySelectorAll('.w-field').length > 10")
        step(page, "outputs")
        step(page, "regions")
        page.click("#w-draw")
        page.until("document.querySelectorAll('.drawing .shape').length === 2")
        page.until("document.querySelector('#stage canvas').width === 640")
        page.click("#region-list li:last-child button")
        page.until("!document.getElementById('region-fields').hidden")
        save(page, "panel-tour-regions")
        page.click("#back-to-wizard a")
        step(page, "read")
        page.until("document.querySelectorAll('#w-diagram .state-box').length === 4")
        save(page, "panel-wizard")
        step(page, "files")
        page.click("#w-write")
        page.until("document.getElementById('w-written').innerText.startsWith('Written: ')")
        page.run("document.getElementById('w-subject').focus()")
        page.type("M12")
        page.click("#w-run")
        page.until("!document.getElementById('w-link').hidden")
        rig = browser.open(page.run("document.getElementById('w-link').href"))
        rig.call("Page.bringToFront")
        rig.until("document.querySelector('.camera').dataset.live === 'yes'")
        rig.until("document.querySelectorAll('#triggers li').length === 2")
        time.sleep(WATCHED)
        rig.press("s")
        page.until("!document.getElementById('w-session').hidden")
        rig.close()
        page.click("#w-session")
        page.until("document.getElementById('session-name').innerText.length > 0")
        page.until("!document.getElementById('make-report').disabled")
        page.click("#make-report")
        page.until("document.querySelectorAll('#session-pictures img').length >= 4")
        page.close()


def of_a_rig(browser: Browser, folder: Path) -> None:
    """The pages of a rig with a laser."""
    (folder / "rig.yaml").write_text(RIG.format(config=CONFIG))
    text = (CONFIG / "demo_laser.yaml").read_text()
    text = text.replace(
        "action: train, values: {frequency: 20 Hz, width: 5 ms, count: 10}", "action: on, values: {level: 0.5}"
    )
    (folder / "demo.yaml").write_text(text)
    with served("run", "rig.yaml", folder=folder) as server:
        page = browser.open(link_of(server))
        page.until("document.querySelector('.camera').dataset.live === 'yes'")
        page.click("[data-page=outputs]")
        page.until("document.querySelectorAll('#calibration-rows tr').length === 4")
        page.until(
            "[...document.querySelectorAll('#all-outputs .what')].every(what => what.innerText === 'off · armed')"
        )
        page.run("document.getElementById('test-seconds').value = 60")
        page.click("#calibration-rows tr:nth-child(2) .row-test")
        page.until("document.querySelector('#all-outputs [data-key=laser] .what').innerText.startsWith('on ')")
        save(page, "panel-outputs")
        page.press("s")
        page.until("document.querySelector('#all-outputs [data-key=laser] .what').innerText === 'off · disarmed'")
        for output in ("laser", "screen"):
            page.click(f"#all-outputs [data-key={output}] .arm")
            page.until(f"document.querySelector('#all-outputs [data-key={output}] .what').innerText === 'off · armed'")
        page.click("[data-page=regions]")
        page.until("document.querySelectorAll('.drawing .shape').length === 2")
        page.until(f"(c => {COLOURS})(document.querySelector('#stage canvas')) > 50")
        page.click("#region-list button")
        page.until("!document.getElementById('region-fields').hidden")
        save(page, "panel-regions")
        page.click("[data-page=rig]")
        page.click("[data-key=recording] button")
        page.until("document.getElementById('session').open")
        page.run("document.querySelector('#session-form [name=subject]').focus()")
        page.type("M13")
        page.click("#session-form .primary")
        page.until("document.querySelector('#rows [data-key=recording]').dataset.level === 'ok'")
        page.click("[data-key=experiment] button")
        page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'ok'")
        time.sleep(WATCHED)
        page.until("document.querySelector('#triggers li[data-active=yes]')")
        save(page, "panel")
        page.click("[data-key=experiment] button")
        page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'off'")
        page.click("[data-key=recording] button")
        page.until("document.querySelector('#rows [data-key=recording]').dataset.level === 'off'")
        page.click("[data-page=sessions]")
        page.until("document.querySelectorAll('#session-list tr').length === 2")
        page.click("#session-list tr:last-child button")
        page.until("document.querySelectorAll('#session-pictures img').length >= 4")
        page.until(SHOWN)
        save(page, "panel-sessions")
        page.close()


@contextmanager
def served(*words: str, folder: Path | None = None) -> Iterator[RigUnderTest]:
    """A command of dlstream that serves a page, until the end of the block."""
    process = RigUnderTest(command(*words), folder or Path.cwd())
    try:
        process.saw("[panel] open http")
        yield process
    finally:
        process.process.send_signal(signal.SIGINT)
        process.wait()


def save(page: Page, name: str) -> None:
    """Takes a picture, without messages that are about to go."""
    page.run("document.getElementById('messages').replaceChildren()")
    page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.picture(IMAGES / f"{name}.png")
    print(f"docs/images/{name}.png", flush=True)


if __name__ == "__main__":
    sys.exit(main())
