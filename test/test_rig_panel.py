"""The panel of a whole rig in a real browser. Skipped without Chromium, which `make simulators` installs."""

from __future__ import annotations

import time

from browser import Browser
from panel_tools import (
    BY_HAND,
    CONTRASTS,
    OFF_BY_HAND,
    assert_nothing_found,
    events,
    link_of,
    needs_chromium,
    wait_until,
)
from rig_tools import recorded

pytestmark = needs_chromium


def test_the_page_shows_the_rig_and_stop_ends_the_run_and_disarms(open_panel):
    rig, page = open_panel()
    page.until("document.getElementById('phase').innerText.includes('test: running')")
    page.until("document.querySelector('figcaption').innerText.includes('of 30 fps')")
    page.until("Number(document.querySelector('#latency-text').innerText.match(/p50 (\\d+)/)?.[1]) > 0")
    colours = "new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    assert page.run(f"(c => {colours})(document.querySelector('.picture canvas'))") > 50, "a picture, not a plain area"
    page.until("document.querySelectorAll('#triggers li').length === 2")
    # What each trigger measures, with its threshold, and the protocol's present state.
    page.until("document.querySelector('#triggers .value').innerText === '1 of 1 keypoint'")
    page.until("document.querySelector('#triggers .limits').innerText === '≥ 1'")
    page.until("document.querySelector('#triggers li').dataset.active === 'yes'")
    page.until(f"(c => {colours})(document.querySelector('#triggers canvas')) > 3")  # a curve and its threshold
    page.until("document.querySelectorAll('#diagram .state-box').length === 4")
    page.until("document.querySelectorAll('#diagram [data-lit=yes]').length === 1")
    page.until("/^trial (left|right)$/.test(document.querySelector('#diagram [data-lit=yes]')?.textContent)")
    assert page.run("document.getElementById('elapsed').innerText").endswith(" left")
    page.click("#diagram-large")
    page.until("document.querySelectorAll('#course-diagram .state-box').length === 4")
    assert "Trial 'left' starts when in_left is true" in page.run("document.getElementById('course-words').innerText")
    page.press("Escape")
    page.until("document.querySelector('#outputs .what').innerText.includes('armed')")
    page.until("document.querySelector('#rows [data-key=recording] .what').innerText.includes('recording')")
    page.press("s")
    page.until("document.querySelector('#outputs .what').innerText === 'off · disarmed'")
    page.until("document.getElementById('phase').innerText.includes('test: finished')")
    page.until("document.querySelector('#diagram [data-lit=yes]').dataset.kind === 'end'")
    page.was_told("the run has ended")
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
    seen = f"shown.filter((head) => head.poses && head.stamp * 1e6 > {first} && head.active.includes(name))"
    page.until(f"['left', 'right'].every((name) => {seen}.length > 10)")
    # A frame that the pose node left out has none.
    shown = [head for head in page.run("shown") if head["stamp"] * 1e6 > first and head["poses"]]
    sequences = {head["poses"]["sequence"] for head in shown}
    wait_for(lambda: sequences <= {message.sequence for message in list(poses)}, "what the page had first")
    by_sequence = {message.sequence: message for message in list(poses)}
    for head in shown:
        message = by_sequence[head["poses"]["sequence"]]
        assert abs(head["stamp"] - stamp_from_message(message.header.stamp) / 1e6) < 0.001, "the picture's own time"
        animal = message.individuals[0]
        for point, x, y in zip(head["poses"]["individuals"][0]["points"], animal.x, animal.y, strict=True):
            assert point is None or (abs(point[0] - x) <= 0.051 and abs(point[1] - y) <= 0.051)
    last = shown[-1]["stamp"] * 1e6
    wait_for(
        lambda: any(stamp_from_message(event.frame_stamp) > last for event in list(changes)), "a change after all these"
    )
    decided = [(event.frame_stamp, event) for event in list(changes) if event.kind.startswith("trigger_")]
    times = [stamp_from_message(stamp) / 1e6 for stamp, _ in decided]

    def active(stamp: float) -> list[set[str]]:
        """The regions of the triggers that were true up to the frame of this time, by the experiment's events.

        The last one is that of this frame.
        """
        found: list[set[str]] = [set()]
        for time_of, (_, event) in zip(times, decided, strict=True):
            if time_of <= stamp + 0.001:
                name = {event.name.removeprefix("in_")}
                found.append(found[-1] | name if event.kind == "trigger_rose" else found[-1] - name)
        return found

    in_run = [head for head in shown if times[0] <= head["stamp"] <= times[-1]]
    # A decision that a busy machine takes more than 10 ms for is seen on a later picture.
    assert all(set(head["active"]) in active(head["stamp"]) for head in in_run), in_run
    exact = [head["active"] for head in in_run if set(head["active"]) == active(head["stamp"])[-1]]
    assert ["left"] in exact, exact
    assert ["right"] in exact, exact
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
    assert page.run("document.activeElement.matches('.test button')"), "not in a field, where S would be a letter"
    page.run("document.querySelector('#outputs input[name=seconds]').focus()")  # but for one of numbers
    page.press("s")
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
    # Pictures that keep coming, each older than a second, are not shown as live.
    slow = "(...all) => new Promise((done) => setTimeout(done, 1200)).then(() => real(...all))"
    page.run(f"((real) => {{ window.createImageBitmap = {slow}; }})(window.createImageBitmap)")
    page.until("document.querySelector('.camera').dataset.live === 'late'")
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
    known = 250_000_000  # how well the page knows the rig's clock on a busy machine
    assert before - known <= int(mark["stamp_ns"]) <= after + known, "when the key was pressed"
    assert (note["name"], "the lamp was moved <b>now</b>" in str(note)) == ("operator", True)


