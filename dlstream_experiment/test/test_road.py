"""The road from a pose to its decision, as docs/decisions/0013 lists it: few files, and every call goes forward."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from experiment_poses import neck_at, seconds

import dlstream_experiment
from dlstream_experiment import Engine, load_experiment

PACKAGE = Path(dlstream_experiment.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "decisions" / "0013-the-road-from-pose-to-decision.md"
EXPERIMENT = """\
experiment: road
camera: top
regions: {left: {type: rectangle, left: 0, top: 0, right: 100, bottom: 100}}
triggers:
  in_left: {type: region, region: left, keypoints: [neck]}
  moving: {type: speed, keypoints: [neck], at_least: 1}
  both: {type: and, triggers: [in_left, moving]}
protocol:
  type: states
  states:
    out: {transitions: [{when: both, go: in}]}
    in: {stimuli: [{output: laser, action: on}], transitions: [{when: both, is: false, go: out}]}
"""


def calls(work: Any) -> list[tuple[str, str]]:
    """The calls from one file of the package to another, in their order."""
    found: list[tuple[str, str]] = []

    def file_of(frame: FrameType | None) -> str:
        path = Path(frame.f_code.co_filename) if frame is not None else Path()
        return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else ""

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            caller, called = file_of(frame.f_back), file_of(frame)
            if called and caller != called:
                found.append((caller, called))

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def test_the_road_is_short_and_goes_forward(tmp_path):
    path = tmp_path / "road.yaml"
    path.write_text(EXPERIMENT)
    engine = Engine(load_experiment(path))
    engine.start(seconds(0))
    for number in range(10):
        engine.poses(neck_at(number / 10, 500 + number, 50), seconds(number / 10))
    made: list[Any] = []
    last = neck_at(1, 50, 50)
    found = calls(lambda: made.extend(engine.poses(last, seconds(1))))
    assert [item for item in made if getattr(item, "action", "") == "on"], "the pose decides something"
    order = list(dict.fromkeys(called for _, called in found))
    back = [(caller, called) for caller, called in found if caller and order.index(caller) > order.index(called)]
    assert not back, "no file calls one that came before it"
    decided = order[: order.index("runtime/triggers/trigger_state.py") + 1]
    road = ["ros/connections.py", "ros/node.py", *decided]
    if "runtime/triggers/kernel.py" not in road:  # compiled: the profile may not see it
        road.insert(road.index("runtime/triggers/condition_table.py") + 1, "runtime/triggers/kernel.py")
    assert len(road) <= 10
    assert re.findall(r"^\d+\. `([\w/.]+)`", PAGE.read_text(), re.MULTILINE) == road
