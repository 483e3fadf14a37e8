"""The panel of a whole rig in a real browser. Skipped without Chromium, which `make simulators` installs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from csv import DictReader
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, Page, axe, program
from rig_tools import PATIENCE, RigUnderTest, recorded

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium; `make simulators` installs it")

PANEL = ("recorder: {", "panel: {port: 0}\nrecorder: {")
BY_HAND = ("output_timeout: 60", "output_timeout: 60, autostart_run: false")
OFF_BY_HAND = ("offscreen: true", "offscreen: true\n    manual_timeout: 600")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    chromium = Browser(tmp_path)
    yield chromium
    chromium.close()


@pytest.fixture
def open_panel(browser: Browser, write_rig: Any, start: Any) -> Callable[..., tuple[RigUnderTest, Page]]:
    """A running rig and its page, once pictures are shown."""

    def begin(*replacements: tuple[str, str]) -> tuple[RigUnderTest, Page]:
        rig = start("run", str(write_rig(PANEL, *replacements)))
        page = browser.open(link_of(rig))
        page.until("document.body.dataset.connection === 'open'")
        page.until("document.querySelector('.camera').dataset.live === 'yes'")
        return rig, page

    return begin


def link_of(rig: RigUnderTest, role: str = "") -> str:
    rig.saw("[panel] open http")
    found = re.search(rf"open (\S+){f'   .{role}.' if role else ''}", rig.output)
    assert found is not None
    return found[1]


def events(rig: RigUnderTest) -> list[dict[str, str]]:
    """The rows of the session's events.csv."""
    return list(DictReader((rig.session / "events.csv").read_text().splitlines()))


def wait_until(condition: Callable[[], object], rig: RigUnderTest) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, rig.output
        time.sleep(0.05)


def test_the_page_shows_the_rig_and_stop_ends_the_run_and_disarms(open_panel):
    rig, page = open_panel()
    page.until("document.getElementById('phase').innerText.includes('test: running')")
    page.until("document.querySelector('figcaption').innerText.includes('of 30 fps')")
    page.until("Number(document.querySelector('#latency-text').innerText.match(/p50 (\\d+)/)?.[1]) > 0")
    colours = "new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    assert page.run(f"(c => {colours})(document.querySelector('.picture canvas'))") > 50, "a picture, not a plain area"
    page.until("document.querySelectorAll('#triggers li').length === 2")
    page.until("document.querySelector('#outputs .what').innerText.includes('armed')")
    page.until("document.querySelector('#rows [data-key=recording] .what').innerText.includes('recording')")
    page.press("s")
    page.until("document.querySelector('#outputs .what').innerText === 'off · disarmed'")
    page.until("document.getElementById('phase').innerText.includes('test: finished')")
    page.until("document.getElementById('messages').innerText.includes('the run has ended')")
    page.until("document.querySelector('#outputs .answer').innerText.includes('STOP on the panel')")
    wait_until(lambda: any(row["kind"] == "mark" and row["name"] == "STOP" for row in events(rig)), rig)
    page.click("#outputs .arm")
    page.until("document.querySelector('#outputs .what').innerText === 'off · armed'")
    assert page.errors == []
    assert rig.stop() == 0


