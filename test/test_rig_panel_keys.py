"""Keys of any keyboard, fingers beside a palm, and what is drawn during a save; in a browser, else it is skipped."""

from __future__ import annotations

import re

from browser import Page
from panel_tools import BY_HAND, OFF_BY_HAND, PAINTED, link_of, needs_chromium, on_picture, stands

pytestmark = needs_chromium
WHAT = "document.querySelector('#outputs .what').innerText === '{}'"
TEXT = "document.getElementById('region-text').innerText"
SHAPES = "document.querySelectorAll('.drawing .shape').length === {}"
# A save that arrives late, as on a slow network.
HOLD = """
(() => {
  const real = window.fetch;
  window.held = [];
  window.fetch = (address, about) => {
    if (String(address) !== "/api/%s" || about?.method !== "POST") return real(address, about);
    return new Promise((done, fail) => held.push({ send: () => real(address, about).then(done, fail) }));
  };
})()
"""


def press_key(page: Page, key: str, code: str) -> None:
    """Presses a key of a keyboard that is set to another alphabet."""
    for kind in ("keyDown", "keyUp"):
        text = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
        page.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, **text)


def touch(page: Page, kind: str, *points: tuple[int, list[float]]) -> None:
    """What fingers do on the screen, by their numbers."""
    places = [{"id": number, "x": at[0], "y": at[1]} for number, at in points]
    page.call("Input.dispatchTouchEvent", type=kind, touchPoints=places)


def assert_near(page: Page, kind: str, numbers: list[int]) -> None:
    """What is selected is of this kind with these numbers, give or take what the picture moves as the page settles."""
    text = page.run(TEXT)
    found = [int(number) for number in re.findall(r"-?\d+", text.partition("{")[2])]
    assert f"type: {kind}" in text
    assert len(found) == len(numbers), text
    assert all(abs(a - b) <= 4 for a, b in zip(found, numbers, strict=True)), text


def test_s_is_stop_in_a_list_and_on_a_keyboard_of_another_alphabet(open_panel):
    rig, page = open_panel(BY_HAND, OFF_BY_HAND)
    arm = "#outputs .arm"
    page.until(WHAT.format("off · armed"))
    page.click("summary")
    page.run("document.querySelector('#outputs select[name=image]').focus()")
    page.press("s")
    page.until(WHAT.format("off · disarmed"))
    for key in ("ы", "ㄴ", "Process"):
        page.click(arm)
        page.until(WHAT.format("off · armed"))
        press_key(page, key, "KeyS")
        page.until(WHAT.format("off · disarmed"))
    # What is a letter there is none of ours.
    page.click(arm)
    page.until(WHAT.format("off · armed"))
    press_key(page, "o", "KeyS")
    press_key(page, "т", "KeyN")
    page.until("document.activeElement.id === 'remark-text'")
    press_key(page, "ы", "KeyS")
    assert page.run("document.activeElement.value") == "ы"
    page.until(WHAT.format("off · armed"))
    assert rig.stop() == 0


def test_who_stands_in_the_test_of_an_output_stays_there_while_it_can_not_be_used(open_panel):
    rig, page = open_panel(BY_HAND, OFF_BY_HAND)
    page.until(WHAT.format("off · armed"))
    page.click("summary")
    field, fields = "#outputs input[name=seconds]", "document.querySelector('#outputs fieldset')"
    click = "document.querySelector('{}').click()"  # of another browser: the focus stays where it is
    for unusable, usable in (("#outputs .arm", "#outputs .arm"), ("[data-key=experiment] button",) * 2):
        page.run(f"document.querySelector('{field}').focus()")
        page.run(click.format(unusable))
        page.until(f"{fields}.disabled")
        assert stands(page) == "side"
        page.until(f"!document.querySelector('{usable}').disabled")  # its word has just turned
        page.run(click.format(usable))
        page.until(f"!{fields}.disabled")
        assert page.run(f"{PAINTED}.then(() => document.activeElement.matches('{field}'))")
    # Who has gone elsewhere meanwhile stays there.
    page.run(f"document.querySelector('{field}').focus()")
    page.press("s")
    page.until(f"{fields}.disabled")
    page.until("!document.querySelector('#outputs .arm').disabled")
    page.run("document.querySelector('#outputs .arm').focus()")
    page.press("Enter")
    page.until(f"!{fields}.disabled")
    page.until("document.activeElement.matches('#outputs .arm:not(:disabled)')")
    # So does who has clicked beside it, for example to have S for STOP.
    page.run(f"document.querySelector('{field}').focus()")
    page.until("!document.querySelector('#outputs .arm').disabled")
    page.run(click.format("#outputs .arm"))
    page.until(f"{fields}.disabled")
    page.click("#outputs b")
    page.until("!document.querySelector('#outputs .arm').disabled")
    page.run(click.format("#outputs .arm"))
    page.until(f"!{fields}.disabled")
    assert page.run(f"{PAINTED}.then(() => document.activeElement.matches('{field}'))") is False
    assert rig.stop() == 0


