"""What can be wrong with a section of a rig file, found before a node starts. Places are below the section."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from dlstream.rig.facts import RigFacts, network_info, shows_depth
from dlstream.rig.hosts import host_of
from dlstream_camera import SOURCES, SourceSettings
from dlstream_common import DlstreamError, InputError, Problem, Severity, SourceError, line_of, suggest
from dlstream_common.part_faults import PartFault
from dlstream_common.plugins import PartError, Registry
from dlstream_experiment import Experiment, KnownRig, load_checked
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.protocols import texts
from dlstream_outputs import OUTPUTS, OutputSettings
from dlstream_outputs.port_users import in_use
from dlstream_pose import ENGINES, FILTERS
from dlstream_pose.runtime.estimator import SMALLEST
from dlstream_pose.runtime.scale import scale_doubt, scale_of
from dlstream_recorder.session.check import check_directory


def check_camera(camera: Any, facts: RigFacts) -> Iterator[Problem]:
    """A file that can't be read, a crop or a calibration that does not fit."""
    yield from _lacking(SOURCES, "source", camera)
    if facts.use_sim_time and isinstance(camera, SourceSettings):
        found = "a camera of this computer, whose stamps are not of /clock, in a rig with use_sim_time"
        yield Problem(("source",), found, "`source: topic`, as of a bag that is played with --clock")
    if isinstance(camera, SourceSettings):
        yield from camera.check()
        others = [
            other for other in facts.cameras.values() if isinstance(other, SourceSettings) and other is not camera
        ]
        host = host_of(camera, facts.hosts)
        kind = [other for other in others if _source(other) == _source(camera) and host_of(other, facts.hosts) == host]
        yield from camera.check_beside(kind)
        for ask in (camera.frame_rate, camera.asked_size, camera.is_depth, camera.shared_device):
            with suppress(SourceError):  # the check tells it
                ask()
        camera.beside(kind)
        for other in kind:
            camera.shows_depth_of(other)


def _source(camera: SourceSettings) -> str:
    return str(getattr(camera, "source", ""))


def check_output(output: Any, facts: RigFacts) -> Iterator[Problem]:
    """What the kind of output finds without its device."""
    yield from _lacking(OUTPUTS, "type", output)
    output.without_computer()
    try:
        output.check()
    except PartFault:
        raise
    except DlstreamError as error:
        yield Problem.of_error(error)
    yield from _busy_port(output)
    yield from _guards_switched_off(output)


def _guards_switched_off(output: Any) -> Iterator[Problem]:
    """A device that can hurt, and that silence does not switch off, or that obeys old commands."""
    if not isinstance(output, OutputSettings) or not _can_hurt(output):
        return
    if output.commander_timeout == 0:
        found = "0: what the experiment switched on stays on when it dies, hangs or can't be reached"
        yield Problem(("commander_timeout",), found, "seconds, such as 0.25", severity=Severity.WARNING)
    if output.max_command_age == 0:
        found = "0: a command is carried out however long it was on its way"
        yield Problem(("max_command_age",), found, "seconds, such as 0.5", severity=Severity.WARNING)


def _can_hurt(output: OutputSettings) -> bool:
    """Whether its type is armed only in runs."""
    name = str(getattr(output, "type", ""))
    return name in OUTPUTS and OUTPUTS[name].arming != "start"


def check_input(item: Any, facts: RigFacts) -> Iterator[Problem]:
    """A missing library, and a port that another program has: the ports are opened when the run begins."""
    yield from _lacking(OUTPUTS, "type", item)
    yield from _busy_port(item)


def _busy_port(section: Any) -> Iterator[Problem]:
    """A serial port that somebody else has open now, such as another rig; that may have ended when this one runs."""
    port = getattr(section, "port", "")
    if isinstance(port, str) and port.startswith("/") and (whose := in_use(port)):
        found = f"{port}, which is {whose}"
        yield Problem(
            ("port",), found, "a port that no other program has when the rig starts", severity=Severity.WARNING
        )


def check_pose(pose: Any, facts: RigFacts) -> Iterator[Problem]:
    """A network that does not load, an engine that is not installed, and a scale that does not fit."""
    yield from _lacking(ENGINES, "engine", pose)
    yield from _lacking(FILTERS, "filter", pose)
    if not facts.engine_is_known:
        return
    try:
        info = network_info(pose)
    except PartFault as fault:
        yield fault.problem("engine")
        return
    except DlstreamError as error:
        yield Problem.of_error(error, "network")
        return
    if doubt := scale_doubt(info, pose.scale):
        yield doubt
    yield from _wrong_depth(facts)
    if not facts.pose_cameras and "cameras" not in facts.partial:
        yield Problem((), "a network, and only cameras that show depth", "a camera whose images are pictures")
    scale = scale_of(info, pose.scale)
    for name, size in facts.image_sizes.items():
        width, height = (int(side * scale) for side in size)
        if min(width, height) < SMALLEST:
            found = f"{scale:g}, which leaves {width}x{height} pixels of camera '{name}' ({size[0]}x{size[1]})"
            yield Problem(("scale",), found, f"a scale that leaves at least {SMALLEST}x{SMALLEST} for the network")