def test_each_picture_has_the_poses_and_regions_of_that_very_frame(open_panel, observer, wait_for):
    from dlstream_common.ros import POSE, stamp_from_message
    from dlstream_msgs.msg import Event, FramePoses

    poses: list[FramePoses] = observer.collect(FramePoses, "/top/pose", POSE)
    changes: list[Event] = observer.collect(Event, "/experiment/events", POSE)
    rig, page = open_panel()
    wait_for(lambda: poses, "poses")
    first = stamp_from_message(poses[0].header.stamp)
    page.run("window.shown = []")
    page.run("document.getElementById('cameras').addEventListener('drawn', (event) => shown.push(event.detail))")
    wait_for(lambda: len([event for event in changes if event.kind == "trigger_rose"]) > 3, "visits")
    every = [head for head in page.run("shown") if head["stamp"] * 1e6 > first]
    shown = [head for head in every if head["poses"]]  # a frame that the pose node left out has none
    assert len(shown) > max(20, 0.8 * len(every))
    by_sequence = {message.sequence: message for message in list(poses)}
    for head in shown:
        message = by_sequence[head["poses"]["sequence"]]
        assert abs(head["stamp"] - stamp_from_message(message.header.stamp) / 1e6) < 0.001, "the picture's own time"
        animal = message.individuals[0]
        for point, x, y in zip(head["poses"]["individuals"][0]["points"], animal.x, animal.y, strict=True):
            assert point is None or (abs(point[0] - x) <= 0.051 and abs(point[1] - y) <= 0.051)
    decided = [(event.frame_stamp, event) for event in list(changes) if event.kind.startswith("trigger_")]
    times = [stamp_from_message(stamp) / 1e6 for stamp, _ in decided]

    def active(stamp: float) -> set[str]:
        """The regions of the triggers that were true on the frame of this time, by the experiment's events."""
        known: dict[str, bool] = {}
        for time_of, (_, event) in zip(times, decided, strict=True):
            if time_of <= stamp + 0.001:
                known[event.name.removeprefix("in_")] = event.kind == "trigger_rose"
        return {name for name, value in known.items() if value}

    in_run = [head for head in shown if times[0] <= head["stamp"] <= times[-1]]
    # A decision that a busy machine takes more than 10 ms for is seen on the next picture.
    right = sum(set(head["active"]) == active(head["stamp"]) for head in in_run)
    assert right >= 0.9 * len(in_run), f"{right} of {len(in_run)} with the regions of that very frame"
    assert rig.stop() == 0


def test_rows_follow_the_nodes_and_a_test_is_timed_by_the_output(open_panel):
    rig, page = open_panel(BY_HAND, OFF_BY_HAND)
    state = "document.querySelector('#rows [data-key={}]').dataset.level === '{}'"
    page.until(state.format("experiment", "off"))
    page.click("summary")
    page.run("document.querySelector('#outputs input[name=seconds]').value = 300")
    page.click(".test button")
    page.until("document.getElementById('messages').innerText.includes('expected')")  # nothing to show was chosen
    page.run("document.querySelector('#outputs select[name=image]').value = 'left'")
    page.click(".test button")
    page.until("document.querySelector('#outputs .what').innerText === 'show image=left · armed'")
    page.click("#stop")
    page.until("document.querySelector('#outputs .what').innerText === 'off · disarmed'")
    page.until("document.getElementById('messages').innerText.includes('no run was in progress')")
    page.click("#outputs .arm")
    page.until("document.querySelector('#outputs .what').innerText === 'off · armed'")
    page.click("[data-key=camera] button")
    page.until(state.format("camera", "off"))
    page.until("document.querySelector('.veil').innerText.startsWith('stream is stopped')")
    page.click("[data-key=camera] button")
    page.until("document.querySelector('.camera').dataset.live === 'yes'")
    page.click("[data-key=experiment] button")
    page.until(state.format("experiment", "ok"))
    page.until("document.querySelector('[data-key=camera] button').disabled")
    assert page.run("document.querySelector('.test fieldset').disabled"), "no test in a run"
    page.click("[data-key=experiment] button")
    page.until(state.format("experiment", "off"))
    assert len(page.errors) == 1, page.errors
    assert "409" in page.errors[0], "the test that was refused"
    assert rig.stop() == 0


def test_notes_and_marks_by_key_are_in_the_session_with_the_time_of_the_key(open_panel):
    rig, page = open_panel()
    recorded(rig, 10)
    before = time.time_ns()
    page.press("m")
    after = time.time_ns()
    page.type("injection")
    page.press("Enter")
    page.press("n")  # at once: the mark may not have been answered yet
    page.type("the lamp was moved <b>now</b>")
    page.press("Enter")
    page.until("document.getElementById('log').innerText.includes('<b>now</b>')")
    page.until("document.getElementById('log').innerText.includes('injection')")
    assert rig.stop() == 0
    [mark] = [row for row in events(rig) if row["kind"] == "mark"]
    [note] = [row for row in events(rig) if row["kind"] == "note"]
    assert mark["name"] == "injection"
    assert before - 50_000_000 <= int(mark["stamp_ns"]) <= after + 50_000_000, "when the key was pressed"
    assert (note["name"], "the lamp was moved <b>now</b>" in str(note)) == ("operator", True)


