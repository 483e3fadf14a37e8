"""The nodes of a rig, an entry for each kind.

The rig file, `ros2 launch`, `dlstream run`, `dlstream check` and the list of keys all run over this table: a new kind
of node is an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from dlstream.rig import checks
from dlstream.rig.facts import RigFacts
from dlstream.rig.panel import PanelSection, check_panel, facts_for_panel, true_or_mapping
from dlstream.rig.sections import TopicCamera, TopicOutput, section_of
from dlstream_camera import SOURCES, source_settings
from dlstream_common import Name, Problem, Settings
from dlstream_common.tagged import Tagged
from dlstream_experiment import ExperimentSettings
from dlstream_outputs import OUTPUTS, output_settings
from dlstream_outputs.inputs import InputSettings
from dlstream_pose import ENGINES, FILTERS, EngineSettings, PoseSettings, engine_settings, filter_settings
from dlstream_recorder import RecorderSettings


@cache
def _camera(source: str) -> type[Settings]:
    """What a camera's section takes where it says that `source`; raises PartError."""
    return TopicCamera if source == "topic" else section_of(source_settings(source))


@cache
def _output(kind: str) -> type[Settings]:
    """What an output's section takes where it says that `type`; raises PartError."""
    return TopicOutput if kind == "topic" else section_of(output_settings(kind))


def _path_or_mapping(value: Any) -> Any:
    if isinstance(value, dict) and "allow_python" in value:
        raise ValueError("a rig file without allow_python: no file can allow code to run; start with --allow-python")
    return {"file": value} if isinstance(value, str) else value


def _by_name(section: str, tag: str, settings: Mapping[str, type[Settings]]) -> dict[str, type[Settings]]:
    return {f"`{section}.<name>` with `{tag}: {name}`": model for name, model in settings.items()}


def _parts_of_pose() -> dict[str, type[Settings]]:
    """The keys of engines and filters; engines that have only those of every engine are not listed by themselves."""
    engines = {name: engine_settings(name) for name in ENGINES}
    own = {name: model for name, model in engines.items() if set(model.model_fields) > set(EngineSettings.model_fields)}
    found: dict[str, type[Settings]] = {"`pose.engine` with any `type`": EngineSettings}
    found |= {f"`pose.engine` with `type: {name}`": model for name, model in own.items()}
    return found | {f"`pose.filter` with `type: {name}`": filter_settings(name) for name in FILTERS}


_Experiment = section_of(ExperimentSettings)


@dataclass(frozen=True)
class NodeKind:
    """One kind of node.

    Attributes:
        section: its key in the rig file.
        position: of the section in the rig file and the documentation, from 0; the table has the order of the starts.
        meaning: of the section, in the documentation.
        settings: what the section takes, as an annotation.
        documented: the classes whose fields are the section's keys, by the title under which they are listed.
        several: the section is a mapping, with a node for each name.
        required: there must be at least one.
        component: the node's class, `package::Class`; empty: it always has a process of its own.
        takes_images: it subscribes to the cameras' images, wherever somebody else publishes them.
        publishes_images: it is a camera: the rig ends, without a failure, when it has ended by itself.
        decides: what the outputs do depends on it: they go off when it dies, even if the rig continues without it.
        commands: it is what commands the outputs: it ends first where somebody ends the rig.
        foreign: a section of this class is run by somebody else; no node is started for it.
        node_name, namespace: of the node, from its name in the section; within the rig's namespace.
        fill: the parameters that the rig fills in where the section of that name doesn't say them.
        check: what is wrong with a section, as far as that shows before a node starts; places are below the section.
    """

    section: str
    position: int
    meaning: str
    settings: Any
    documented: Callable[[], Mapping[str, type[Settings]]]
    package: str
    executable: str
    check: Callable[[Any, RigFacts], Iterable[Problem]]
    fill: Callable[[RigFacts, str], Mapping[str, Any]] = lambda facts, name: {}
    several: bool = False
    required: bool = False
    component: str = ""
    takes_images: bool = False
    publishes_images: bool = False
    decides: bool = False
    commands: bool = False
    foreign: type[Settings] | None = None
    node_name: Callable[[str], str] = lambda name: name
    namespace: Callable[[str], str] = lambda name: "/"

    @property
    def annotation(self) -> Any:
        """Of the section's field in the rig file's model."""
        if not self.several:
            return self.settings | None
        mapping: Any = dict[Name, self.settings]  # type: ignore[name-defined]
        return Annotated[mapping, Field(min_length=1)] if self.required else mapping

    @property
    def default(self) -> Any:
        """Of the section's field; ... where it must be given."""
        return ... if self.required else {} if self.several else None

    def sections(self, rig: Any) -> Iterator[tuple[str, Any]]:
        """The rig's nodes of this kind: name and section of each, also of those that somebody else runs."""
        value = getattr(rig, self.section)
        if self.several:
            yield from value.items()
        elif value is not None:
            yield self.section, value

    def is_foreign(self, section: Settings) -> bool:
        """Whether somebody else runs it."""
        return self.foreign is not None and isinstance(section, self.foreign)