def test_fingers_draw_and_a_palm_beside_them_changes_nothing(open_panel):
    rig, page = open_panel(BY_HAND)
    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)
    page.click("[data-page=regions]")
    page.until(SHAPES.format(2))
    page.until("document.querySelector('#stage canvas').width === 320")
    page.click("[data-tool=rectangle]")
    start, end, palm, further = (on_picture(page, *at) for at in ((40, 50), (120, 130), (250, 200), (280, 230)))
    touch(page, "touchStart", (1, start))
    touch(page, "touchMove", (1, on_picture(page, 80, 90)))
    touch(page, "touchStart", (1, on_picture(page, 80, 90)), (2, palm))
    touch(page, "touchMove", (1, end), (2, further))
    touch(page, "touchEnd", (1, end))
    touch(page, "touchEnd")
    page.until(SHAPES.format(3))
    assert_near(page, "rectangle", [40, 50, 120, 130])
    # A handle is pulled, and the palm is taken away by the tablet.
    touch(page, "touchStart", (1, end))
    touch(page, "touchMove", (1, on_picture(page, 140, 140)))
    touch(page, "touchStart", (1, on_picture(page, 140, 140)), (2, palm))
    touch(page, "touchMove", (1, on_picture(page, 150, 160)), (2, palm))
    touch(page, "touchEnd")
    page.until("document.querySelectorAll('.drawing .chosen').length === 1")
    assert_near(page, "rectangle", [40, 50, 150, 160])
    # Corner after corner by taps; a tap on the first one closes it.
    page.click("[data-tool=polygon]")
    for at in ((180, 40), (260, 40), (260, 120), (180, 40)):
        touch(page, "touchStart", (1, on_picture(page, *at)))
        touch(page, "touchEnd")
    page.until(SHAPES.format(4))
    assert_near(page, "polygon", [180, 40, 260, 40, 260, 120])
    page.click("#save-regions")
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    text = (rig.folder / "experiment.yaml").read_text()
    assert ("region_1: {type: rectangle" in text, "region_2: {type: polygon" in text) == (True, True)
    assert page.errors == []
    assert rig.stop() == 0


