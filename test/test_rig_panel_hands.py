"""Several hands at the panel, reloads at bad moments, answers that are lost; in a browser, else it is skipped."""

from __future__ import annotations

import os
import signal

from browser import Browser
from panel_tools import BY_HAND, OFF_BY_HAND, free_port, link_of, needs_chromium, on_picture

pytestmark = needs_chromium

# From now on requests of a kind are kept under way: released late, or their answers lost, as on a bad network.
HOLD = """
(() => {
  const real = window.fetch;
  window.held = [];
  window.fetch = (address, about) => {
    if (String(address) !== "/api/%s") return real(address, about);
    return new Promise((done, fail) => held.push({ send: () => real(address, about).then(done, fail) }));
  };
})()
"""
LOSE = """
(() => {
  const real = window.fetch;
  window.lost = 0;
  window.fetch = async (address, about) => {
    const answer = await real(address, about);
    if (String(address) !== "/api/%s" || about?.method !== "POST") return answer;
    lost += 1;
    throw new TypeError("the connection was lost");
  };
})()
"""
# Whether each button could be pressed in the moment in which its word changed.
WATCH_WORDS = """
(() => {
  window.turns = [];
  const look = (records) => records.forEach(({ target }) => {
    const button = target.closest?.("button") ?? target.parentElement?.closest("button");
    if (button) turns.push([button.textContent, button.disabled]);
  });
  for (const id of ["rows", "outputs"]) {
    const what = { subtree: true, childList: true, characterData: true };
    new MutationObserver(look).observe(document.getElementById(id), what);
  }
})()
"""
LEVEL = "document.querySelector('#rows [data-key={}]').dataset.level === '{}'"
WHAT = "document.querySelector('#outputs .what').innerText === '{}'"
SAID = "document.getElementById('messages').innerText.includes('{}')"


def test_stop_goes_before_what_was_pressed_earlier_and_words_do_not_turn_below_a_finger(open_panel, tmp_path):
    rig, page = open_panel(BY_HAND, OFF_BY_HAND)
    other = Browser(tmp_path / "other")
    try:
        second = other.open(link_of(rig))
        second.until(LEVEL.format("experiment", "off"))
        page.until(LEVEL.format("experiment", "off"))
        page.run(HOLD % "run")
        page.click("[data-key=experiment] button")
        page.until("held.length === 1")
        second.press("s")
        page.until(WHAT.format("off · disarmed"))
        second.was_told("STOP")
        page.run("held.pop().send()")
        page.until(SAID.format("STOP was pressed meanwhile"))
        # A button that another browser has just given another meaning.
        page.run(WATCH_WORDS)
        second.until("!document.querySelector('#outputs .arm').disabled")  # its own word has just turned
        second.run("document.querySelector('#outputs .arm').focus()")
        second.press("Enter")
        page.until(WHAT.format("off · armed"))
        second.until(WHAT.format("off · armed"))
        # Who uses keys stays on the button, which could not be pressed for a moment.
        second.until("document.activeElement.matches('#outputs .arm:not(:disabled)')")
        second.click("[data-key=experiment] button")
        page.until(LEVEL.format("experiment", "ok"))
        page.until("!document.querySelector('[data-key=experiment] button').disabled")
        second.press("s")
        page.until(WHAT.format("off · disarmed"))
        page.until(LEVEL.format("experiment", "off"))
        turns = page.run("turns")
        assert {word for word, _ in turns} == {"Start", "Stop", "Arm", "Disarm"}
        assert all(disabled for _, disabled in turns), turns
        page.until("!document.querySelector('#outputs .arm').disabled")
        rig.saw("experiment_started")
        runs = [line for line in rig.lines if "experiment_started" in line]
        assert len(runs) == 1, "the one of the second browser"
        # Both draw, the second one saves: the first one is told, and saves nothing over it.
        for one, key, name in ((page, "e", "ellipse"), (second, "c", "circle")):
            one.click("[data-page=regions]")
            one.until("document.querySelectorAll('.drawing .shape').length === 2")
            one.press(key)
            one.press("Enter")
            one.until(f"document.getElementById('region-text').innerText.includes('{name}')")
        second.click("#save-regions")
        second.until("document.getElementById('save-state').innerText.startsWith('As in')")
        problem = "document.getElementById('region-problem').innerText.includes('{}')"
        page.until(problem.format("saved by another page meanwhile"))
        page.click("#save-regions")
        page.until(problem.format("has changed since this page read it"))
        text = (rig.folder / "experiment.yaml").read_text()
        assert ("circle" in text, "ellipse" in text) == (True, False)
    finally:
        other.close()
    assert rig.stop() == 0