def test_a_session_is_asked_for_and_nothing_of_the_last_one_is_kept(open_panel):
    rig, page = open_panel(("recorder: {", "recorder: {start: service, "), BY_HAND)
    state = "document.querySelector('#rows [data-key=recording]').dataset.level === '{}'"
    subject = "document.querySelector('#session-form [name=subject]')"
    page.until(state.format("off"))
    page.click("[data-key=recording] button")
    page.until("document.getElementById('session').open")
    assert page.run(CONTRASTS) == []
    page.run(f"{subject}.focus()")
    page.type("M12")
    page.click("#session-form .primary")
    page.until(state.format("ok"))
    page.until("document.getElementById('folder').innerText.includes('writing to')")
    recorded(rig, 5)
    page.click("[data-key=recording] button")
    page.until(state.format("off"))
    assert "M12" in str(rig.about()["metadata"])
    page.click("[data-key=recording] button")
    page.until("document.getElementById('session').open")
    assert page.run(f"{subject}.value") == "", "never yesterday's animal"
    page.press("Escape")
    assert rig.stop() == 0


def test_the_death_of_the_panel_changes_nothing_in_the_run(open_panel):
    rig, page = open_panel()
    recorded(rig, 10)
    os.kill(rig.node("/panel"), signal.SIGKILL)
    rig.saw("/panel was killed by SIGKILL; the rig continues without it")
    page.until("document.body.dataset.connection === 'lost'")
    page.until("document.querySelector('.veil').innerText === 'no connection'")
    assert not page.run("document.getElementById('banner').hidden")
    page.press("s")
    page.until("document.getElementById('messages').innerText.includes('no connection to the rig: nothing was done')")
    frames = len((rig.session / "top.frames.csv").read_bytes().splitlines())
    recorded(rig, frames + 60)
    assert "experiment_ended" not in rig.output
    assert rig.stop() == 0
    assert rig.about()["summary"]["frames_dropped"] == 0
    ended = [row for row in events(rig) if row["kind"] == "experiment_ended"]
    assert len(ended) == 1, "only as the rig was stopped"


def test_what_dies_is_shown_and_a_reload_shows_the_truth(open_panel):
    rig, page = open_panel(("type: screen", "on_failure: continue\n    type: screen"))
    os.kill(rig.node("/outputs/screen"), signal.SIGKILL)
    shows = "document.querySelector('#outputs .what').innerText.includes('{}')"
    page.until(shows.format("what it does is not known"))
    page.go(link_of(rig))
    page.until(shows.format("not known"))
    page.until("document.getElementById('log').innerText.includes('was killed by SIGKILL')")
    rig.stop()


def test_a_token_opens_the_page_once_and_the_second_one_only_looks(open_panel, browser, tmp_path):
    rig, page = open_panel(("panel: {port: 0}", f"panel: {{port: 0, token: {tmp_path}/panel.token}}"))
    assert page.run("location.hash") == "", "the token stays in no history"
    assert page.run("document.cookie") == "", "no script sees the cookie"
    page.go(link_of(rig).partition("#")[0])
    page.until("document.querySelector('.camera')?.dataset.live === 'yes'")
    other = Browser(tmp_path / "other")
    try:
        stranger = other.open(link_of(rig).partition("#")[0])
        stranger.until("!document.getElementById('sign-in').hidden")
        assert stranger.run("document.getElementById('page').hidden")
        looking = other.open(link_of(rig, "view only"))
        looking.until("document.querySelector('.camera')?.dataset.live === 'yes'")
        looking.until("document.getElementById('stop').disabled")
        assert looking.run(
            "[...document.querySelectorAll('button')].filter(b => b.checkVisibility()).map(b => b.id)"
        ) == ["skip", "theme", "help-button", "stop", ""]
        request = "{method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'}"
        assert looking.run(f"fetch('/api/links', {request}).then(answer => answer.status)") == 403
        looking.press("s")
        status = "fetch('/api/stop', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
        assert looking.run(f"{status}.then(answer => answer.status)") == 403
        page.until("document.getElementById('phase').innerText.includes('test: running')")
    finally:
        other.close()
    assert rig.stop() == 0


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


