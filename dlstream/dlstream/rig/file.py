"""The rig file: one validated description of everything that runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr, ValidationInfo, ValidatorFunctionWrapHandler, create_model, field_validator
from ruamel.yaml.comments import CommentedMap

from dlstream.rig.hosts import HostSection
from dlstream.rig.overrides import Overridden, Override
from dlstream.rig.panel import PanelSection
from dlstream.rig.sections import Stop, TopicCamera, TopicOutput
from dlstream.rig.session import RigSession, unquoted_names
from dlstream.rig.table import NODE_KINDS
from dlstream_common import (
    InputError,
    Name,
    Place,
    Problem,
    RigNamespace,
    Settings,
    load_settings,
    masked,
    misfit,
    read_yaml,
    resolved,
)
from dlstream_common.node_options import NodeOptions
from dlstream_common.yaml.salvage import salvage

if TYPE_CHECKING:
    from dlstream_camera import SourceSettings
    from dlstream_experiment import ExperimentSettings
    from dlstream_outputs import OutputSettings
    from dlstream_outputs.inputs import InputSettings
    from dlstream_panel import PanelSettings
    from dlstream_pose import PoseSettings
    from dlstream_recorder import RecorderSettings


class _Rig(Settings):
    """A rig file."""

    rig: Name
    """The rig's name, part of the session folders' names."""
    namespace: RigNamespace = ""
    """Where the rig's nodes and topics are: with `lab/rig1`, the images of `top` are /lab/rig1/top/image_raw."""
    hosts: dict[Name, HostSection] = {}
    """The rig's computers by name, each with its address. The first is the main host; none: everything runs here."""
    use_sim_time: bool = False
    """Take the time from /clock, as of a bag that is played, and not from this computer's clock."""
    together: bool = False
    """Cameras, pose, experiment and recorder in one process: frames pass from node to node without a copy."""
    stop: Stop = Stop()
    """When the rig ends by itself."""
    session: RigSession = RigSession()
    """The subject and the circumstances of the sessions."""
    pictures: bool = True
    """Draw the session's pictures when the run has ended, which takes a core some seconds. `dlstream report` draws
    them later."""

    _changes: tuple[str, ...] = PrivateAttr(default=())

    @property
    def changes(self) -> tuple[str, ...]:
        """The options of the command line that changed what the file says, without passwords: a session keeps them."""
        return self._changes

    @field_validator("recorder", mode="before", check_fields=False)
    @classmethod
    def _one_place(cls, value: Any) -> Any:
        if isinstance(value, dict) and "metadata" in value:
            raise misfit(
                "metadata", "none here: the rig's own section says it, such as session: {subject: M12, lab: A1}"
            )
        return value

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

    class _Panel(PanelSettings, NodeOptions): ...

    class Rig(_Rig):
        """A rig file."""

        cameras: dict[str, _Source | TopicCamera]
        pose: _Pose | None
        experiment: _Experiment | None
        outputs: dict[str, _Output | TopicOutput]
        inputs: dict[str, _Input]
        recorder: _Recorder | None
        panel: _Panel | None
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


def load_rig(path: str | Path, without_experiment: bool = False, overrides: Sequence[Override] = ()) -> Rig:
    """Reads a rig file. Relative paths in it are taken from its own folder.

    Args:
        without_experiment: leaves out the experiment, whose file may not exist yet.
        overrides: values of the command line in place of the file's.

    Raises:
        InputError: names every problem, each with line, key, value found and what was expected.
    """
    changed = Overridden(read_yaml(path), overrides)
    unquoted = list(unquoted_names(changed.data))
    try:
        rig = load_settings(path, Rig, {"without_experiment": without_experiment}, changed.data)
    except InputError as error:
        problems = [changed.with_option(_with_way_out(problem)) for problem in error.problems]
        raise InputError(error.path, [*unquoted, *problems]) from error
    if unquoted:
        raise InputError(path, unquoted)
    rig._changes = tuple(masked(override.option) for override in overrides)
    return rig


def load_rig_data(path: Path, data: CommentedMap, without_experiment: bool = False) -> Rig:
    """A rig that is still to be written into its file.

    Raises:
        InputError: names every problem.
    """
    try:
        return load_settings(path, Rig, {"without_experiment": without_experiment}, data)
    except InputError as error:
        raise InputError(error.path, [_with_way_out(problem) for problem in error.problems]) from error


def rest_of_rig(path: Path, overrides: Sequence[Override] = ()) -> tuple[Rig, frozenset[Place]] | None:
    """The valid rest of a rig file with mistakes, and the places of what it lacks; None if too little is left.

    Raises:
        InputError: it is no YAML.
    """
    context = {"directory": resolved(path).parent}
    found = salvage(Overridden(read_yaml(path), overrides).data, Rig, context)
    missing = {
        key: value for key, value in _STAND_INS.items() if isinstance(found.data, dict) and key not in found.data
    }
    try:
        rig = Rig.model_validate_json(json.dumps({**found.data, **missing}), strict=True, context=context)
    except (ValueError, TypeError):
        return None
    rig = rig.model_copy(update={"cameras": {}}) if "cameras" in missing else rig
    return rig, frozenset({*found.removed, *((key,) for key in missing)})


_STAND_INS = {"rig": "rig", "cameras": {"camera": {"source": "topic"}}}
"""What a rig can't be without: if that is what is wrong, such as its only camera, the rest is read all the same."""


def _with_way_out(problem: Problem) -> Problem:
    """A device that dlstream does not know can still be an output."""
    match problem.place:
        case ("outputs", name, "type") if not problem.suggestion:
            own = f"a node of your own on /outputs/{name}/command (docs/how-to/ros2.md)"
            return replace(problem, suggestion=f"For another device: `type: topic`, and {own}.")
    return problem


def with_panel(rig: Rig) -> Rig:
    """The rig with a panel, also where its file has none."""
    return rig if rig.panel is not None else rig.model_copy(update={"panel": PanelSection()})
