"""The panel's pages of regions, sessions and checks; in a browser, without which it is skipped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from browser import Page
from panel_tools import (
    BY_HAND,
    assert_can_be_used,
    barriers_in_all_looks,
    needs_chromium,
    on_picture,
)

pytestmark = needs_chromium


def test_a_region_is_drawn_saved_in_one_line_and_used_by_the_next_run(open_panel):
    rig, page = open_panel(BY_HAND)
    file = rig.folder / "experiment.yaml"
    old = file.read_text()
    text = "document.getElementById('region-text').innerText"
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'off'")
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.until("document.querySelector('#stage canvas').width === 320")
    page.point(on_picture(page, 40, 60))
    page.until(f"{text} === 'left: {{type: rectangle, left: 0, top: 0, right: 159, bottom: 239}}'")
    page.drag(on_picture(page, 159, 119.5), on_picture(page, 120, 90))
    page.until(f"{text} === 'left: {{type: rectangle, left: 0, top: 0, right: 120, bottom: 239}}'")
    page.press("z", control=True)
    page.until(f"{text}.includes('right: 159')")
    page.press("y", control=True)
    page.click("#save-regions")
    page.was_told("the experiment has taken it over")
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    assert file.read_text() == old.replace("right: 159", "right: 120")
    # A polygon by the mouse, and an ellipse by keys alone.
    page.press("p")
    for x, y in ((60, 130), (160, 130), (160, 200), (60, 200)):
        page.point(on_picture(page, x, y))
    page.press("Enter")
    page.until(
        f"{text}.includes('region_1: {{type: polygon, points: [[60, 130], [160, 130], [160, 200], [60, 200]]}}')"
    )
    page.press("e")
    page.press("Enter")
    page.press("ArrowLeft")
    page.until(f"{text}.includes('region_2: {{type: ellipse, center: [159, 120]')")
    page.press("Delete")
    page.until("document.querySelectorAll('.drawing .shape').length === 3")
    # The file was changed meanwhile: what is drawn stays on the page, and what the other hand wrote in the file.
    file.write_text("# by an editor\n" + file.read_text())
    page.click("#save-regions")
    page.until("document.getElementById('region-problem').innerText.includes('has changed since this page read it')")
    assert "region_1" not in file.read_text()
    page.click("#discard-regions")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.click("[data-page=rig]")
    page.click("[data-key=experiment] button")
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'ok'")
    page.click("[data-page=regions]")
    page.press("r")
    page.drag(on_picture(page, 60, 130), on_picture(page, 160, 200))
    page.until("document.getElementById('save-state').innerText.startsWith('A run is on')")
    assert page.run("document.getElementById('save-regions').disabled")
    request = "{method: 'POST', headers: {'Content-Type': 'application/json'}, body}"
    body = "JSON.stringify({hash: '0'.repeat(64), regions: {}})"
    answer = page.run(f"(body => fetch('/api/regions', {request}).then(answer => answer.json()))({body})")
    assert answer["error"].startswith("a run is on")
    assert_can_be_used(page)
    assert rig.stop() == 0
    starts = [line for line in (rig.session / "journal.jsonl").read_text().splitlines() if '"start"' in line]
    assert len(starts) == 1
    assert "right: 120" in starts[0]


def find_m12(page: Page) -> None:
    """Searches for the one session of this subject."""
    page.run("document.getElementById('session-search').select()")
    page.type("m12")
    page.until("document.querySelectorAll('#session-list tr').length === 1")
    page.click("#session-list button")
    page.until("document.getElementById('session-name').innerText === '2026-11-01_M12'")


def test_sessions_are_found_and_read_and_checks_run_where_no_run_is_on(open_panel, tmp_path):
    old = tmp_path / "sessions" / "2026-11-01_M12"
    shutil.copytree(Path(__file__).parents[1] / "dlstream" / "test" / "data" / "session_of_0.1_every", old)
    about = json.loads((old / "session.json").read_text())
    about |= {
        "session": old.name,
        "created": "2026-11-01T10:00:00+00:00",
        "metadata": {"subject": {"subject_id": "M12"}},
    }
    (old / "session.json").write_text(json.dumps(about))
    rig, page = open_panel(BY_HAND, words=["--allow-python"])  # the old session has a trigger of its own
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'off'")
    page.click("[data-page=sessions]")
    page.until("document.querySelectorAll('#session-list tr').length === 2")
    page.until("document.querySelector('#session-list tr').innerText.includes('recording now')")
    find_m12(page)
    link = "document.querySelector('#session-tables a[download=\"events.csv\"]').href"
    assert page.run(f"fetch({link}).then(answer => answer.text())") == (old / "events.csv").read_text()
    page.until("!document.getElementById('make-report').disabled")
    page.click("#make-report")
    page.until("document.querySelectorAll('#session-pictures img').length > 0")
    assert "Events" in page.until("document.getElementById('report-text').innerText")
    page.until("[...document.querySelectorAll('#session-pictures img')].every(image => image.naturalWidth > 100)")
    page.until("!document.getElementById('replay-same').disabled")
    page.click("#replay-same")
    same = "document.getElementById('replay-same').disabled"
    page.until(f"{same} || document.getElementById('report-text').innerText.includes('identical: ')")
    page.reload()  # in the middle of it, or after it
    page.until("document.getElementById('session-name').innerText !== ''")
    find_m12(page)
    page.until("document.getElementById('report-text').innerText.includes('identical: ')")
    # It is told of its own session alone.
    clear = "(f => { f.value = ''; f.dispatchEvent(new Event('input')); })"
    page.run(f"{clear}(document.getElementById('session-search'))")
    page.until("document.querySelectorAll('#session-list tr').length === 2")
    page.click("#session-list tr:first-child button")
    page.until("document.getElementById('session-name').innerText !== '2026-11-01_M12'")
    assert page.run("document.getElementById('report-text').hidden")
    find_m12(page)
    page.until("!document.getElementById('what-if').disabled")
    for field, text in (("what-parameter", "triggers.in_left.dwell"), ("what-value", "2.5")):
        page.run(f"document.getElementById('{field}').focus()")
        page.type(text)
    page.press("Enter")  # Show, not the replay as it ran
    page.until("document.getElementById('report-text').innerText.includes('Triggers with triggers.in_left.dwell=2.5')")
    assert_can_be_used(page)
    assert barriers_in_all_looks(page, "a session with a replay") == []
    page.click("[data-page=checks]")
    page.click("[data-check=check] button")
    page.until("document.querySelector('[data-check=check]').dataset.end === 'good'")
    page.until("document.getElementById('job-text').innerText.includes('is valid')")
    page.click("[data-check=bench] button")  # the longest one
    page.click("#end-job")
    page.until("document.querySelector('[data-check=bench]').dataset.end === 'bad'")
    assert_can_be_used(page)
    assert barriers_in_all_looks(page, "a check that has ended") == []
    page.click("[data-page=rig]")
    page.click("[data-key=experiment] button")
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'ok'")
    page.click("[data-page=checks]")
    page.until("!document.getElementById('checks-locked').hidden")
    assert page.run("document.querySelector('[data-check=bench] button').disabled")
    request = "{method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{\"what\": \"bench\"}'}"
    answer = page.run(f"fetch('/api/start-job', {request}).then(answer => answer.json())")
    assert answer["error"].startswith("a run is on")
    assert rig.stop() == 0


LASER = "  laser: {type: log, manual_timeout: 600, calibration: {power: {0.2: 1.5, 1: 9.7}}}   # at the fibre\n"


def test_an_output_is_tested_and_its_measured_value_saved_into_the_rig_file(open_panel):
    rig, page = open_panel(BY_HAND, ("outputs:\n", f"outputs:\n{LASER}"))
    file = rig.folder / "rig.yaml"
    old = file.read_text()
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'off'")
    page.click("[data-page=outputs]")
    page.until("document.getElementById('calibrated').value === 'laser\\npower'")
    rows = "document.querySelectorAll('#calibration-rows tr')"
    page.until(f"{rows}.length === 2")
    # A level is tried, and what the meter shows is typed in beside it.
    page.click("#add-row")
    page.type("0.5")
    page.run("document.getElementById('test-seconds').value = 300")
    page.click("#calibration-rows tr:last-child .row-test")
    laser = "document.querySelector('#all-outputs [data-key=laser] .what').innerText"
    page.until(f"{laser} === 'on level=0.5 · armed'")
    page.click("#stop")
    page.until(f"{laser} === 'off · disarmed'")
    assert page.run("document.querySelector('.row-test').disabled"), "a disarmed output is not tested"
    page.run(f"{rows}[2].querySelectorAll('input')[1].focus()")
    page.type("0.4")
    page.click("#save-calibration")
    page.until("document.getElementById('calibration-problem').innerText.includes('more mW at each higher setting')")
    assert file.read_text() == old
    page.run(f"{rows}[2].querySelectorAll('input')[1].select()")
    page.type("4.1")
    page.click("#save-calibration")
    page.was_told("the rig uses it from its next start on")
    page.until("document.getElementById('calibration-state').innerText.startsWith('As in rig.yaml')")
    assert file.read_text() == old.replace("{0.2: 1.5, 1: 9.7}", "{0.2: 1.5, 0.5: 4.1, 1: 9.7}")
    assert_can_be_used(page)
    # Not while a run is on.
    for output in ("laser", "screen"):
        page.click(f"#all-outputs [data-key={output}] .arm")
        page.until(f"document.querySelector('#all-outputs [data-key={output}] .what').innerText === 'off · armed'")
    page.click("[data-page=rig]")
    page.click("[data-key=experiment] button")
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'ok'")
    page.click("[data-page=outputs]")
    page.until("document.getElementById('calibration-state').innerText.startsWith('A run is on')")
    request = "{method: 'POST', headers: {'Content-Type': 'application/json'}, body}"
    body = "JSON.stringify({hash: '0'.repeat(64), output: 'laser', quantity: 'power', rows: []})"
    answer = page.run(f"(body => fetch('/api/calibration', {request}).then(answer => answer.json()))({body})")
    assert answer["error"].startswith("a run is on")
    assert rig.stop() == 0