def test_what_is_drawn_or_typed_outlives_a_reload_and_a_lost_answer(open_panel):
    tables = "{power: {0.2: 1.5, 1: 9.7}, volume: {20: 1, 30: 2, 40: 3, 50: 4}}"
    laser = f"outputs:\n  laser: {{type: log, manual_timeout: 600, calibration: {tables}}}\n"
    rig, page = open_panel(BY_HAND, ("outputs:\n", laser))
    file = rig.folder / "experiment.yaml"
    old = file.read_text()
    text = "document.getElementById('region-text').innerText"
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.until("document.querySelector('#stage canvas').width === 320")
    page.point(on_picture(page, 40, 60))
    # In the middle of a drag.
    for kind, x, y in (("mousePressed", 159, 119.5), ("mouseMoved", 140, 100), ("mouseMoved", 120, 90)):
        place = on_picture(page, x, y)
        page.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", buttons=1, clickCount=1)
    page.until(f"{text}.includes('right: 120')")
    page.call("Page.reload")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.until("document.getElementById('save-state').innerText.startsWith('Not saved yet')")
    page.until("!document.getElementById('undo').disabled")
    page.until("document.querySelector('#stage canvas').width === 320")
    page.point(on_picture(page, 40, 60))
    page.until(f"{text}.includes('right: 120')")
    assert file.read_text() == old
    # Copied and put there again, which is taken back.
    for key in ("c", "v"):
        page.press(key, control=True)
    page.until(f"{text}.startsWith('region_1: {{type: rectangle, left: ')")
    page.until("document.querySelectorAll('.drawing .shape').length === 3")
    page.press("z", control=True)
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    # Saved, but the answer never comes: the page finds out, and does not take its own hand for another one.
    page.run(LOSE % "regions")
    page.click("#save-regions")
    page.until("lost === 1")
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    page.until("document.getElementById('region-problem').hidden")
    assert file.read_text() == old.replace("right: 159", "right: 120")
    page.reload()
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    # What was drawn on a file that somebody else has changed meanwhile is not saved over it, nor is it dropped.
    page.until("document.querySelector('#stage canvas').width === 320")
    page.press("r")
    page.drag(on_picture(page, 60, 130), on_picture(page, 160, 200))
    page.until("document.querySelectorAll('.drawing .shape').length === 3")
    file.write_text("# by an editor\n" + file.read_text())
    page.reload()
    page.until("document.querySelectorAll('.drawing .shape').length === 3")
    page.click("#save-regions")
    page.until("document.getElementById('region-problem').innerText.includes('has changed since this page read it')")
    page.click("#discard-regions")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    # The rows of a calibration: through a reload, and while another table is looked at.
    page.click("[data-page=outputs]")
    rows = "document.querySelectorAll('#calibration-rows tr')"
    choose = "(s => { s.value = 'laser\\n%s'; s.dispatchEvent(new Event('change')); })"
    choose += "(document.getElementById('calibrated'))"
    page.until(f"{rows}.length > 0")
    page.run(choose % "power")
    page.until(f"{rows}.length === 2")
    page.click("#add-row")
    page.type("0.5")
    page.call("Page.reload")
    page.until(f"{rows}.length === 3")
    assert page.run(f"{rows}[2].querySelector('input').value") == "0.5"
    page.run(choose % "volume")
    page.until(f"{rows}.length === 4")
    page.run(choose % "power")
    page.until(f"{rows}.length === 3")
    page.click("#read-calibration")
    page.until(f"{rows}.length === 2")
    assert rig.stop() == 0


def test_on_a_slow_network_and_a_frozen_one_stop_acts_and_the_page_says_what_it_knows(open_panel):
    rig, page = open_panel(OFF_BY_HAND)
    page.until(LEVEL.format("experiment", "ok"))
    page.call("Network.enable")
    slow = {"latency": 300, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    page.call("Network.emulateNetworkConditions", offline=False, **slow)
    page.press("s")
    page.until(WHAT.format("off · disarmed"))
    page.was_told("STOP")
    page.until(LEVEL.format("experiment", "off"))
    page.call("Page.reload")
    page.until(WHAT.format("off · disarmed"))
    page.until("document.querySelector('.camera').dataset.live === 'yes'")
    # Nothing comes any more: the panel's process is frozen, as a network that swallows everything.
    panel = rig.node("/panel")
    os.kill(panel, signal.SIGSTOP)
    try:
        page.until("document.body.dataset.connection === 'lost'")
        page.until("document.querySelector('#outputs .what').innerText.startsWith('silent')")
        page.until("document.querySelector('#outputs .arm').disabled")
        page.until("document.querySelector('[data-key=experiment] button').disabled")
        page.press("s")
        page.until(SAID.format("Switch off at the device"))
    finally:
        os.kill(panel, signal.SIGCONT)
    page.until("document.body.dataset.connection === 'open'")
    page.until(WHAT.format("off · disarmed"))
    page.until("document.querySelector('.camera').dataset.live === 'yes'")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.call("Network.emulateNetworkConditions", offline=True, **offline)
    page.press("s")
    page.until(SAID.format("whether this was done is not known"))
    page.call("Network.emulateNetworkConditions", offline=False, **offline)
    page.press("s")
    page.until(SAID.format("every output was commanded off"))
    assert rig.stop() == 0


def test_a_panel_that_is_started_again_is_another_page_and_stops_at_once(open_panel):
    port = free_port()
    restart = ("panel: {port: 0}", f"panel: {{port: {port}, on_failure: restart}}")
    rig, page = open_panel(BY_HAND, OFF_BY_HAND, restart)
    page.until(WHAT.format("off · armed"))
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.press("e")
    page.press("Enter")
    page.until("document.querySelectorAll('.drawing .shape').length === 3")
    page.run("window.old = true")
    os.kill(rig.node("/panel"), signal.SIGKILL)
    page.until("document.body.dataset.connection === 'lost'")
    page.until("window.old === undefined && document.body.dataset.connection === 'open'")
    page.press("s")  # the outputs may not know the new panel yet
    page.until("document.querySelectorAll('.drawing .shape').length === 3")
    page.click("[data-page=rig]")
    page.until(WHAT.format("off · disarmed"))
    assert rig.stop() == 0
