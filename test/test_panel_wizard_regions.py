"""What is drawn for one experiment of the wizard is never taken over into another; in a browser, else it is skipped."""

from __future__ import annotations

from typing import Any

from browser import Browser, Page
from panel_tools import choose, link_of, needs_chromium, save_drawing, step
from rig_tools import RigUnderTest

pytestmark = needs_chromium
DRAWN = "[...document.querySelectorAll('.drawing [data-kind]')].map((item) => item.dataset.name).sort()"
CHANGED = "document.getElementById('region-problem').innerText.includes('have changed since this was drawn')"
SLOW = """
((real) => {
  window.fetch = async (a, b) => {
    if (a === '/api/wizard-look' && window.hold) await new Promise((go) => { window.release = go; });
    return real(a, b);
  };
})(fetch)
"""
# In place of waiting for an answer: whatever Save does is done once another question of this page is answered.
SETTLED = "fetch('/api/wizard').then((answer) => answer.ok)"


def begin(served: RigUnderTest, chromium: Browser, template: str, cameras: int = 1) -> Page:
    """A new page on which a template is chosen."""
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    for _ in range(cameras - 1):
        page.click("#w-add-camera")
    page.until(f"document.querySelectorAll('#w-cameras button').length === {cameras}")
    template_is(page, template)
    return page


def template_is(page: Page, name: str) -> None:
    step(page, "protocol")
    choose(page, "w-template", name)
    page.until(f"document.getElementById('made-experiment').innerText.includes(\"the template '{name}'\")")


def draw(page: Page, names: list[str]) -> None:
    """Goes to the page Regions, which shows these, and draws one more."""
    step(page, "regions")
    page.click("#w-draw")
    page.until(f"{DRAWN}.join() === '{','.join(sorted(names))}'")
    page.until("document.querySelector('#stage canvas').width === 320")
    page.press("e")
    page.press("Enter")
    page.until(f"{DRAWN}.includes('region_1')")
    page.until("document.getElementById('save-state').innerText.startsWith('Not taken over yet')")


def back(page: Page) -> None:
    page.click("#back-to-wizard a")
    page.until("!document.getElementById('wizard-page').hidden")


def regions(page: Page) -> Any:
    """Those of the answers; None: as the template has them."""
    key = "Object.keys(sessionStorage).find((key) => key.startsWith('dlstream wizard'))"
    return page.run(f"JSON.parse(sessionStorage[{key}]).answers.regions")


def assert_not_taken_over(page: Page) -> None:
    """It is said at once that it does not belong here, and Save says it again and changes nothing."""
    before = regions(page)
    page.click("[data-page=regions]")
    page.until(CHANGED)
    page.run("document.getElementById('region-problem').innerText = ''")
    page.click("#save-regions")
    page.until(CHANGED)
    assert regions(page) == before


def test_what_was_drawn_for_a_screen_switches_no_laser_of_another_experiment(served, chromium):
    page = begin(served, chromium, "demo")
    draw(page, ["left", "right"])
    back(page)
    template_is(page, "base_optogenetic")
    assert_not_taken_over(page)
    assert regions(page) is None
    # The way out: what belongs to it is drawn.
    page.click("#discard-regions")
    page.until(f"{DRAWN}.includes('target') && !{DRAWN}.includes('left')")
    page.press("e")
    page.press("Enter")
    page.until(f"{DRAWN}.includes('region_1')")
    save_drawing(page)
    assert sorted(regions(page)) == ["region_1", "target"]
    assert page.errors == []


def test_regions_waits_for_what_the_answers_of_the_last_moment_come_to(served, chromium):
    page = begin(served, chromium, "staged_single")
    step(page, "regions")
    page.click("#w-draw")
    page.until(f"{DRAWN}.length > 0")
    staged = page.run(DRAWN)
    back(page)
    step(page, "protocol")
    page.run(SLOW)
    page.run("window.hold = true; 0")
    choose(page, "w-template", "demo")
    page.until("Boolean(window.release)")
    page.click("[data-page=regions]")
    page.until("!document.getElementById('regions-page').hidden")
    assert page.run(SETTLED)
    page.run("window.hold = false; window.release(); 0")
    page.until(f"{DRAWN}.join() === 'left,right'")
    assert not set(staged) & {"left", "right"}
    page.run("document.querySelector('.drawing [data-name=left]').focus()")
    page.press("ArrowRight")
    save_drawing(page)
    assert sorted(regions(page)) == ["left", "right"]
    assert page.errors == []


def test_what_was_drawn_for_a_template_is_not_saved_under_the_next_one(served, chromium):
    page = begin(served, chromium, "staged_single")
    draw(page, ["blue", "green", "to_blue", "to_green"])
    back(page)
    template_is(page, "demo")
    assert_not_taken_over(page)
    assert regions(page) is None
    assert page.errors == []


def test_what_was_drawn_on_the_watched_camera_does_not_move_to_another_one(served, chromium):
    page = begin(served, chromium, "demo", cameras=2)
    draw(page, ["left", "right"])
    back(page)
    step(page, "camera")
    choose(page, "w-watched", "side")
    page.until("document.getElementById('made-experiment').innerText.includes('camera: side')")
    assert_not_taken_over(page)
    assert regions(page) is None
    assert page.errors == []


def test_what_was_drawn_is_taken_over_also_with_another_camera_beside_it(served, chromium):
    page = begin(served, chromium, "demo")
    draw(page, ["left", "right"])
    back(page)
    step(page, "camera")
    page.click("#w-add-camera")
    page.until("document.querySelectorAll('#w-cameras button').length === 2")
    page.click("[data-page=regions]")
    page.until("!document.getElementById('regions-page').hidden")
    assert not page.run(CHANGED)
    save_drawing(page)
    assert sorted(regions(page)) == ["left", "region_1", "right"]
    assert page.errors == []