def test_a_session_is_asked_for_and_nothing_of_the_last_one_is_kept(open_panel, browser):
    rig, page = open_panel(("recorder: {", "recorder: {start: service, "), BY_HAND)
    state = "document.querySelector('#rows [data-key=recording]').dataset.level === '{}'"
    subject = "document.querySelector('#session-form [name=subject]')"
    page.until(state.format("off"))
    page.click("[data-key=recording] button")
    page.until("document.getElementById('session').open")
    assert_nothing_found(page, CONTRASTS, "the dialog")
    page.run(f"{subject}.focus()")
    page.type("M12")
    page.click("#session-form .primary")
    page.until(state.format("ok"))
    page.until("document.getElementById('folder').innerText.includes('writing to')")
    recorded(rig, 5)
    # The page Sessions, open meanwhile, says when it has ended.
    other = browser.open(link_of(rig))
    other.click("[data-page=sessions]")
    facts = "document.getElementById('session-facts').innerText.includes('{}')"
    other.until(facts.format("recording now"))
    page.click("[data-key=recording] button")
    page.until(state.format("off"))
    other.until(facts.format("complete"))
    other.until("!document.getElementById('session-list').innerText.includes('recording now')")
    assert "M12" in str(rig.about()["metadata"])
    page.click("[data-key=recording] button")
    page.until("document.getElementById('session').open")
    assert page.run(f"{subject}.value") == "", "never yesterday's animal"
    page.until("document.querySelector('#subjects option')?.value === 'M12'")
    assert page.run(f"{subject}.list.id") == "subjects"
    page.press("Escape")
    assert rig.stop() == 0


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
        looking.until("document.getElementById('diagram-large').checkVisibility()")
        assert looking.run(
            "[...document.querySelectorAll('button')].filter(b => b.checkVisibility()).map(b => b.id)"
        ) == ["skip", "theme", "help-button", "stop", "", "diagram-large"]
        request = "{method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'}"
        assert looking.run(f"fetch('/api/links', {request}).then(answer => answer.status)") == 403
        looking.press("s")
        status = "fetch('/api/stop', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
        assert looking.run(f"{status}.then(answer => answer.status)") == 403
        page.until("document.getElementById('phase').innerText.includes('test: running')")
        # A link that is pasted into an open tab opens it anew, and stays in no history either.
        looking.go(link_of(rig))
        looking.until("location.hash === '' && document.body.dataset.role === 'control'")
    finally:
        other.close()
    assert rig.stop() == 0