NODE_KINDS = (
    NodeKind(
        section="panel",
        position=6,
        meaning="The page of the rig in a browser: `true`, or a mapping.",
        settings=Annotated[
            PanelSection | None, BeforeValidator(true_or_mapping, json_schema_input_type=bool | PanelSection)
        ],
        documented=lambda: {"`panel` (or just `true`)": PanelSection},
        package="dlstream_panel",
        executable="panel",
        fill=lambda facts, name: facts_for_panel(facts),
        check=check_panel,
    ),
    NodeKind(
        section="outputs",
        position=3,
        meaning="The devices that the experiment commands, by name.",
        settings=Annotated[Settings, Tagged("type", (*OUTPUTS, "topic"), _output, OUTPUTS)],
        documented=lambda: _by_name(
            "outputs", "type", {**{name: output_settings(name) for name in OUTPUTS}, "topic": TopicOutput}
        ),
        several=True,
        package="dlstream_outputs",
        executable="output",
        namespace=lambda name: "/outputs",
        foreign=TopicOutput,
        fill=lambda facts, name: {
            "commander": facts.full_name("/experiment"),
            "one_session": facts.recorder is not None and facts.recorder.start == "rig",
            "memory": facts.memory_of(name),
        },
        check=checks.check_output,
    ),
    NodeKind(
        section="inputs",
        position=4,
        meaning="Levers, lick sensors, TTL lines and photodiodes at a board, by name.",
        settings=section_of(InputSettings),
        documented=lambda: {"`inputs.<name>`": InputSettings},
        several=True,
        package="dlstream_outputs",
        executable="input",
        namespace=lambda name: "/inputs",
        fill=lambda facts, name: {"rig_namespace": facts.namespace},
        decides=True,
        check=checks.check_input,
    ),
    NodeKind(
        section="recorder",
        position=5,
        meaning="What is recorded, and where.",
        settings=section_of(RecorderSettings),
        documented=lambda: {"`recorder`": RecorderSettings},
        package="dlstream_recorder",
        executable="recorder",
        component="dlstream_recorder::RecorderNode",
        takes_images=True,
        fill=lambda facts, name: {
            "cameras": sorted(facts.cameras),
            "outputs": sorted(facts.outputs),
            "rig": facts.name,
            "metadata": facts.session.metadata().entries(),
            "changes": list(facts.changes),
            "rig_file": facts.file.resolve(),
            "experiment_file": facts.experiment.file if facts.experiment else None,
        },
        check=checks.check_recorder,
    ),
    NodeKind(
        section="pose",
        position=1,
        meaning="Pose estimation, for every camera.",
        settings=section_of(PoseSettings),
        documented=lambda: {"`pose`": PoseSettings, **_parts_of_pose()},
        package="dlstream_pose",
        executable="pose",
        component="dlstream_pose::PoseNode",
        decides=True,
        takes_images=True,
        fill=lambda facts, name: facts.fill_pose(),
        check=checks.check_pose,
    ),
    NodeKind(
        section="experiment",
        position=2,
        meaning="The experiment: its file, or a mapping with `file` and the node's other parameters.",
        settings=Annotated[_Experiment, BeforeValidator(_path_or_mapping, json_schema_input_type=str | _Experiment)],
        documented=lambda: {"`experiment` (or just the path of its file)": ExperimentSettings},
        package="dlstream_experiment",
        executable="experiment",
        component="dlstream_experiment::ExperimentNode",
        decides=True,
        commands=True,
        fill=lambda facts, name: {
            "cameras": facts.pose_cameras,
            "outputs": sorted(facts.outputs),
            "autostart_run": True,
            "listeners": 1 if facts.recorder is None else 2,
        },
        check=checks.check_experiment_section,
    ),
    NodeKind(
        section="cameras",
        position=0,
        meaning="The cameras by name; the name is the namespace of their topics.",
        settings=Annotated[Settings, Tagged("source", (*SOURCES, "topic"), _camera, SOURCES)],
        documented=lambda: _by_name(
            "cameras", "source", {**{name: source_settings(name) for name in SOURCES}, "topic": TopicCamera}
        ),
        several=True,
        required=True,
        package="dlstream_camera",
        executable="camera",
        component="dlstream_camera::CameraNode",
        node_name=lambda name: "camera",
        namespace=lambda name: f"/{name}",
        publishes_images=True,
        decides=True,
        foreign=TopicCamera,
        fill=lambda facts, name: facts.fill_camera(name),
        check=checks.check_camera,
    ),
)
"""In the order in which the nodes start; they end in reverse.

So the cameras end first, then the experiment, before it could miss poses, the recorder after all it records, and the
panel, which shows it, at last. Where somebody ends the rig, the experiment comes before them all.
"""
