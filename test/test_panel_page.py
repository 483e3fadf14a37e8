"""The page of a panel whose rig's nodes are this test: what it says of what it does not know. Needs Chromium."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from browser import Page
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from panel_tools import choose, diagnoses, needs_chromium
from rig_tools import CONFIG
from sensor_msgs.msg import CompressedImage

from dlstream_common.ros import EVENT, Diagnosis, Level, key_values
from dlstream_common.ros.diagnostics import diagnosis_to_message
from dlstream_msgs.msg import Event, ExperimentStatus

pytestmark = needs_chromium
GREY = 90


def stream(observer: Any, camera: str) -> Any:
    """A camera that publishes 10 grey pictures a second, until its timer is cancelled."""
    message = CompressedImage(format="jpeg")
    message.data = cv2.imencode(".jpg", np.full((240, 320, 3), GREY, np.uint8))[1].tobytes()
    publisher = observer.node.create_publisher(CompressedImage, f"/{camera}/image_raw/compressed", 5)

    def publish() -> None:
        message.header.stamp = observer.node.get_clock().now().to_msg()
        publisher.publish(message)

    return observer.within(lambda: observer.node.create_timer(0.1, publish))


class Experiment:
    """Says five times a second that it runs, with one trigger true."""

    def __init__(self, observer: Any) -> None:
        self._observer, self._clock = observer, observer.node.get_clock()
        self._status = observer.node.create_publisher(ExperimentStatus, "/experiment/status", EVENT)
        self._events = observer.node.create_publisher(Event, "/experiment/events", EVENT)
        self._timer = observer.within(lambda: observer.node.create_timer(0.2, self._say))

    def _say(self) -> None:
        message = ExperimentStatus(status=ExperimentStatus.RUNNING, experiment="demo", state="trial left")
        message.stamp, message.active_triggers = self._clock.now().to_msg(), ["in_left"]
        self._status.publish(message)

    def nothing_more(self) -> None:
        """It is silent from now on."""
        self._observer.within(self._timer.cancel)

    def died(self, how: str) -> None:
        """What the launcher says of the end of its node."""
        event = Event(kind="fault", name="/experiment", values=key_values({"text": how}))
        event.stamp = self._clock.now().to_msg()
        self._events.publish(event)


def draw_a_circle(page: Page) -> None:
    """By keys, in the middle of the picture."""
    page.run("document.querySelector('.drawing').focus()")
    for key in ("c", "Enter"):
        page.press(key)


PIXEL = "[...document.querySelector('#stage canvas').getContext('2d').getImageData(9, 9, 1, 1).data].join()"
SHEET = "document.querySelector('.sheet').dataset.live === '{}'"
VEIL = "document.querySelector('.sheet .veil').innerText"


def test_regions_are_drawn_on_a_picture_of_their_own_camera_or_on_none(opened, observer):
    page = opened()
    timer = stream(observer, "top")
    page.click("[data-page=regions]")
    shown = f"{PIXEL} === '{GREY},{GREY},{GREY},255' && {SHEET.format('yes')}"
    page.until(shown)
    choose(page, "region-camera", "side")
    assert page.run(PIXEL) == "0,0,0,0", "not the picture of another camera"
    assert page.run(VEIL) == "no picture of side"
    choose(page, "region-camera", "top")
    page.until(shown)
    # An old picture says so; one that is held is meant to stay.
    observer.within(timer.cancel)
    page.until(f"{VEIL}.startsWith('no picture of top for ') && {SHEET.format('no')}")
    page.click("#freeze")
    page.until(SHEET.format("yes"))
    assert page.errors == []


def test_what_an_experiment_does_that_is_silent_is_not_known_and_with_its_node_the_run_ends(opened, observer):
    page = opened(nodes=["/experiment"])
    pages = "#nav [data-page={}]"
    says = Experiment(observer)
    state = "document.getElementById('state').innerText"
    trigger = "document.querySelector('#triggers .is').innerText"
    page.until(f"{state} === 'trial left' && {trigger} === 'true'")
    times = page.run("(t => [t.innerText, t.title])(document.querySelector('#triggers .times'))")
    assert times[0] == "\N{EN DASH}"
    assert times[1].endswith("not known: the panel was started after the run had begun")
    page.click(pages.format("regions"))
    page.until("document.getElementById('save-state').innerText.startsWith('A run is on')")
    page.click(pages.format("rig"))
    says.nothing_more()
    page.until(f"{state} === 'silent: what it does is not known' && {trigger} === 'not known'")
    page.click(pages.format("regions"))
    assert page.run("document.getElementById('save-state').innerText").startswith("A run is on"), "it may be"
    says.died("was killed by SIGKILL")
    page.until("document.getElementById('save-state').innerText.startsWith('As in')")
    page.click(pages.format("rig"))
    page.until(f"{state} === 'fault' && {trigger} === 'false'")
    assert page.run("document.getElementById('reason').innerText") == "/experiment was killed by SIGKILL"
    assert page.errors == []


def test_what_is_drawn_or_held_while_the_page_reads_stays(opened, observer, tmp_path):
    page = opened()
    stream(observer, "top")
    held = "document.getElementById('freeze').getAttribute('aria-pressed')"
    page.click("[data-page=regions]")
    page.until(f"{PIXEL} === '{GREY},{GREY},{GREY},255'")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.click("#freeze")
    page.click("#nav [data-page=rig]")
    hold = "if (a === '/api/regions') await new Promise((go) => { window.release = go; });"
    page.run(f"((real) => {{ window.fetch = async (a, b) => {{ {hold} return real(a, b); }}; }})(fetch)")
    page.click("#nav [data-page=regions]")
    page.until("Boolean(window.release)")
    assert page.run(held) == "true"
    draw_a_circle(page)
    page.until("document.querySelectorAll('.drawing .shape').length === 3")
    problem = "document.getElementById('region-problem').textContent"
    page.run(f"{problem} = 'not read yet'; window.release(); 0")
    page.until(f"{problem} === ''")
    assert page.run("document.getElementById('save-state').innerText").startswith("Not saved yet")
    assert page.run("document.querySelectorAll('.drawing .shape').length") == 3
    assert page.run(held) == "true"
    # Not on a file that says something else now: what others have written there would be taken back.
    page.run("window.release = null; 0")
    page.click("#discard-regions")
    page.until("Boolean(window.release)")
    draw_a_circle(page)
    page.until("document.querySelectorAll('.drawing .shape').length === 4")
    file = tmp_path / "demo.yaml"
    file.write_text(file.read_text().replace("radius: 87.5", "radius: 88"))
    page.run("window.release(); 0")
    page.until(f"{problem}.includes('by another page meanwhile')")
    assert page.run("document.querySelectorAll('.drawing .shape').length") == 4
    assert page.errors == []


BLOCKED = """
for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get: () => { throw new DOMException("blocked", "SecurityError"); } });
"""


def test_where_the_data_of_sites_is_blocked_the_page_works_and_stop_acts(opened):
    page = opened(BLOCKED)
    assert page.run("(() => { try { return localStorage; } catch { return 'blocked'; } })()") == "blocked"
    page.click("#theme")
    page.until("['light', 'dark'].includes(document.documentElement.dataset.theme)")
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    draw_a_circle(page)
    page.until("document.getElementById('save-state').innerText.startsWith('Not saved yet')")
    page.click("#stop")
    page.until("document.getElementById('messages').innerText.includes('STOP')")
    assert [error for error in page.errors if "409" not in error] == [], "409: nobody has said that the output is off"


def test_what_nodes_said_last_is_not_shown_of_silent_ones(opened, observer):
    page = opened(recording="rig", directory="sessions", nodes=["/top/camera", "/pose", "/recorder"])
    says = {
        "/top/camera": {"fps": "29.9", "dropped": "3", "lifecycle": "active"},
        "/pose": {"top/fps": "28.1"},
        "/recorder": {"session": "/data/mouse_7", "disk_free": "90 GB"},
    }
    timer = diagnoses(observer, says)
    facts = "document.querySelector('.camera figcaption').innerText"
    folder = "document.getElementById('folder').innerText"
    records = "document.querySelector('#rows [data-key=recording]').dataset"
    page.until(f"{facts}.includes('camera 29.9') && {facts}.includes('poses 28.1') && {facts}.includes('dropped 3')")
    page.until(f"{folder} === 'writing to /data/mouse_7 · 90 GB free' && {records}.on === 'yes'")
    observer.within(timer.cancel)
    page.until(f"{records}.level === 'silent' && {records}.on === 'no'")
    page.until(f"!/29|28|dropped/.test({facts}) && {folder} === 'sessions go to sessions'")
    assert page.errors == []


def test_in_simulated_time_nodes_are_as_old_as_their_words(opened, observer):
    page = opened(nodes=["/top/camera"], cameras=["top"], use_sim_time=True)
    publisher = observer.node.create_publisher(DiagnosticArray, "/diagnostics", 10)
    values = {"fps": "29.9", "lifecycle": "active"}
    old = Time(sec=1000)

    def publish() -> None:
        publisher.publish(diagnosis_to_message(Diagnosis(Level.OK, "", values), "/top/camera", "", old))

    timer = observer.within(lambda: observer.node.create_timer(0.2, publish))
    page.until("document.querySelector('#rows [data-key=camera]').dataset.level === 'ok'")
    observer.within(timer.cancel)
    page.until("document.querySelector('#rows [data-key=camera]').dataset.level === 'silent'")
    assert page.errors == []


def test_what_time_it_is_for_the_browser_changes_nothing_in_what_is_shown(opened, observer):
    rig = CONFIG / "rig.demo.yaml"
    page = opened("const at = Date.now(); Date.now = () => at + 36e5;", rig_file=str(rig))  # another clock, set back
    timer = stream(observer, "top")
    live = "document.querySelector('.camera').dataset.live === '{}'"
    page.until(live.format("yes"))
    observer.within(timer.cancel)
    page.until(live.format("no"))
    page.click("[data-page=checks]")
    said = "window.said = []; new MutationObserver(() => said.push(news.innerText)).observe(news, {childList: true}); 0"
    page.run(f"const news = document.getElementById('job-news'); {said}")
    page.click("[data-check=check] button")
    state = "document.getElementById('job-state').innerText"
    page.until(f"{state}.startsWith('ended well after ')")
    page.until("said.at(-1) === 'ended well'")
    assert set(page.run("said")) <= {"running", "ended well"}, "what is read aloud, and no second of it"
    assert page.run("said.length") <= 2
    assert page.run("document.querySelectorAll('#job-state[role], #job-state[aria-live]').length") == 0
    # Its lines are to be read there: a live region would say all of them again with each new one.
    live = "[...document.querySelectorAll('#job-text, #w-output')].map((e) => [e.role, e.tabIndex, e.closest(where)])"
    where = "'[role=log], [role=status], [role=alert], [aria-live]'"
    assert page.run(live.replace("where", where)) == [["region", 0, None]] * 2
    assert page.errors == []


def test_a_tab_that_is_not_seen_asks_for_no_pictures_to_draw_on(opened, observer, wait_for):
    page = opened()
    page.click("[data-page=regions]")
    stream(observer, "top")
    page.until(SHEET.format("yes"))
    topic = "/top/image_raw/compressed"
    wait_for(lambda: observer.node.count_subscribers(topic) == 1, "the page's pictures")
    hide = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}});"
    change = "document.dispatchEvent(new Event('visibilitychange'))"
    page.run(hide.format("true") + change)
    wait_for(lambda: observer.node.count_subscribers(topic) == 0, "their end")
    page.run(hide.format("false") + change)
    wait_for(lambda: observer.node.count_subscribers(topic) == 1, "pictures again")
    page.until(SHEET.format("yes"))
    assert page.errors == []