def _wrong_depth(facts: RigFacts) -> Iterator[Problem]:
    """Cameras that do not exist, that show no depth, or whose images are not of the same size."""
    for name, depth in facts.depth_cameras.items():
        for camera in (name, depth):
            if camera not in facts.cameras and "cameras" not in facts.partial:
                hint = suggest(camera, sorted(facts.cameras))
                yield Problem(("depth",), f"'{camera}'", "a camera of the rig", hint)
        one, other = facts.cameras.get(name), facts.cameras.get(depth)
        if isinstance(other, SourceSettings) and not shows_depth(other):
            yield Problem(("depth",), f"'{depth}', whose images are pictures", "a camera whose images are depths")
        if not isinstance(one, SourceSettings) or not isinstance(other, SourceSettings):
            continue
        sizes = facts.image_sizes.get(name), facts.image_sizes.get(depth)
        if one.crop != other.crop or (None not in sizes and sizes[0] != sizes[1]):
            found = f"'{depth}', whose images are not of the size or crop of camera '{name}'"
            yield Problem(("depth",), found, "images of the same scene, pixel for pixel", "Give both the same crop.")


def check_recorder(recorder: Any, facts: RigFacts) -> Iterator[Problem]:
    """A folder that can't be written, or a session that is there already."""
    folder = recorder.directory / recorder.session
    if recorder.session and folder.exists():
        yield Problem(("session",), f"the session folder {folder}, which exists already", "a name not used yet")
    depth = [name for name, camera in facts.cameras.items() if shows_depth(camera)]
    if recorder.image_transport == "compressed" and depth:
        found = f"compressed in a rig whose camera '{depth[0]}' shows depth, which JPEG would spoil"
        yield Problem(("image_transport",), found, "raw")
    try:
        check_directory(recorder.directory, recorder.min_free)
    except DlstreamError as error:
        yield Problem.of_error(error, "directory")


def check_experiment_section(section: Any, facts: RigFacts) -> Iterator[Problem]:
    """An experiment without poses, mistakes of its file, what in it does not fit the rig, and its warnings."""
    foreign = any(getattr(camera, "source", "") == "topic" for camera in facts.cameras.values())
    if facts.pose is None and not foreign and "pose" not in facts.partial:
        yield Problem((), "an experiment in a rig without pose", "a section 'pose' with a network")
    network = facts.network
    known = KnownRig(
        keypoints=network.keypoints if network else None,
        individuals=network.animals if network else None,
        image_sizes=facts.image_sizes,
        asked_sizes=facts.asked_sizes,
        rates=facts.frame_rates,
        cameras=None if "cameras" in facts.partial else facts.pose_cameras,
        outputs=None if "outputs" in facts.partial else facts.outputs,
        inputs=None if "inputs" in facts.partial else facts.inputs,
        depths=None if facts.pose is None or "cameras" in facts.partial else facts.depth_cameras,
        predicted=getattr(facts.pose, "predict", "none") == "now",
    )
    try:
        experiment, warnings = load_checked(section.file, known, section.allow_python)
    except InputError as error:
        yield from (replace(problem, file=error.path) for problem in error.problems)
        return
    yield from (replace(warning, severity=Severity.WARNING, file=section.file) for warning in warnings)
    yield from _two_subjects(experiment, facts)
    for name, plane in experiment.calibration.items():
        camera = facts.cameras.get(name)
        file = camera.calibration if isinstance(camera, SourceSettings) else None
        if isinstance(plane, CameraPlane) and file is not None and file.read_bytes() != plane.camera_info.read_bytes():
            found = f"{plane.camera_info}, a different calibration from the rig's for camera '{name}', {file}"
            yield Problem(("file",), found, "the same file in both")


def check_session(session: Any, facts: RigFacts) -> Iterator[Problem]:
    """Metadata that contradicts itself, or that nobody records."""
    try:
        known = session.metadata().contents()
    except ValueError as error:
        yield Problem(("session", "subject"), str(error), "the same value in both, or only one of them")
        return
    if known and facts.recorder is None and "recorder" not in facts.partial:
        found = f"{', '.join(known)}, which nobody records"
        yield Problem(("session",), found, "a section 'recorder'", severity=Severity.WARNING)


def _two_subjects(experiment: Experiment, facts: RigFacts) -> Iterator[Problem]:
    """Metadata with different values in the experiment and in the rig: the session would carry both."""
    try:
        metadata = facts.session.metadata()
    except ValueError:  # check_session reports it
        return
    for name, value in texts(experiment.metadata).items():
        said = metadata.said_of(name)
        if said not in (None, value):
            place = ("metadata", name)
            found = f"'{value}', where the rig's session says '{said}'"
            line = line_of(experiment.data, place)
            yield Problem(place, found, "the same value in both, or only one of them", line=line, file=experiment.path)


def _lacking(parts: Registry[Any], key: str, section: Any) -> Iterator[Problem]:
    """Missing libraries of the part that a section names."""
    named = getattr(section, key)
    name = getattr(named, "type", named)  # of a part with settings of its own
    if name in ("topic", "auto", "none"):  # somebody else's node; whatever is there; nothing
        return
    try:
        parts.usable(name)
    except PartError as error:
        yield Problem((key,), f"'{name}': {error.found}", error.expected, error.suggestion)
