"""What `dlstream status` says of a rig."""

from __future__ import annotations

from dlstream.remote.words import NodeState, status_lines


def test_a_warning_is_said_once_and_of_its_camera_only():
    def values(camera: str, level: str, trouble: str) -> dict[str, str]:
        found = {"fps": "29.73", "inference_ms": "8.21", "poses": "90", "dropped": "3"}
        return {f"{camera}/{key}": value for key, value in {**found, "level": level, "trouble": trouble}.items()}

    message = "top: 2 frames left out; 29.7 fps, 8.2 ms; side: 29.7 fps, 8.2 ms"
    state = NodeState("warn", message, values("top", "warn", "2 frames left out") | values("side", "ok", ""))
    top, side = (line for line in status_lines({"/pose": state}, ["top", "side"], [], {}) if "pose" in line.about)
    rest = "29.7 poses/s, inference 8.2 ms, 90 poses, 3 frames left out"
    assert (top.about, top.text, top.level) == ("pose of top", f"2 frames left out; {rest}", "warn")
    assert (side.about, side.text, side.level) == ("pose of side", rest, "")


def test_the_faults_of_an_experiment_are_said_and_its_counts_once():
    said = "1 fault, the last: no pose of camera 'top' for 1.0 s"
    values = {"experiment": "box", "status": "running", "state": "left", "faults": "1", "trouble": said}
    state = NodeState("warn", f"running left=2; {said}", values)
    [line] = status_lines({"/experiment": state}, [], [], {"left": "2"})
    assert (line.text, line.level) == (f"'box' is running in state 'left', left 2; {said}", "warn")
    waiting = NodeState("ok", "waits for the first poses of top", {**values, "status": "waiting"})
    [line] = status_lines({"/experiment": waiting}, [], [], {})
    assert line.text == f"'box' waits for the first poses of top; {said}", "the next run, after one with a fault"
    [line] = status_lines({"/experiment": NodeState("error", "the output is gone", values)}, [], [], {})
    assert line.text == "'box' is running in state 'left'; the output is gone"
