"""The rig file: one validated description of everything that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

from dlstream_camera import SourceSettings, source_types
from dlstream_common import InputError, Problem, Settings, load_settings
from dlstream_experiment import ExperimentSettings
from dlstream_outputs import OutputSettings, output_types
from dlstream_pose import PoseSettings
from dlstream_recorder import RecorderSettings

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""A name that ROS takes as part of a topic: small letters, digits and _, beginning with a letter."""


class NodeOptions(Settings):
    """What the rig file may say of every node, beside the node's own parameters."""

    on_failure: Literal["stop", "restart", "continue"] = "stop"
    """When the node dies: stop the whole rig (and fail), start the node again, or go on without it."""


class TopicCamera(Settings):
    """A camera that somebody else's node publishes: any driver, or a bag."""

    source: Literal["topic"] = "topic"
    """Kind of the source."""
    topic: str = ""
    """Its image topic; empty: /<camera>/image_raw."""


class TopicOutput(Settings):
    """A device of somebody else's node: it takes the commands on /outputs/<name>/command and acknowledges them."""

    type: Literal["topic"] = "topic"
    """Kind of the output."""

    def check(self) -> None:
        """As OutputSettings.check: nothing is known of it."""

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        """As OutputSettings.check_command: its own node knows its commands."""
        return None


def _section(settings: type[Settings]) -> type[Settings]:
    """A node's settings class with the options that every node of a rig has."""
    return create_model(settings.__name__, __base__=(settings, NodeOptions), __doc__=settings.__doc__)


def _one_of(types: list[type[Settings]], tag: str) -> Any:
    if len(types) == 1:
        return types[0]
    return Annotated[reduce(or_, types), Field(discriminator=tag)]


def _file_alone(value: Any) -> Any:
    if isinstance(value, dict) and "allow_python" in value:
        raise ValueError("a rig file without allow_python: no file can allow code to run; start with --allow-python")
    return {"file": value} if isinstance(value, str) else value


if TYPE_CHECKING:  # what the unions below have in common

    class _Camera(SourceSettings, NodeOptions): ...

    class _Output(OutputSettings, NodeOptions): ...

    class PoseSection(PoseSettings, NodeOptions): ...

    class ExperimentSection(ExperimentSettings, NodeOptions): ...

    class RecorderSection(RecorderSettings, NodeOptions): ...

    CameraSection = _Camera | TopicCamera
    OutputSection = _Output | TopicOutput
else:
    CameraSection = _one_of([*(_section(kind.settings) for kind in source_types().values()), TopicCamera], "source")
    OutputSection = _one_of([*(_section(kind.settings) for kind in output_types().values()), TopicOutput], "type")
    PoseSection = _section(PoseSettings)
    ExperimentSection = _section(ExperimentSettings)
    RecorderSection = _section(RecorderSettings)

_FileAlone = BeforeValidator(_file_alone, json_schema_input_type=str | ExperimentSection)


class Stop(Settings):
    """When the rig ends by itself. It also ends when a video without `loop` has ended."""

    after: Annotated[float, Field(ge=0)] = 0.0
    """Seconds after the first frame; 0: never."""
    with_experiment: bool = False
    """When the experiment has ended."""


class Rig(Settings):
    """A rig file."""

    rig: Name
    """The rig's name, part of the session folders' names."""
    cameras: Annotated[dict[Name, CameraSection], Field(min_length=1)]
    """The cameras by name; the name is the namespace of their topics."""
    pose: PoseSection | None = None
    """Pose estimation, for every camera."""
    experiment: Annotated[ExperimentSection, _FileAlone] | None = None
    """The experiment: its file, or a mapping with `file` and the node's other parameters."""
    outputs: dict[Name, OutputSection] = {}
    """The devices that the experiment commands, by name."""
    recorder: RecorderSection | None = None
    """What is recorded, and where."""
    together: bool = False
    """Cameras, pose, experiment and recorder in one process: frames pass from node to node without a copy."""
    stop: Stop = Stop()
    """When the rig ends by itself."""

    @field_validator("experiment", mode="wrap")
    @classmethod
    def _unless_left_out(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return None if (info.context or {}).get("without_experiment") else handler(value)


def load_rig(path: str | Path, without_experiment: bool = False) -> Rig:
    """Reads a rig file. Relative paths in it are taken from its own folder.

    Args:
        without_experiment: leaves the experiment out, whose file may not be there yet.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    try:
        return load_settings(path, Rig, {"without_experiment": without_experiment})
    except InputError as error:
        raise InputError(error.path, [_with_way_out(problem) for problem in error.problems]) from error


def _with_way_out(problem: Problem) -> Problem:
    """A device that dlstream does not know can still be an output."""
    match problem.place:
        case ("outputs", name, "type") if not problem.suggestion:
            own = f"a node of your own on /outputs/{name}/command (docs/ros2.md)"
            return replace(problem, suggestion=f"For another device: `type: topic`, and {own}.")
    return problem
