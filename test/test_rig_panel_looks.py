"""Every text of the panel can be read, every control has a name; in a browser, without which it is skipped."""

from __future__ import annotations

import pytest
from browser import axe
from panel_tools import (
    CONTRASTS,
    assert_can_be_used,
    assert_nothing_found,
    barriers_in_all_looks,
    link_of,
    needs_chromium,
    on_picture,
)

pytestmark = needs_chromium


def test_every_text_can_be_read_and_every_control_has_a_name_in_both_themes_and_sizes(open_panel):
    rig, page = open_panel()
    page.until("document.querySelectorAll('#triggers li').length === 2")
    page.click("summary")
    assert_can_be_used(page)
    page.press("?")
    page.until("document.getElementById('help').open")
    assert_nothing_found(page, CONTRASTS, "the help")
    page.press("Escape")
    page.until("!document.getElementById('help').open")
    assert rig.stop() == 0


@pytest.mark.skipif(axe() is None, reason="no axe; `make devices` installs it")
def test_axe_finds_nothing_on_any_page_in_either_theme_and_size(open_panel, browser, tmp_path):
    laser = "outputs:\n  laser: {type: log, calibration: {power: {0.2: 1.5, 1: 9.7}}}\n"
    token = ("panel: {port: 0}", f"panel: {{port: 0, token: {tmp_path}/panel.token}}")
    rig, page = open_panel(token, ("outputs:\n", laser))
    page.until("document.querySelectorAll('#triggers li').length === 2")
    page.click("summary")
    barriers: list[str] = []

    def look(what: str) -> None:
        barriers.extend(barriers_in_all_looks(page, what))

    look("rig")
    page.press("?")
    page.until("document.getElementById('help').open")
    look("help")
    page.press("Escape")
    page.click("#diagram-large")
    page.until("document.getElementById('course').open")
    look("protocol")
    page.press("Escape")
    page.until("!document.getElementById('course').open")
    page.click("#tablet")
    page.until("document.querySelectorAll('#link-list svg').length === 2")
    look("links")
    page.press("Escape")
    page.until("document.getElementById('link-list').innerHTML === ''")
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.click("#region-list button")
    page.until("!document.getElementById('region-fields').hidden")
    look("regions")
    page.press("p")
    page.point(on_picture(page, 60, 130))
    look("regions while a polygon is drawn")
    page.press("Escape")
    page.click("[data-page=outputs]")
    page.until("!document.getElementById('calibration').hidden")
    page.click("#add-row")
    look("outputs")
    page.click("[data-page=sessions]")
    page.until("!document.getElementById('session-detail').hidden")
    look("sessions")
    page.click("[data-page=checks]")
    page.until("!document.getElementById('checks-page').hidden")
    look("checks")
    page.call("Network.clearBrowserCookies")
    page.go(link_of(rig).partition("#")[0])
    page.until("!document.getElementById('sign-in').hidden")
    look("sign-in")
    assert not barriers, "\n".join(barriers)
    assert rig.stop() == 0
