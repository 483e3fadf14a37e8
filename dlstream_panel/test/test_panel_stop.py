"""STOP against what was pressed before it, and outputs that have not heard it."""

from __future__ import annotations

from panel_client import BODIES

from dlstream_common.ros import COMMAND
from dlstream_msgs.msg import Command

TOO_LATE = "STOP was pressed meanwhile"


def test_what_was_pressed_before_a_stop_and_comes_after_it_is_void(panel):
    panel = panel()
    assert panel.post("stop", {})[0] == 200
    for what in ("arm", "test"):
        status, answer = panel.post(what, {**BODIES[what], "stops": 0})
        assert (status, answer["error"].startswith(TOO_LATE)) == (409, True), what
    status, answer = panel.post("run", {"what": "experiment", "on": True, "stops": 0})
    assert (status, answer["error"].startswith(TOO_LATE)) == (409, True)
    # What switches off is never too late, nor what was pressed after it. Nobody is there to do it, though.
    for body in ({"output": "screen", "armed": False, "stops": 0}, {**BODIES["arm"], "stops": 1}):
        assert "does not answer" in panel.post("arm", body)[1]["error"]
    ending = {"what": "experiment", "on": False, "stops": 0}
    assert panel.post("run", ending)[1]["error"] == "this rig has no experiment"


def test_an_output_that_is_armed_after_a_stop_keeps_it_from_no_other(panel, observer, wait_for):
    panel = panel(outputs=["laser", "screen"], nodes=[])
    heard = {name: observer.collect(Command, f"/outputs/{name}/command", COMMAND) for name in ("laser", "screen")}
    wait_for(lambda: panel.post("stop", {}) and all(heard.values()), "the first one")

    def told() -> dict[str, int]:
        """How often each output hears of a STOP after which the screen is armed at once; nobody is there to do it."""
        before = {name: {message.id for message in list(own)} for name, own in heard.items()}
        panel.post("stop", {})
        assert "does not answer" in panel.post("arm", BODIES["arm"])[1]["error"]
        return {name: len({message.id for message in list(own)} - before[name]) for name, own in heard.items()}

    wait_for(lambda: (said := told())["laser"] > said["screen"] + 3, "more for the laser than for the screen")


def test_stop_is_said_again_until_an_output_is_off(panel, observer, wait_for):
    panel = panel()
    commands = observer.collect(Command, "/outputs/screen/command", COMMAND)
    wait_for(lambda: panel.post("stop", {}) and commands, "the first one")
    first = {message.id for message in list(commands)}
    wait_for(lambda: len({message.id for message in list(commands)} - first) >= 3, "three more, unasked")
    assert all((message.action, message.arm) == ("off", Command.DISARM) for message in list(commands))
