"""The state of a running rig in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class NodeState:
    """What a node says of itself; `level`: ok, warn, error, stale, or silent where it says nothing."""

    level: str
    message: str
    values: Mapping[str, str]


SILENT = NodeState("silent", "says nothing", {})
ENDED = NodeState("ok", "has ended", {})
"""Of a node that says nothing in a rig that is ending."""


@dataclass(frozen=True)
class Line:
    """One line of the status: what it is about, what is said, and how bad it is (empty: well)."""

    about: str
    text: str
    level: str = ""


def status_lines(
    nodes: Mapping[str, NodeState], cameras: Sequence[str], outputs: Sequence[str], counts: Mapping[str, str]
) -> Iterator[Line]:
    """A line for each node.

    Args:
        nodes: by full name: those of the rig, also silent ones.
        counts: how often things happened in the experiment's run.
    """
    for camera in cameras:
        state = nodes.get(f"/{camera}/camera")
        yield Line(f"camera {camera}", "run by somebody else's node") if state is None else _camera(camera, state)
    if "/pose" in nodes:
        yield from _pose(nodes["/pose"], cameras)
    if "/experiment" in nodes:
        yield _experiment(nodes["/experiment"], counts)
    for output in outputs:
        state = nodes.get(f"/outputs/{output}")
        yield Line(f"output {output}", "run by somebody else's node") if state is None else _output(output, state)
    if "/recorder" in nodes:
        yield _recorder(nodes["/recorder"])


def _camera(name: str, state: NodeState) -> Line:
    values = state.values
    if "fps" not in values:
        return _plain(f"camera {name}", state)
    text = f"{_number(values['fps'])} frames/s, {values['size']}, {values['frames']} frames, {values['dropped']} lost"
    if int(values.get("reconnects", "0")):
        text += f", connected again {values['reconnects']} times"
    if state.level not in ("ok", ""):
        text = f"{state.message}; {text}"
    return Line(f"camera {name}", text, _bad(state))


def _pose(state: NodeState, cameras: Sequence[str]) -> Iterator[Line]:
    for camera in cameras:
        values = {key.removeprefix(f"{camera}/"): value for key, value in state.values.items()}
        if "poses" not in values:
            yield _plain(f"pose of {camera}", state)
            continue
        text = f"{_number(values['fps'])} poses/s, inference {_number(values['inference_ms'])} ms, "
        text += f"{values['poses']} poses, {values['dropped']} frame{'s' if values['dropped'] != '1' else ''} left out"
        if values["trouble"]:  # the node's own message and level are of all cameras together
            text = f"{values['trouble']}; {text}"
        yield Line(f"pose of {camera}", text, "" if values["level"] == "ok" else values["level"])


def _experiment(state: NodeState, counts: Mapping[str, str]) -> Line:
    values = state.values
    if "status" not in values:
        return _plain("experiment", state)
    name, phase = values.get("experiment", ""), values["status"]
    text = f"'{name}' is {phase}" + (f" in state '{values['state']}'" if values.get("state") else "")
    if phase == "waiting":
        text = f"'{name}' {state.message}"
    text += "".join(f", {key} {value}" for key, value in counts.items())
    if state.level == "error":
        text += f"; {state.message}"
    elif values["trouble"]:
        text += f"; {values['trouble']}"
    return Line("experiment", text, _bad(state))


def _output(name: str, state: NodeState) -> Line:
    return _plain(f"output {name}", state)


def _recorder(state: NodeState) -> Line:
    values = state.values
    text = state.message
    if "session" in values:
        text = f"{values['session']}: {values['frames_recorded']} frames, {values['frames_dropped']} lost, "
        text += f"queue {values['queue_fill']}"
        if state.level not in ("ok", ""):
            text = f"{state.message}; {text}"
    if "disk_free" in values:
        text += f"; {values['disk_free']} free on {values['disk']}"
    return Line("recorder", text, _bad(state))


def _plain(about: str, state: NodeState) -> Line:
    return Line(about, state.message, _bad(state))


def _bad(state: NodeState) -> str:
    return "" if state.level == "ok" else state.level


def _number(text: str) -> str:
    return f"{float(text):.1f}"
