"""Names of any length and letters on every page: nothing of them runs, and STOP stays where it is; in a browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from panel_tools import BY_HAND, CONTRASTS, assert_nothing_found, link_of, needs_chromium
from rig_tools import EXPERIMENT

pytestmark = needs_chromium

MARKUP = "<img src=x onerror=window.hit=1><script>window.hit=1</script>"
LONG = "Größenwahnsinnige_Käferecke_mit_sehr_langem_Namen_der_nie_endet"
# What reaches beyond the window or out of its own box to the right, where nothing cuts it off.
BEYOND = """
(() => [...document.querySelectorAll("body *")].filter((e) => {
  if (!e.checkVisibility() || e.closest(".unseen, .skip, .messages, svg")) return false;
  for (let p = e.parentElement; p; p = p.parentElement) {
    if (getComputedStyle(p).overflowX !== "visible") return false;
  }
  return e.getBoundingClientRect().right > innerWidth + 0.5;
}).map((e) => e.outerHTML.slice(0, 80)))()
"""
STOP_IS_THERE = """
(() => {
  const box = document.getElementById("stop").getBoundingClientRect();
  const inside = box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return inside && top.closest("#stop") !== null;
})()
"""


@pytest.fixture
def sessions_of_all_kinds(tmp_path):
    """Session folders with markup, long names and a broken file."""
    source = Path(__file__).parents[1] / "dlstream" / "test" / "data" / "session_of_0.1_every"
    for number, subject in enumerate((MARKUP.replace("/", ""), LONG * 3, "Mäuschen Ö", "")):
        folder = tmp_path / "sessions" / f"2026-11-0{number + 1}_{subject[:200]}"
        shutil.copytree(source, folder)
        about = json.loads((folder / "session.json").read_text())
        about |= {
            "session": folder.name,
            "created": f"2026-11-0{number + 1}T10:00:00+00:00",
            "metadata": {"subject": {"subject_id": subject}, "notes": MARKUP + LONG * 5},
        }
        (folder / "session.json").write_text(json.dumps(about))
        (folder / f"{MARKUP.replace('/', '')}.csv").write_text("a\n")
    broken = tmp_path / "sessions" / f"broken_{MARKUP.replace('/', '')}"
    broken.mkdir()
    (broken / "session.json").write_text(f"{{{MARKUP}")


def test_no_name_runs_and_none_moves_stop_or_cuts_a_page_off(open_panel, sessions_of_all_kinds, write_rig):
    rig, page = open_panel(BY_HAND, ("rig: test", f"rig: test{'_of_the_long_name' * 5}"), words=["--allow-python"])
    long = (
        EXPERIMENT.replace("experiment: test", f"experiment: Ängste im offenen Feld {LONG}")
        .replace("region: left", f'region: "{MARKUP}"')
        .replace("  left: {type", f'  "{MARKUP}": {{type')
        .replace("region: right", f"region: {LONG}")
        .replace("  right: {type", f"  {LONG}: {{type")
        .replace("    left: {trigger", f'    "{MARKUP[:90]}": {{trigger')
    )
    (rig.folder / "experiment.yaml").write_text(long)
    page.until("!document.querySelector('[data-key=experiment] button').disabled")
    page.click("[data-key=experiment] button")
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'ok'")
    page.press("n")
    page.type(MARKUP)
    page.press("Enter")
    page.until("document.getElementById('log').innerText.includes('<script>')")

    def look(name: str) -> None:
        for size in ((1440, 900), (1024, 768)):
            page.resize(size)
            width, height = page.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert (width, height) == size, name
            assert page.run(STOP_IS_THERE), name
            assert_nothing_found(page, BEYOND, name)

    look("rig")
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.click("#region-list button")
    page.until(f"document.getElementById('region-name').value === {json.dumps(MARKUP)}")
    look("regions")
    page.click("[data-page=outputs]")
    page.until("!document.getElementById('outputs-page').hidden")
    look("outputs")
    page.click("[data-page=sessions]")
    page.until("document.querySelectorAll('#session-list tr').length === 5")
    page.until("document.getElementById('sessions-problem').innerText.includes('<script>')")
    for number in range(1, 5):
        page.click(f"#session-list tr:nth-child({number}) button")
        page.until(f"document.querySelector('#session-list tr:nth-child({number}) button').ariaPressed === 'true'")
        look(f"session {number}")
    faults = "document.querySelector('#session-list td.faults').getBoundingClientRect().right"
    assert page.run(f"{faults} <= document.querySelector('.table-box').getBoundingClientRect().right")
    page.click("[data-page=checks]")
    page.until("!document.getElementById('checks-page').hidden")
    look("checks")
    page.press("s")
    page.until("document.querySelector('#outputs .what').textContent === 'off · disarmed'")
    page.was_told("STOP")
    for dark in (False, True):
        page.resize((1440, 900), dark)
        assert_nothing_found(page, CONTRASTS, "what STOP has done")
    assert page.run("window.hit ?? 0") == 0
    assert page.errors == []
    page.click("[data-page=rig]")
    os.kill(rig.node("/panel"), signal.SIGKILL)
    page.until("document.body.dataset.connection === 'lost'")
    look("no connection")
    assert rig.stop() == 0
    assert link_of(rig)
