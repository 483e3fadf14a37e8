"""Stream and analysis, pressed by several hands and during a run; in a browser, else it is skipped."""

from __future__ import annotations

from typing import Any

from browser import Page
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from panel_tools import BY_HAND, needs_chromium

pytestmark = needs_chromium
SIDE = ("cameras:\n", "cameras:\n  side: {source: synthetic, width: 320, height: 240, fps: 10, seed: 2}\n")
ROW = "document.querySelector('#rows [data-key={}]').dataset.level === '{}'"
WORD = "document.querySelector('[data-key=camera] button').textContent === '{}'"
LIVE = "document.querySelector('.camera[data-key={}]').dataset.live === '{}'"


def switched_off(page: Page, what: str, camera: str = "") -> Any:
    """The error of a request that stops a row, as a page sends it that does not know better."""
    body = f"JSON.stringify({{what: '{what}', camera: '{camera}', on: false}})"
    request = f"{{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: {body}}}"
    return page.run(f"fetch('/api/run', {request}).then((answer) => answer.json())").get("error")


def test_what_is_stopped_twice_goes_on_and_nothing_is_stopped_in_a_run(open_panel, observer):
    def change(number: int, wanted: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=number))
        done = observer.call(ChangeState, "/side/camera/change_state", request).success
        # Asked twice, since the first answer was lost: the second one finds it done.
        state = observer.call(GetState, "/side/camera/get_state", GetState.Request()).current_state.id
        return bool(done or state == wanted)

    rig, page = open_panel(BY_HAND, SIDE)
    page.until(ROW.format("experiment", "off"))
    page.click("[data-key=camera] button")
    page.until(ROW.format("camera", "off"))
    assert "could not be stopped" in switched_off(page, "camera", "side")
    # One camera that can't be started, the first one, keeps no other from it.
    assert change(Transition.TRANSITION_CLEANUP, State.PRIMARY_STATE_UNCONFIGURED)
    page.click("[data-key=camera] button")
    page.was_told("/side/camera could not be started")
    page.until(LIVE.format("top", "yes"))
    assert change(Transition.TRANSITION_CONFIGURE, State.PRIMARY_STATE_INACTIVE)
    # In a run nothing is stopped, whoever asks; what is off may be started.
    page.click("[data-key=experiment] button")
    page.until(ROW.format("experiment", "ok"))
    for what, camera in (("camera", "top"), ("analysis", "")):
        assert str(switched_off(page, what, camera)).startswith("a run is on")
    page.until(WORD.format("Start"))
    page.click("[data-key=camera] button")
    page.until(LIVE.format("side", "yes"))
    page.until(WORD.format("Stop"))
    page.until("document.querySelector('[data-key=camera] button').disabled")
    page.click("[data-key=experiment] button")
    page.until(ROW.format("experiment", "off"))
    page.until("!document.querySelector('[data-key=camera] button').disabled")
    assert rig.stop() == 0