def test_what_is_drawn_or_typed_while_a_save_is_under_way_is_kept(open_panel):
    laser = "outputs:\n  laser: {type: log, calibration: {power: {0.2: 1.5, 1: 9.7}}}\n"
    rig, page = open_panel(BY_HAND, ("outputs:\n", laser))
    page.click("[data-page=regions]")
    page.until(SHAPES.format(2))
    page.until("document.querySelector('#stage canvas').width === 320")
    page.run(HOLD % "regions")
    for key in ("c", "Enter"):
        page.press(key)
    page.until(SHAPES.format(3))
    page.click("#save-regions")
    page.until("held.length === 1")
    for key in ("e", "Enter"):
        page.press(key)
    page.until(SHAPES.format(4))
    page.run("held.pop().send()")
    page.was_told("saved:")
    page.until("!document.getElementById('save-regions').disabled")
    assert page.run(SHAPES.format(4)), "the ellipse stays"
    assert page.run("document.getElementById('save-state').innerText").startswith("Not saved yet")
    page.click("#save-regions")
    page.until("held.length === 1")
    page.run("held.pop().send()")
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    text = (rig.folder / "experiment.yaml").read_text()
    assert ("circle" in text, "ellipse" in text) == (True, True)
    # The same of a calibration, of which the rig checks the whole file meanwhile.
    page.click("[data-page=outputs]")
    rows = "document.querySelectorAll('#calibration-rows tr')"
    page.until(f"{rows}.length === 2")
    page.run(HOLD % "calibration")
    page.click("#add-row")
    page.type("0.5")
    page.run(f"{rows}[2].querySelectorAll('input')[1].focus()")
    page.type("4")
    page.click("#save-calibration")
    page.until("held.length === 1")
    page.run(f"{rows}[2].querySelectorAll('input')[1].select()")
    page.type("4.5")
    page.run("held.pop().send()")
    page.was_told("the rig uses it from its next start on")
    page.until("!document.getElementById('save-calibration').disabled")
    assert page.run(f"{rows}[2].querySelectorAll('input')[1].value") == "4.5"
    assert re.search(r" 0\.5: 4(\.0)?,", (rig.folder / "rig.yaml").read_text()), "what was there as Save was pressed"
    assert page.errors == []
    assert rig.stop() == 0


def test_stop_acts_before_the_page_knows_anything(open_panel):
    rig, page = open_panel(BY_HAND, OFF_BY_HAND)
    page.until(WHAT.format("off · armed"))
    never = "((real) => { window.fetch = (a, b) => a === '/api/hello' ? new Promise(() => {}) : real(a, b); })(fetch)"
    late = page.call("Page.addScriptToEvaluateOnNewDocument", source=never)["identifier"]
    for press in (lambda: page.press("s"), lambda: page.click("#stop")):
        page.go("about:blank")
        page.go(re.split("[?#]", link_of(rig))[0])  # signed in by its cookie: the link would lead on to another page
        press()
        page.until("document.getElementById('messages').innerText.includes('every output was commanded off')")
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=late)
    page.reload()
    page.until(WHAT.format("off · disarmed"))
    # Where the state never comes, nothing is said of outputs that nobody has heard of.
    deaf = page.call("Page.addScriptToEvaluateOnNewDocument", source="window.WebSocket = class { close() {} }")
    page.reload()
    page.until("document.getElementById('rig-name').innerText === 'test'")
    page.press("s")
    page.until("document.getElementById('messages').innerText.includes('nobody knows whether it is off')")
    assert "every output says" not in page.run("document.getElementById('messages').innerText")
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=deaf["identifier"])
    assert rig.stop() == 0


def test_the_log_follows_where_the_window_changes_and_stays_where_somebody_reads(open_panel):
    rig, page = open_panel(BY_HAND)
    said = "document.querySelectorAll('#log li').length"

    def note(number: int) -> None:
        before = page.run(said)
        request = f"{{kind: 'note', text: 'number {number} ' + 'word '.repeat(60)}}"
        head = f"{{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: JSON.stringify({request})}}"
        assert page.run(f"fetch('/api/remark', {head}).then((answer) => answer.ok)")
        page.until(f"{said} > {before}")

    at_end = "(b => b.scrollHeight - b.scrollTop - b.clientHeight < 2)(document.getElementById('log-box'))"
    for number in range(8):
        note(number)
    page.resize((1024, 768))
    page.until(at_end)
    note(8)
    page.until(at_end)
    page.click("[data-page=checks]")
    note(9)
    page.click("[data-page=rig]")
    page.until("!document.getElementById('page').hidden")
    page.until(at_end)
    page.run("document.getElementById('log-box').scrollTop = 0")
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    note(10)
    assert page.run("document.getElementById('log-box').scrollTop") == 0
    # A mark that was given up makes none of the next note.
    for key in ("m", "Escape"):
        page.press(key)
    page.click("#remark-text")
    page.type("only a note")
    page.press("Enter")
    line = "[...document.querySelectorAll('#log li')].find((item) => item.innerText.includes('only a note'))"
    assert page.until(f"{line}.dataset.kind") == "note"
    assert rig.stop() == 0
