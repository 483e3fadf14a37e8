"""What the tests of the panel share: the parts of a rig file, links, what can be read and used on a page."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from csv import DictReader
from typing import Any

import pytest
from browser import Page, axe, program
from diagnostic_msgs.msg import DiagnosticArray
from rig_tools import PATIENCE, RigUnderTest

from dlstream_common.ros import Diagnosis, Level
from dlstream_common.ros.diagnostics import diagnosis_to_message

needs_chromium = pytest.mark.skipif(program() is None, reason="no Chromium; `make simulators` installs it")

PANEL = ("recorder: {", "panel: {port: 0}\nrecorder: {")
BY_HAND = ("output_timeout: 60", "output_timeout: 60, autostart_run: false")
OFF_BY_HAND = ("offscreen: true", "offscreen: true\n    manual_timeout: 600")
STANDS = "(e => e === document.body ? 'nowhere' : e.id || e.getAttribute(\"class\") || e.tagName)"
STANDS += "(document.activeElement)"
# The browser takes the focus from what can't have it any more only as it draws the page.
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def link_of(rig: RigUnderTest, role: str = "") -> str:
    rig.saw("[panel] open http")
    found = re.search(rf"open (\S+){f'   .{role}.' if role else ''}", rig.output)
    assert found is not None
    return found[1]


def free_port() -> int:
    """A port for a panel that is started again: none of those that the system gives to anybody meanwhile."""
    for port in range(20000 + os.getpid() % 12000, 32768):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise AssertionError("no free port")


def step(page: Page, name: str) -> None:
    """Goes to a step of the wizard, and waits until it is shown."""
    page.click(f"#steps [data-step={name}]")
    page.until(f"document.querySelector('#steps [data-step={name}]').getAttribute('aria-current') === 'step'")


def write(page: Page, field: str, text: str) -> None:
    """Types a text into a field in place of the one in it, and leaves it."""
    page.run(f"(f => {{ f.focus(); f.select(); }})(document.getElementById('{field}'))")
    page.type(text)
    page.run("document.activeElement.blur()")


def choose(page: Page, field: str, value: str) -> None:
    """Chooses of a list, or types a text, as one does who leaves the field then."""
    script = f"(f => {{ f.value = '{value}'; f.dispatchEvent(new Event('change')); }})"
    page.run(f"{script}(document.getElementById('{field}'))")


def save_drawing(page: Page) -> None:
    """Takes over what was drawn, and goes back to the wizard."""
    page.click("#save-regions")
    page.until("document.getElementById('save-state').innerText === 'As the wizard has them.'")
    page.click("#back-to-wizard a")


def events(rig: RigUnderTest) -> list[dict[str, str]]:
    """The rows of the session's events.csv."""
    return list(DictReader((rig.session / "events.csv").read_text().splitlines()))


def wait_until(condition: Callable[[], object], rig: RigUnderTest) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, rig.output
        time.sleep(0.05)


def diagnoses(observer: Any, says: dict[str, dict[str, str]]) -> Any:
    """Nodes that say this of themselves five times a second, until the timer is cancelled."""
    publisher = observer.node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def publish() -> None:
        stamp = observer.node.get_clock().now().to_msg()
        for node, values in says.items():
            publisher.publish(diagnosis_to_message(Diagnosis(Level.OK, "", values), node, "", stamp))

    return observer.within(lambda: observer.node.create_timer(0.2, publish))


def stands(page: Page) -> str:
    """What has the focus, after the page has been drawn."""
    page.run(PAINTED)
    return str(page.run(STANDS))


def draw_an_ellipse(page: Page, shapes: int) -> None:
    """By keys, in the middle of the picture; so many shapes are there then."""
    page.run("document.querySelector('.drawing').focus()")
    for key in ("e", "Enter"):
        page.press(key)
    page.until(f"document.querySelectorAll('.drawing .shape').length === {shapes}")


def on_picture(page: Page, x: float, y: float) -> list[float]:
    """Where a pixel of the picture that is drawn on lies in the window."""
    left, top, width, height = page.box("document.querySelector('.drawing')")
    return [left + (x + 0.5) / 320 * width, top + (y + 0.5) / 240 * height]


# Each visible text with its contrast on the ground below it, by the formula of WCAG 2; what is disabled is exempt, and
# so are the names on a picture, which have a dark edge.
CONTRASTS = """
(() => {
  const rgb = (text) => (text.match(/[0-9.]+/g) ?? []).map(Number);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const solid = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = solid(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return solid(getComputedStyle(document.documentElement).backgroundColor);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("button:disabled, fieldset:disabled, .unseen, .skip, .veil, .drawing")) continue;
    const [a, b] = [light(solid(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(`${walker.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return found;
})()
"""
# What has no name for a screen reader, ids that are there twice, headings that leave out a level, and small targets.
NAMES = """
(() => {
  const name = (e) => e.getAttribute("aria-label") || e.innerText?.trim() || e.labels?.length || e.alt !== undefined
    || document.getElementById((e.getAttribute("aria-labelledby") ?? "").split(" ")[0])?.innerText;
  const all = [...document.querySelectorAll("button, input, select, summary, canvas, img, [role=region], [role=log]")];
  const found = all.filter((e) => e.checkVisibility() && !name(e)).map((e) => `no name: ${e.outerHTML.slice(0, 80)}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  found.push(...ids.filter((id, place) => ids.indexOf(id) !== place).map((id) => `twice: ${id}`));
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((e) => Number(e.tagName[1]));
  levels.forEach((level, i) => i && level > levels[i - 1] + 1 && found.push(`a heading leaves out a level: ${level}`));
  for (const e of document.querySelectorAll("button, select, summary")) {
    const box = e.getBoundingClientRect();
    if (e.checkVisibility() && (box.height < 24 || box.width < 24)) found.push(`small: ${e.outerHTML.slice(0, 80)}`);
  }
  return found;
})()
"""


def assert_nothing_found(page: Page, look: str, where: object) -> None:
    """Looks until nothing is found: texts and colours may just be changing. A failure says what is found to the end."""
    try:
        page.until(f"({look.strip()}).length === 0", PATIENCE)
    except AssertionError as error:
        raise AssertionError(f"{where}: {page.run(look)}") from error


LOOKS = [(size, dark) for dark in (False, True) for size in ((1440, 900), (1024, 768))]
"""A screen and a tablet, light and dark."""


def assert_can_be_used(page: Page) -> None:
    """Every text can be read, every control has a name, and all has its place, in both themes and sizes."""
    for size, dark in LOOKS:
        page.resize(size, dark)
        assert_nothing_found(page, CONTRASTS, (size, dark))
        assert_nothing_found(page, NAMES, (size, dark))
        width, height = page.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert (width, height) == size, "everything has its place without scrolling the page"


def barriers_in_all_looks(page: Page, what: str) -> list[str]:
    """What axe finds in both themes and sizes; nothing where it is not installed."""
    found: list[str] = []
    for size, dark in LOOKS if axe() else ():
        page.resize(size, dark)
        found += [f"{what}, {size}, {'dark' if dark else 'light'}: {barrier}" for barrier in page.barriers()]
    return found
