"""The panel's section of a rig file, and what the rig tells the panel of its other parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from dlstream.rig.facts import RigFacts
from dlstream.rig.sections import TopicCamera, TopicOutput
from dlstream_common import Problem
from dlstream_common.node_options import NodeOptions
from dlstream_outputs import Action
from dlstream_panel import PanelSettings
from dlstream_panel.tokens import DEFAULT, TokenError, check_tokens


class PanelSection(PanelSettings, NodeOptions):
    """A panel in a rig file."""

    on_failure: Literal["stop", "restart", "continue"] = "continue"
    """When the panel dies: stop the whole rig (and fail), start it again, or go on without it."""


def true_or_mapping(value: Any) -> Any:
    """`panel: true` is a panel with every default, `false` none."""
    return {} if value is True else None if value is False else value


def facts_for_panel(facts: RigFacts) -> Mapping[str, Any]:
    """The parameters that the rig fills in."""
    return {
        "rig": facts.name,
        "rig_file": str(facts.file.resolve()),
        "cameras": list(facts.cameras),
        "outputs": list(facts.outputs),
        "actions": [f"{name}={_as_word(list(_actions(output)))}" for name, output in facts.outputs.items()],
        "nodes": list(_nodes(facts)),
        "recording": facts.recorder.start if facts.recorder is not None else "",
        "directory": str(facts.recorder.directory.resolve()) if facts.recorder is not None else "",
        "subject": facts.session.metadata().in_words(),
        "experiment_file": facts.experiment.file if facts.experiment is not None else None,
        "allow_python": facts.experiment is not None and facts.experiment.allow_python,
        "keypoints": list(facts.network.keypoints) if facts.network is not None else [],
        "image_sizes": [f"{name}={width}x{height}" for name, (width, height) in facts.image_sizes.items()],
        "min_confidence": facts.pose.min_confidence if facts.pose is not None else 0.5,
    }


def check_panel(panel: Any, facts: RigFacts) -> Iterator[Problem]:
    """A file of tokens that can't be used; one that lacks is made by the panel, not by a check."""
    if panel.needs_token:
        try:
            check_tokens(panel.token or DEFAULT)
        except TokenError as error:
            yield error.problem


def _as_word(value: Any) -> str:
    """JSON without a space: `ros2 launch` reads texts as YAML, in which ": " would make a mapping of it."""
    return json.dumps(value, separators=(",", ":")).replace(" ", "\\u0020")


def _nodes(facts: RigFacts) -> Iterator[str]:
    """The nodes that the rig starts, by full name."""
    for name, camera in facts.cameras.items():
        if not isinstance(camera, TopicCamera):
            yield f"/{name}/camera"
    yield from (f"/{key}" for key in ("pose", "experiment", "recorder") if getattr(facts, key) is not None)
    for name, output in facts.outputs.items():
        if not isinstance(output, TopicOutput):
            yield f"/outputs/{name}"
    yield from (f"/inputs/{name}" for name in facts.inputs)


def _actions(output: Any) -> Iterator[dict[str, Any]]:
    """The commands that an output takes, with the values of each action."""
    if isinstance(output, TopicOutput):
        return
    for action in output.actions_to_try:
        yield {"action": action.name, "values": list(_values(action, output))}
    if not output.actions_to_try:
        yield {"action": "on", "values": []}


def _values(action: type[Action], output: Any) -> Iterator[dict[str, Any]]:
    for name, field in action.model_fields.items():
        names = [pair.partition("=")[0] for pair in getattr(output, f"{name}s", ())]
        types = get_args(field.annotation) or (field.annotation,)
        yield {
            "name": name,
            "meaning": " ".join((field.description or "").split()),
            "kind": "choice" if names else "switch" if bool in types else "text",
            "choices": names,
            "required": field.is_required(),
        }