def test_every_text_can_be_read_and_every_control_has_a_name_in_both_themes_and_sizes(open_panel):
    rig, page = open_panel()
    page.until("document.querySelectorAll('#triggers li').length === 2")
    page.click("summary")
    assert_can_be_used(page)
    page.press("?")
    page.until("document.getElementById('help').open")
    assert page.run(CONTRASTS) == []
    page.press("Escape")
    page.until("!document.getElementById('help').open")
    assert rig.stop() == 0


def on_picture(page: Page, x: float, y: float) -> Any:
    """Where a pixel of the picture that is drawn on lies in the window."""
    box = "document.querySelector('.drawing').getBoundingClientRect()"
    return page.run(f"(r => [r.x + ({x} + 0.5) / 320 * r.width, r.y + ({y} + 0.5) / 240 * r.height])({box})")


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
    page.until("document.getElementById('messages').innerText.includes('the experiment has taken it over')")
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


def assert_can_be_used(page: Page) -> None:
    """Every text can be read, every control has a name, and all has its place, in both themes and sizes."""
    for dark in (False, True):
        for size in ((1440, 900), (1024, 768)):
            page.resize(size, dark)
            assert page.run(CONTRASTS) == [], (size, dark)
            assert page.run(NAMES) == [], (size, dark)
            width, height = page.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert (width, height) == size, "everything has its place without scrolling the page"


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
    rig, page = open_panel(BY_HAND)
    page.until("document.querySelector('#rows [data-key=experiment]').dataset.level === 'off'")
    page.click("[data-page=sessions]")
    page.until("document.querySelectorAll('#session-list tr').length === 2")
    page.until("document.querySelector('#session-list tr').innerText.includes('recording now')")
    page.run("document.getElementById('session-search').focus()")
    page.type("m12")
    page.until("document.querySelectorAll('#session-list tr').length === 1")
    page.until("document.getElementById('session-name').innerText === '2026-11-01_M12'")
    link = "document.querySelector('#session-tables a[download=\"events.csv\"]').href"
    assert page.run(f"fetch({link}).then(answer => answer.text())") == (old / "events.csv").read_text()
    page.until("!document.getElementById('make-report').disabled")
    page.click("#make-report")
    page.until("document.querySelectorAll('#session-pictures img').length > 0")
    assert "Events" in page.until("document.getElementById('report-text').innerText")
    page.until("[...document.querySelectorAll('#session-pictures img')].every(image => image.naturalWidth > 100)")
    assert_can_be_used(page)
    page.click("[data-page=checks]")
    page.click("[data-check=check] button")
    page.until("document.querySelector('[data-check=check]').dataset.end === 'good'")
    page.until("document.getElementById('job-text').innerText.includes('is valid')")
    page.click("[data-check=camera] button")
    page.click("#end-job")
    page.until("document.querySelector('[data-check=camera]').dataset.end === 'bad'")
    assert_can_be_used(page)
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


@pytest.mark.skipif(axe() is None, reason="no axe; `make devices` installs it")
def test_axe_finds_nothing_on_any_page_in_either_theme(open_panel, browser, tmp_path):
    rig, page = open_panel(("panel: {port: 0}", f"panel: {{port: 0, token: {tmp_path}/panel.token}}"))
    page.until("document.querySelectorAll('#triggers li').length === 2")
    page.click("summary")
    barriers: list[str] = []

    def look(what: str) -> None:
        for dark in (False, True):
            page.resize((1024, 768) if dark else (1440, 900), dark)
            barriers.extend(f"{what}, {'dark' if dark else 'light'}: {found}" for found in page.barriers())

    look("rig")
    page.press("?")
    page.until("document.getElementById('help').open")
    look("help")
    page.press("Escape")
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
