"""What is typed, or pressed on keys, is of the region that it was meant for; in a browser, else it is skipped."""

from __future__ import annotations

from browser import Page
from panel_tools import BY_HAND, needs_chromium, on_picture

pytestmark = needs_chromium
TEXT = "document.getElementById('region-text').innerText"
SHAPES = "document.querySelectorAll('.drawing .shape').length === {}"
NAMES = "[...document.querySelectorAll('.drawing .shape')].map((shape) => shape.dataset.name)"
FOCUS = "document.querySelector('{}').focus()"
DRAFT = "Object.keys(sessionStorage).find((key) => key.startsWith('dlstream draft regions'))"


def fill(page: Page, selector: str, text: str) -> None:
    """Types over what stands in a field, and leaves the focus in it."""
    page.until(f"document.querySelector('{selector}') !== null")
    page.run(f"document.querySelector('{selector}').focus()")
    page.run(f"document.querySelector('{selector}').select()")
    page.type(text)


def test_what_is_typed_or_pressed_is_meant_for_one_region(open_panel):
    rig, page = open_panel(BY_HAND)
    file = rig.folder / "experiment.yaml"
    page.click("[data-page=regions]")
    page.until(SHAPES.format(2))
    page.until("document.querySelector('#stage canvas').width === 320")
    page.press("r")
    page.drag(on_picture(page, 40, 130), on_picture(page, 100, 200))
    page.until(SHAPES.format(3))
    for key in ("e", "Enter"):
        page.press(key)
    page.until(SHAPES.format(4))
    # A name, and then a click on another region, without Enter.
    page.point(on_picture(page, 60, 180))
    page.until(f"{TEXT}.startsWith('region_1:')")
    fill(page, "#region-name", "nest")
    page.point(on_picture(page, 160, 125))
    page.until(f"{TEXT}.startsWith('region_2:')")
    assert page.run(NAMES) == ["left", "right", "nest", "region_2"]
    # A number.
    fill(page, "#region-numbers input", "150")
    page.point(on_picture(page, 60, 180))
    page.until(f"{TEXT}.startsWith('nest:')")
    page.point(on_picture(page, 160, 125))
    page.until(f"{TEXT}.startsWith('region_2: {{type: ellipse, center: [150, ')")
    # A name, and then a press on that very region, which has another name by then.
    fill(page, "#region-name", "food")
    page.drag(on_picture(page, 160, 125), on_picture(page, 170, 125))
    page.until(f"{TEXT}.startsWith('food: {{type: ellipse, center: [16')")
    # Ctrl+S in a field of numbers saves what stands there.
    fill(page, "#region-numbers input", "155")
    page.press("s", control=True)
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    assert "food: {type: ellipse, center: [155, " in file.read_text()
    # As it does in a field of text, where the letter alone is a letter.
    for key in ("e", "Enter"):
        page.press(key)
    page.until(f"{TEXT}.startsWith('region_1: {{type: ellipse')")
    fill(page, "#region-name", "corner")
    page.press("s", control=True)
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    assert "corner: {type: ellipse" in file.read_text()
    page.run(FOCUS.format(".drawing [data-name=corner]"))
    page.press("Delete")
    page.until(SHAPES.format(4))
    # What is in the file keeps its name, whatever comes to the field.
    page.run("document.getElementById('region-name').value = 'other'")
    page.run("document.getElementById('region-name').dispatchEvent(new Event('change'))")
    assert page.run(NAMES) == ["left", "right", "nest", "food"]
    # Keys act on what has the focus, and only there.
    page.run(FOCUS.format(".drawing [data-name=nest]"))
    page.press("ArrowRight")
    page.until(f"{TEXT}.startsWith('nest: {{type: rectangle, left: 41')")
    page.run(FOCUS.format("#undo"))
    page.press("Delete")
    page.press("Backspace")
    page.run(FOCUS.format(".drawing [data-name=food]"))
    page.press("Delete")
    page.until(SHAPES.format(3))
    assert page.run(NAMES) == ["left", "right", "nest"]
    page.run(FOCUS.format('#region-list > [data-key="region nest"] button'))
    page.press("Delete")
    page.until(SHAPES.format(2))
    assert page.run(NAMES) == ["left", "right"]
    assert page.errors == []
    assert rig.stop() == 0


def test_a_kept_draft_is_of_one_file_and_of_points_that_it_has(open_panel):
    rig, page = open_panel(BY_HAND)
    file = rig.folder / "experiment.yaml"
    old = file.read_text()
    aim = "  aim: {type: direction, point: [200, 100]}\nprotocol:\n"
    file.write_text(old.replace("protocol:\n", aim))
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .aim').length === 1")
    page.until("document.querySelector('#stage canvas').width === 320")
    for key in ("e", "Enter"):
        page.press(key)
    page.until(SHAPES.format(3))
    file.write_text(old)
    page.reload()
    page.until(SHAPES.format(3))
    page.until("document.getElementById('save-state').innerText.startsWith('Not saved yet')")
    assert page.run("document.querySelectorAll('.drawing .aim').length") == 0
    other = "sessionStorage.getItem(key).replace('experiment.yaml', 'b.yaml')"
    page.run(f"(key => sessionStorage.setItem(key, {other}))({DRAFT})")
    page.reload()
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    page.until(SHAPES.format(2))
    assert page.errors == []
    assert rig.stop() == 0
