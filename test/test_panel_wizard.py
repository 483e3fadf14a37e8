"""From nothing to a finished session by the page only; in a browser, without which it is skipped."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
from browser import Browser, Page
from panel_tools import (
    assert_can_be_used,
    barriers_in_all_looks,
    choose,
    link_of,
    needs_chromium,
    save_drawing,
    step,
    write,
)
from rig_tools import RigUnderTest
from wizard_tools import SIZE, make_folder, serve

from dlstream_recorder import read_session

pytestmark = needs_chromium


def on_sheet(page: Page, x: float, y: float) -> list[float]:
    left, top, width, height = page.box("document.querySelector('.drawing')")
    return [left + (x + 0.5) / SIZE[0] * width, top + (y + 0.5) / SIZE[1] * height]


def test_from_nothing_to_a_finished_session_by_the_page_only(tmp_path, chromium):
    folder = make_folder(tmp_path / "own")
    with serve(folder) as served:
        page = from_nothing_to_a_finished_session(served, folder, chromium)
        a_rig_that_the_page_has_started_ends_with_it_and_finishes_its_session(served, folder, chromium, page)


def from_nothing_to_a_finished_session(served: RigUnderTest, folder: Path, chromium: Browser) -> Page:
    """From the video to a session of the files that were written; the page."""
    page = chromium.open(link_of(served))
    barriers: list[str] = []

    def look(what: str) -> None:
        barriers.extend(barriers_in_all_looks(page, what))

    # The video is found, and its picture shown.
    page.until("document.getElementById('w-video').value === 'mouse.mp4'")
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    look("camera")
    page.click("#step-next")
    page.until("document.getElementById('w-keypoints').innerText.includes('neck')")
    look("network")
    page.click("#step-next")
    choose(page, "w-template", "demo")
    page.until("document.querySelectorAll('.w-field').length > 10")
    # An answer that does not fit is told where it is, and can be changed.
    hits = "w-field-protocol.max_hits"
    write(page, hits, "none")
    wrong = f"document.getElementById('{hits}').getAttribute('aria-invalid') === 'true'"
    page.until(wrong)
    look("a value that does not fit")
    assert_can_be_used(page)
    step(page, "files")
    page.until("document.getElementById('step-problems').innerText.includes('max_hits')")
    assert page.run("document.getElementById('w-write').disabled")
    step(page, "protocol")
    page.run(f"(f => {{ f.focus(); f.select(); }})(document.getElementById('{hits}'))")
    page.type("1000")
    # A page that is loaded again has every answer, also the one that was just being typed, and stands where it stood.
    page.call("Page.reload")
    page.until(f"document.getElementById('{hits}').value === '1000'")
    page.until(f"!({wrong})")
    step(page, "outputs")
    page.until("document.querySelector('#w-outputs select').value === 'log'")
    look("outputs")
    # The regions are drawn on a frame of the video.
    step(page, "regions")
    look("regions")
    page.click("#w-draw")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.until("document.querySelector('#stage canvas').width === 320")
    text = "document.getElementById('region-text').innerText"
    page.click("#region-list button")
    page.until(f"{text}.startsWith('right: {{type: circle')")
    page.press("Delete")
    page.press("r")
    page.drag(on_sheet(page, 160, 20), on_sheet(page, 300, 220))
    page.until(f"{text} === 'region_1: {{type: rectangle, left: 160, top: 20, right: 300, bottom: 220}}'")
    write(page, "region-name", "right")
    page.until(f"{text}.startsWith('right: {{type: rectangle')")
    page.click("#save-regions")
    page.until("document.getElementById('save-state').innerText === 'As the wizard has them.'")
    look("drawing")
    page.click("#back-to-wizard a")
    page.until("document.getElementById('w-regions').innerText.includes('left: 160, top: 20')")
    # In words and as a diagram.
    step(page, "read")
    page.until("document.getElementById('w-words').innerText.includes('started 1000 times')")
    assert page.run("document.querySelectorAll('#w-diagram .state-box').length") == 4
    assert "inside 'right'" in page.run("document.getElementById('w-parts').innerText")
    look("read")
    # Nothing is overwritten.
    step(page, "files")
    write(page, "w-rig-file", "theirs.yaml")
    page.until("document.getElementById('step-problems').innerText.includes('not overwritten')")
    write(page, "w-rig-file", "mine.yaml")
    page.until("document.getElementById('step-problems').hidden")
    assert_can_be_used(page)
    assert not (folder / "mine.yaml").exists()
    page.click("#w-write")
    page.until("document.getElementById('w-written').innerText.startsWith('Written: mine.yaml')")
    assert "right: {type: rectangle, left: 160, top: 20" in (folder / "my_experiment.yaml").read_text()
    # It runs, and its own page is reached.
    write(page, "w-subject", "M12")
    page.click("#w-run")
    page.until("!document.getElementById('w-link').hidden")
    rig = chromium.open(page.run("document.getElementById('w-link').href"))
    rig.until("document.querySelector('.camera').dataset.live === 'yes'")
    rig.until("document.getElementById('state').innerText.length > 0")
    look("running")
    assert page.run("document.getElementById('w-write').disabled"), "what runs is not changed"
    # The page Sessions, open meanwhile, says when the session has ended.
    other = chromium.open(link_of(served))
    other.click("[data-page=sessions]")
    facts = "document.getElementById('session-facts').innerText.includes('{}')"
    other.until(facts.format("unfinished"))
    page.click("#w-end")
    page.until("!document.getElementById('w-session').hidden")
    other.until(facts.format("complete"))
    page.click("#w-session")
    page.until("document.getElementById('session-name').innerText.length > 0")
    page.until("document.querySelector('#session-list b').innerText === 'M12'")
    [session] = (folder / "sessions").iterdir()
    assert read_session(session)["complete"]
    # In its frames regions can be drawn as well.
    number = page.run("document.querySelector('#session-list tr').dataset.key")
    frame = f"fetch('/api/sessions/{number}/frame?camera=top&at=1').then(a => a.headers.get('X-Frame'))"
    assert " of " in page.run(frame)
    assert not barriers, "\n".join(barriers)
    assert page.errors == []
    return page


def two_cameras(served: RigUnderTest, chromium: Browser, template: str, shapes: int) -> Page:
    """A new page of the cameras top and side, where the regions and points of a template are drawn."""
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    page.click("#w-add-camera")
    page.until("document.querySelectorAll('#w-cameras button').length === 2")
    page.until("document.getElementById('made-rig').innerText.includes('side: {source: video')")
    step(page, "protocol")
    choose(page, "w-template", template)
    page.until("document.querySelectorAll('.w-field').length > 5")
    step(page, "regions")
    page.click("#w-draw")
    page.until("document.querySelector('#stage canvas').width === 320")
    page.until(f"document.querySelectorAll('.drawing .shape, .drawing .aim').length === {shapes}")
    return page


def test_a_second_camera_has_regions_of_its_own_and_another_name_goes_everywhere(served, folder, chromium):
    page = two_cameras(served, chromium, "demo", 2)
    choose(page, "region-camera", "side")
    page.until("document.querySelectorAll('.drawing .shape').length === 0")
    page.press("c")
    page.press("Enter")
    page.click("#save-regions")
    page.until("document.getElementById('save-state').innerText === 'As the wizard has them.'")
    assert page.run("document.getElementById('region-camera').value") == "side"
    assert_can_be_used(page)
    page.click("#back-to-wizard a")
    text = "document.getElementById('made-experiment').innerText"
    page.until(f"{text}.includes('region_1: {{camera: side')")
    step(page, "camera")
    write(page, "w-camera-name", "flank")
    page.until(f"{text}.includes('region_1: {{camera: flank')")
    choose(page, "w-watched", "flank")
    page.until(f"{text}.includes('camera: flank ') && {text}.includes('camera: top')")
    assert_can_be_used(page)
    choose(page, "w-watched", "top")
    page.until(f"{text}.includes('region_1: {{camera: flank')")
    page.click("#w-remove-camera")
    page.until(f"!{text}.includes('flank') && !{text}.includes('region_1')")
    assert page.run("document.querySelectorAll('#w-cameras button').length") == 1
    assert page.errors == []


def test_where_an_answer_is_lost_the_page_asks_again_and_does_not_show_an_old_one(served, folder, chromium):
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    first = "if (a === '/api/wizard-look' && !window.lost) { window.lost = true; throw new TypeError('lost'); }"
    wrapped = f"async (a, b) => {{ const answer = await real(a, b); {first} return answer; }}"
    page.run(f"((real) => {{ window.fetch = {wrapped}; }})(fetch)")
    step(page, "protocol")
    choose(page, "w-template", "demo")
    page.until("window.lost")
    page.until("document.querySelectorAll('.w-field').length > 10")
    # The last one counts of many that come faster than they are answered, as by an arrow key that is held down.
    for template in ("example", "optogenetic", "speed", "staged", "demo"):
        choose(page, "w-template", template)
    page.until("document.getElementById('made-experiment').innerText.includes(\"the template 'demo'\")")
    assert page.errors == []


def test_what_is_changed_while_the_files_are_written_is_not_said_to_be_in_them(served, folder, chromium):
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    hold = "if (a === '/api/wizard-write') await new Promise((go) => { window.release = go; });"
    page.run(f"((real) => {{ window.fetch = async (a, b) => {{ {hold} return real(a, b); }}; }})(fetch)")
    step(page, "protocol")
    choose(page, "w-template", "demo")
    page.until("document.querySelectorAll('.w-field').length > 10")
    step(page, "files")
    for field, name in (("w-rig-file", "changed.yaml"), ("w-experiment-file", "changed_experiment.yaml")):
        write(page, field, name)
    said = "document.getElementById('w-written').innerText"
    page.until("document.getElementById('made-rig-name').innerText === 'changed.yaml'")
    page.click("#w-write")
    page.until("Boolean(window.release)")
    write(page, "w-rig", "renamed")
    page.until("document.getElementById('made-rig').innerText.includes('renamed')")
    assert page.run("document.getElementById('w-write').disabled"), "one at a time"
    page.run("window.release(); 0")
    page.until("document.getElementById('messages').innerText.includes('write them again')")
    page.until(f"{said} === 'Everything fits.'")
    assert page.run("document.getElementById('w-run').disabled")
    assert "renamed" not in (folder / "changed.yaml").read_text()
    page.run("window.release = null; 0")
    page.click("#w-write")
    page.until("Boolean(window.release)")
    page.run("window.release(); 0")
    page.until(f"{said}.startsWith('Written: changed.yaml')")
    assert "renamed" in (folder / "changed.yaml").read_text()
    page.until("!document.getElementById('w-run').disabled")
    assert page.errors == []


def test_an_answer_that_can_not_be_shown_keeps_no_later_one_from_it(served, folder, chromium):
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    answer = json.dumps({"drawing": {"regions": {"a": {}}, "points": {}}})
    broken = f"window.broken = true; return new Response({json.dumps(answer)});"
    wrapped = f"async (a, b) => {{ if (a === '/api/wizard-look' && !window.broken) {{ {broken} }} return real(a, b); }}"
    page.run(f"((real) => {{ window.fetch = {wrapped}; }})(fetch)")
    step(page, "protocol")
    choose(page, "w-template", "demo")
    page.until("window.broken")
    choose(page, "w-template", "optogenetic")
    page.until("document.getElementById('made-experiment').innerText.includes(\"the template 'optogenetic'\")")


def another_key(page: Page, text: str) -> None:
    """Adds a key of the experiment at the step Protocol."""
    page.run("document.getElementById('w-more-key').focus()")
    page.type(text)
    page.press("Enter")


def test_what_was_typed_is_taken_back_by_an_empty_text(served, folder, chromium):
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    step(page, "protocol")
    choose(page, "w-template", "demo")
    page.until("document.querySelectorAll('.w-field').length > 10")
    page.until("document.getElementById('step-problems').hidden")
    another_key(page, "sede=7")
    page.until("document.getElementById('step-problems').innerText.includes('sede')")
    another_key(page, "sede=")
    page.until("document.getElementById('step-problems').hidden")
    field = "document.getElementById('w-field-protocol.max_hits')"
    before = page.run(f"{field}.value")
    choose(page, "w-field-protocol.max_hits", "none")
    page.until(f"{field}.getAttribute('aria-invalid') === 'true'")
    choose(page, "w-field-protocol.max_hits", "")
    page.until(f"{field}.value === '{before}' && {field}.getAttribute('aria-invalid') === 'false'")
    assert page.errors == []


def test_what_is_drawn_counts_where_another_value_was_typed_for_it_before(served, folder, chromium):
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-picture').naturalWidth === 320")
    step(page, "protocol")
    choose(page, "w-template", "demo")
    page.until("document.querySelectorAll('.w-field').length > 10")
    text = "document.getElementById('made-experiment').innerText"
    another_key(page, "regions.left.radius=50")
    page.until(f"{text}.includes('radius: 50')")
    another_key(page, "seed=7")
    page.until(f"{text}.includes('seed: 7')")
    step(page, "regions")
    page.click("#w-draw")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.click('#region-list > [data-key="region left"] button')
    page.until("document.getElementById('region-text').innerText.includes('radius: 50')")
    radius = "[...document.querySelectorAll('#region-numbers input')].at(-1)"
    page.run(f"(f => {{ f.value = '33'; f.dispatchEvent(new Event('change')); }})({radius})")
    page.until("document.getElementById('region-text').innerText.includes('radius: 33')")
    save_drawing(page)
    page.until(f"{text}.includes('radius: 33') && !{text}.includes('radius: 50')")
    assert page.run(f"{text}.includes('seed: 7')"), "what else was typed stays"
    assert page.errors == []


def test_a_camera_keeps_its_name_where_the_new_one_is_empty_or_taken(served, folder, chromium):
    page = two_cameras(served, chromium, "demo", 2)
    choose(page, "region-camera", "side")
    page.until("document.querySelectorAll('.drawing .shape').length === 0")
    page.press("c")
    page.press("Enter")
    save_drawing(page)
    text = "document.getElementById('made-experiment').innerText"
    page.until(f"{text}.includes('region_1: {{camera: side')")
    step(page, "camera")
    told = "document.getElementById('messages').innerText"
    for name, words in (("", "needs a name"), (" ", "needs a name"), ("top", "has the name top")):
        page.run(f"document.getElementById('w-camera-name').value = '{name}'")
        page.run("document.getElementById('w-camera-name').dispatchEvent(new Event('change'))")
        page.until(f"{told}.includes('{words}')")
        assert page.run("document.getElementById('w-camera-name').value") == "side"
    write(page, "w-camera-name", "flank")
    page.until(f"{text}.includes('region_1: {{camera: flank')")
    assert page.run(f"{text}.includes('camera: top ')"), "the experiment watches the camera that it watched"
    assert page.run(f"{text}.match(/camera: flank/g).length") == 1, "nothing of the other camera has moved"
    assert page.errors == []


def test_a_point_stays_on_the_camera_on_which_it_was_set(served, folder, chromium):
    page = two_cameras(served, chromium, "optogenetic", 1)
    page.drag(on_sheet(page, 160, 120), on_sheet(page, 100, 60))
    save_drawing(page)
    text = "document.getElementById('made-experiment').innerText"
    page.until(f"{text}.includes('point: [100, 60]')")
    trigger = f"{text}.split('\\n').find(line => line.includes('points_there:'))"
    assert not page.run(f"{trigger}.includes('camera')")
    step(page, "camera")
    choose(page, "w-watched", "side")
    page.until(f"{text}.includes('camera: side')")
    assert page.run(f"{trigger}.includes('camera: top')")
    page.click("#w-remove-camera")
    page.until(f"!{text}.includes('camera: side')")
    assert page.run(f"{text}.includes('point: [100, 60]')")
    assert page.errors == []


def test_a_camera_shows_the_picture_that_it_took(served, folder, chromium):
    page = chromium.open(link_of(served))
    page.until("document.getElementById('w-video').value === 'mouse.mp4'")
    page.click("[name=w-kind][value=synthetic]")
    page.until("document.getElementById('w-picture').hidden")
    page.click("#w-picture-button")
    page.until("!document.getElementById('w-picture').hidden && document.getElementById('w-picture').naturalWidth > 0")
    assert page.errors == []


def test_strangers_and_paths_get_nothing(served, folder):
    address = link_of(served)
    own = {"Origin": address.rstrip("/"), "Content-Type": "application/json"}
    body = json.dumps({"rig_file": "theirs.yaml"})

    async def ask(method: str, path: str, headers: dict[str, str], data: str | None = None) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session:
            asked = session.request(method, address.rstrip("/") + path, headers=headers, data=data)
            async with asked as answer:
                return answer.status, await answer.text()

    def status(method: str, path: str, headers: dict[str, str], data: str | None = None) -> int:
        return asyncio.run(ask(method, path, headers, data))[0]

    for name in ("wizard-run", "wizard-write", "wizard-look", "wizard-picture"):
        assert status("POST", f"/api/{name}", own | {"Origin": "http://evil.example"}, body) == 403
        assert status("POST", f"/api/{name}", own | {"Content-Type": "text/plain"}, body) == 415
        assert status("POST", f"/api/{name}", own | {"Host": "evil.example"}, body) == 421
        assert status("POST", f"/api/{name}", own, "{}") == 400
    assert asyncio.run(ask("POST", "/api/wizard-run", own, body))[0] == 409, "a file that was not written here"
    for video in ("../lab/mouse.mp4", str(folder / "mouse.mp4"), "theirs.yaml", "%2e%2e%2fmouse.mp4"):
        assert status("GET", f"/api/wizard/frame?video={video}", {}) == 409
    for request in ("stop", "arm", "run", "regions", "calibration"):
        assert status("POST", f"/api/{request}", own, "{}") in (400, 409)
    assert (folder / "theirs.yaml").read_text() == "of somebody else\n"


def a_rig_that_the_page_has_started_ends_with_it_and_finishes_its_session(
    served: RigUnderTest, folder: Path, chromium: Browser, page: Page
) -> None:
    """Runs the files again, and ends the server meanwhile."""
    page.click("[data-page=wizard]")
    page.until("!document.getElementById('w-run').disabled")
    page.click("#w-run")
    page.until("!document.getElementById('w-link').hidden")
    rig = chromium.open(page.run("document.getElementById('w-link').href"))
    rig.until("document.querySelector('.camera').dataset.live === 'yes'")
    # Its regions are drawn on the live picture, or on any frame of the session before.
    rig.click("[data-page=regions]")
    rig.until("document.getElementById('stage').dataset.ground === 'live'")
    rig.until("document.querySelectorAll('#region-source option').length >= 2")
    # The last one is the oldest: the session that is being recorded just now need not have a frame on the disk yet.
    choose(rig, "region-source", rig.run("[...document.querySelectorAll('#region-source option')].at(-1).value"))
    rig.until("document.getElementById('region-frame').innerText.startsWith('frame 0 of ')")
    rig.run("(m => { m.value = 1000; m.dispatchEvent(new Event('input')); })(document.getElementById('region-moment'))")
    rig.until("!document.getElementById('region-frame').innerText.startsWith('frame 0 of ')")
    assert rig.run("document.getElementById('stage').dataset.ground") == "still"
    assert_can_be_used(rig)
    assert served.stop() == 0
    sessions = list((folder / "sessions").iterdir())
    assert len(sessions) == 2
    assert all(read_session(session)["complete"] for session in sessions)
