"""The rig file: one validated description of everything that runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, create_model, field_validator

from dlstream.rig.sections import NodeOptions, Stop, TopicCamera, TopicOutput
from dlstream.rig.table import NODE_KINDS
from dlstream_common import InputError, Name, Problem, Settings, load_settings, read_yaml, resolved
from dlstream_common.yaml.salvage import salvage

if TYPE_CHECKING:
    from dlstream_camera import SourceSettings
    from dlstream_experiment import ExperimentSettings
    from dlstream_outputs import OutputSettings
    from dlstream_outputs.inputs import InputSettings
    from dlstream_pose import PoseSettings
    from dlstream_recorder import RecorderSettings


class _Rig(Settings):
    """A rig file."""

    rig: Name
    """The rig's name, part of the session folders' names."""
    together: bool = False
    """Cameras, pose, experiment and recorder in one process: frames pass from node to node without a copy."""
    stop: Stop = Stop()
    """When the rig ends by itself."""

    @field_validator("experiment", mode="wrap", check_fields=False)
    @classmethod
    def _unless_left_out(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return None if (info.context or {}).get("without_experiment") else handler(value)


if TYPE_CHECKING:  # what the sections of each kind have in common

    class _Source(SourceSettings, NodeOptions): ...

    class _Output(OutputSettings, NodeOptions): ...

    class _Input(InputSettings, NodeOptions): ...

    class _Pose(PoseSettings, NodeOptions): ...

    class _Experiment(ExperimentSettings, NodeOptions): ...

    class _Recorder(RecorderSettings, NodeOptions): ...

    class Rig(_Rig):
        """A rig file."""

        cameras: dict[str, _Source | TopicCamera]
        pose: _Pose | None
        experiment: _Experiment | None
        outputs: dict[str, _Output | TopicOutput]
        inputs: dict[str, _Input]
        recorder: _Recorder | None
else:
    Rig = create_model(
        "Rig",
        __base__=_Rig,
        __doc__="A rig file.",
        **{
            kind.section: (kind.annotation, Field(kind.default, description=kind.meaning))
            for kind in sorted(NODE_KINDS, key=lambda kind: kind.position)
        },
    )


def load_rig(path: str | Path, without_experiment: bool = False) -> Rig:
    """Reads a rig file. Relative paths in it are taken from its own folder.

    Args:
        without_experiment: leaves out the experiment, whose file may not exist yet.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    try:
        return load_settings(path, Rig, {"without_experiment": without_experiment})
    except InputError as error:
        raise InputError(error.path, [_with_way_out(problem) for problem in error.problems]) from error


def rest_of_rig(path: Path) -> tuple[Rig, frozenset[str]] | None:
    """The valid rest of a rig file with mistakes, and the sections that lack something; None if too little is left.

    Raises:
        InputError: it is no YAML.
    """
    context = {"directory": resolved(path).parent}
    found = salvage(read_yaml(path), Rig, context)
    try:
        rig = Rig.model_validate_json(json.dumps(found.data), strict=True, context=context)
    except ValueError:
        return None
    return rig, frozenset(name for name in Rig.model_fields if not found.is_whole(name))


def _with_way_out(problem: Problem) -> Problem:
    """A device that dlstream does not know can still be an output."""
    match problem.place:
        case ("outputs", name, "type") if not problem.suggestion:
            own = f"a node of your own on /outputs/{name}/command (docs/how-to/ros2.md)"
            return replace(problem, suggestion=f"For another device: `type: topic`, and {own}.")
    return problem
