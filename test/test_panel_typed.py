"""What is typed on the page Regions and does not count, and where the keyboard's focus goes; needs Chromium."""

from __future__ import annotations

from pathlib import Path

from browser import Page
from panel_tools import PAINTED, draw_an_ellipse, needs_chromium, stands
from rig_tools import CONFIG

pytestmark = needs_chromium
TEXT = "document.getElementById('region-text').innerText"
SAID = "document.getElementById('messages').innerText.includes('{}')"
STATE = "document.getElementById('save-state').innerText"


def fill(page: Page, selector: str, text: str) -> None:
    """Types over what stands in a field, and leaves the focus in it."""
    page.run(f"(f => {{ f.focus(); f.select(); }})(document.querySelector('{selector}'))")
    page.run("document.execCommand('delete')")
    page.type(text)


def drawing(page: Page) -> None:
    """The page Regions with the two circles of its file and an ellipse, which is selected."""
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    draw_an_ellipse(page, 3)


def test_what_is_typed_and_does_not_count_is_told_and_nothing_is_saved_in_its_place(opened, tmp_path: Path):
    page = opened()
    file = tmp_path / "demo.yaml"
    before = file.read_text()
    drawing(page)
    number = "document.querySelector('#region-numbers input').value"
    old = page.run(number)
    for text, why in (("left", "Another region has the name left"), ("", "A region needs a name")):
        for key, control in (("Enter", False), ("s", True)):
            fill(page, "#region-name", text)
            page.press(key, control=control)
            page.until(SAID.format(why))
            assert page.run("document.getElementById('region-name').value") == "region_1"
            page.run("document.getElementById('messages').replaceChildren()")
    fill(page, "#region-numbers input", "")
    page.press("s", control=True)
    page.until(SAID.format("of region_1 needs a number"))
    assert page.run(number) == old
    assert page.run(STATE).startswith("Not saved yet")
    assert file.read_text() == before
    # The next one counts.
    fill(page, "#region-name", "nest")
    page.press("s", control=True)
    page.until(f"{STATE}.startsWith('As in')")
    assert "nest: {type: ellipse" in file.read_text()
    # A length is asked for until there is one.
    place = "(r => [r.x + r.width * {0}, r.y + r.height - 30])"
    place += "(document.querySelector('.drawing').getBoundingClientRect())"
    page.press("Escape")
    page.run("document.querySelector('.drawing').focus()")
    page.press("l")
    for _ in range(2):
        page.point(page.run(place.replace("{0}", "0.2")))
    page.until(SAID.format("Both ends are at the same place"))
    for share in ("0.2", "0.8"):
        page.point(page.run(place.replace("{0}", share)))
    page.until("document.getElementById('scale').open")
    page.press("Enter")
    assert page.run("document.getElementById('scale').open"), "without a length"
    page.press("Escape")
    page.until("!document.getElementById('scale').open")
    assert page.errors == []


FOCUS = "document.querySelector('{}').focus()"


def test_who_uses_keys_stands_somewhere_after_all_that_is_removed_or_can_not_be_pressed_again(opened):
    page = opened(recording="service", directory="sessions", rig_file=str(CONFIG / "rig.demo.yaml"))
    drawing(page)
    # On the picture, in the list, and by the button.
    page.press("Delete")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    assert stands(page) == "drawing"
    draw_an_ellipse(page, 3)
    page.run(FOCUS.format('#region-list > [data-key="region region_1"] button'))
    page.press("Delete")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    listed = "document.activeElement.closest('#region-list > li')?.dataset.key"
    assert page.run(f"{PAINTED}.then(() => {listed})") == "region left"
    draw_an_ellipse(page, 3)
    page.run(FOCUS.format("#remove-region"))
    page.press("Enter")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    assert page.run(f"{PAINTED}.then(() => {listed})") == "region left"
    # Undone to the first step, and done again to the last one.
    for button, other in (("undo", "redo"), ("redo", "undo")):
        page.run(FOCUS.format(f"#{button}"))
        while not page.run(f"document.getElementById('{button}').disabled"):
            page.press("Enter")
        assert stands(page) == other
    # Saved.
    draw_an_ellipse(page, 3)
    page.run(FOCUS.format("#save-regions"))
    page.press("Enter")
    page.until(f"{STATE}.startsWith('As in')")
    assert stands(page) == "side"
    # A check can't be started again while it runs; who has not gone elsewhere stands there again.
    page.click("#nav [data-page=checks]")
    page.run(FOCUS.format("[data-check=check] button"))
    page.press("Enter")
    page.until("document.querySelector('[data-check=check] button').disabled")
    assert stands(page) != "nowhere"
    page.until("document.getElementById('job-state').innerText.startsWith('ended well')")
    page.until("document.activeElement.matches('[data-check=check] button')")
    assert page.errors == []
