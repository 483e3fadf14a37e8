"""STOP, and what the page says, while a dialog is open; in a browser, else it is skipped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from browser import Page
from panel_tools import assert_can_be_used, barriers_in_all_looks, diagnoses, needs_chromium
from rig_tools import CONFIG
from std_msgs.msg import String

from dlstream_common import event_kinds
from dlstream_common.ros import EVENT, LATCHED
from dlstream_experiment import load_experiment
from dlstream_experiment.ros.watched import course
from dlstream_msgs.msg import Event

pytestmark = needs_chromium
BOX = "(r => [r.x, r.y, r.width, r.height].map(Math.round))(document.getElementById('stop').getBoundingClientRect())"
OPEN = "document.getElementById('{}').open"
SAID = "document.getElementById('messages').innerText"


def tap(page: Page, selector: str) -> None:
    """A finger on the middle of an element."""
    x, y = page.run(
        f"(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector('{selector}').getBoundingClientRect())"
    )
    page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


def read_aloud(page: Page) -> list[str]:
    """What live regions that can be reached say, as a screen reader has them."""
    nodes = {node["nodeId"]: node for node in page.call("Accessibility.getFullAXTree")["nodes"]}

    def text(node: dict[str, Any]) -> str:
        own = str(node["name"]["value"]) if node.get("role", {}).get("value") == "StaticText" else ""
        return own + " ".join(text(nodes[child]) for child in node.get("childIds", ()) if child in nodes)

    live = [node for node in nodes.values() if node.get("role", {}).get("value") in ("status", "alert")]
    return [text(node) for node in live if not node["ignored"]]


def measure(page: Page) -> None:
    """Clicks the two ends of a length on the picture."""
    page.click("[data-page=regions]")
    page.until("document.querySelectorAll('.drawing .shape').length === 2")
    page.click("[data-tool=scale]")
    x, y, width, height = page.run(
        "(r => [r.x, r.y, r.width, r.height])(document.querySelector('.drawing').getBoundingClientRect())"
    )
    for share in (0.2, 0.8):
        page.point((x + share * width, y + 0.9 * height))


DIALOGS = {
    "help": lambda page: page.press("?"),
    "course": lambda page: page.click("#diagram-large"),
    "links": lambda page: page.click("#tablet"),
    "session": lambda page: page.click("[data-key=recording] button"),
    "scale": measure,
}


@pytest.mark.parametrize("dialog", DIALOGS)
def test_stop_can_be_clicked_tapped_and_reached_by_keys_while_a_dialog_is_open(opened, observer, wait_for, dialog):
    page = opened(recording="service", directory="sessions")
    knows = observer.node.create_publisher(String, "/experiment/protocol", LATCHED)
    knows.publish(String(data=json.dumps(course(load_experiment(CONFIG / "experiments" / "demo.yaml")))))
    says = diagnoses(observer, {"/recorder": {"disk_free": "90 GB"}})
    events = observer.collect(Event, "/experiment/events", EVENT)

    def stops() -> int:
        return sum((event.kind, event.name) == (event_kinds.MARK, "STOP") for event in list(events))

    page.until("document.querySelector('[data-key=recording] button').disabled === false")
    place = page.run(BOX)
    bar = page.run("document.getElementById('about').getBoundingClientRect().width")
    DIALOGS[dialog](page)
    page.until(OPEN.format(dialog))
    assert page.run(BOX) == place, "STOP stays where it is"
    assert page.run("document.getElementById('about').getBoundingClientRect().width") == bar, "nothing moves up"
    page.click("#stop")
    wait_for(lambda: stops() == 1, "the STOP that was clicked")
    tap(page, "#stop")
    wait_for(lambda: stops() == 2, "the STOP that was tapped")
    for _ in range(20):
        page.press("Tab")
        if page.run("document.activeElement.id") == "stop":
            break
    page.press("Enter")
    wait_for(lambda: stops() == 3, "the STOP of the keyboard")
    page.until(f"{SAID}.includes('STOP')")
    assert any("STOP" in text for text in read_aloud(page)), read_aloud(page)
    assert page.run(OPEN.format(dialog)), "STOP closes nothing"
    assert barriers_in_all_looks(page, dialog) == []
    assert_can_be_used(page)
    edges = "['stop-box', '%s'].map((id) => document.getElementById(id).getBoundingClientRect())"
    assert page.run(f"(([stop, dialog]) => dialog.top >= stop.bottom)({edges % dialog})"), "the dialog is below STOP"
    page.resize((1440, 900))
    page.press("Escape")
    page.until("document.getElementById('stop-box').parentElement.matches('header')")
    parents = "['banner', 'stop-box', 'messages'].map((id) => document.getElementById(id).parentElement.tagName)"
    assert page.run(parents) == ["BODY", "HEADER", "BODY"]
    assert page.run(BOX) == place
    page.click("#stop")
    wait_for(lambda: stops() == 4, "STOP without a dialog")
    observer.within(says.cancel)
    assert [error for error in page.errors if "409" not in error] == []


SOCKET = "window.WebSocket = class extends WebSocket { constructor(...a) { super(...a); window.socket = this; } };"


def test_a_lost_connection_is_said_in_a_dialog_and_who_stood_on_stop_stands_there_again(opened):
    page = opened(SOCKET)
    page.run("document.getElementById('stop').focus()")
    page.press("?")
    page.until(OPEN.format("help"))
    page.run("window.fetch = () => Promise.reject(new TypeError('no network')); window.socket.close(); 0")
    page.until("document.body.dataset.connection === 'lost'")
    at = "(r => [r.x + 9, r.y + 9])(document.getElementById('banner').getBoundingClientRect())"
    assert page.run(f"document.elementFromPoint(...{at}).id") == "banner", "it is above all else"
    assert any(text.startswith("No connection to the rig") for text in read_aloud(page)), read_aloud(page)
    assert_can_be_used(page)
    page.press("Escape")
    page.until("document.activeElement.id === 'stop'")
    assert page.errors == []


LINKS = """
window.shown = 0;
Response.prototype.json = ((real) => async function () {
  const found = await real.call(this);
  if (this.url.endsWith("/links")) setTimeout(() => (window.shown += 1));  // after what is done with it
  return found;
})(Response.prototype.json);
"""


def test_a_dialog_that_is_asked_for_twice_gives_stop_back(opened):
    """Two taps on a slow network: the links of both come when they come."""
    page = opened(LINKS)
    page.run("for (const _ of [1, 2]) document.getElementById('tablet').click(); 0")
    page.until("window.shown === 2")
    assert page.run(OPEN.format("links"))
    page.press("Escape")
    page.until("document.getElementById('stop-box').parentElement.matches('header')")
    page.click("#stop")
    page.until(f"{SAID}.includes('STOP')")
