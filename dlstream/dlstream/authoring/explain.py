"""`dlstream experiment check`: checks a file against all that is known of its rig, explains and draws it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dlstream.rig.facts import RigFacts, network_info
from dlstream.rig.file import Rig, load_rig
from dlstream_common import DlstreamError, Image, InputError, Problem, encoding_of, to_bgr
from dlstream_common.video import VideoFrame, open_frames
from dlstream_experiment import Experiment, KnownRig, load_checked
from dlstream_experiment.describe.targets import targets_of
from dlstream_experiment.describe.words import region_in_words, trigger_in_words, usual_in_words
from dlstream_pose import Network
from dlstream_recorder import write_error


@dataclass
class Known:
    """What is known of the rig that an experiment is for; None: nothing."""

    cameras: Sequence[str] | None = None
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    asked: dict[str, tuple[int, int]] = field(default_factory=dict)
    keypoints: Sequence[str] | None = None
    individuals: Sequence[str] | None = None
    rates: dict[str, float] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None
    inputs: Sequence[str] | None = None
    depths: Collection[str] | None = None
    predicted: bool = False
    frame: Image | None = None

    @classmethod
    def of(cls, rig_file: Path | None, network: Path | None, frame: Path | None) -> Known:
        """From a rig file, a network and a picture or video, as far as they are given.

        Raises:
            DlstreamError: one of them can't be read.
        """
        known = cls()
        if rig_file is not None:
            rig = load_rig(rig_file, without_experiment=True)
            known = cls.of_rig(rig, rig_file, with_network=network is None)
        if network is not None:
            info = Network(network).info
            known.keypoints, known.individuals = info.keypoints, info.animals
        if frame is not None:
            known.frame = read_frame(frame)
        return known

    @classmethod
    def of_rig(cls, rig: Rig, file: Path, with_network: bool = True) -> Known:
        """From a rig that was read, or is still to be written into its file.

        Raises:
            DlstreamError: its network can't be read.
        """
        known = cls(inputs=list(rig.inputs))
        facts = RigFacts.of(rig, file)
        known.cameras, known.outputs = facts.pose_cameras, rig.outputs
        known.depths = facts.depth_cameras if rig.pose else None
        known.sizes, known.rates = facts.image_sizes, facts.frame_rates
        known.asked = facts.asked_sizes
        known.predicted = getattr(rig.pose, "predict", "none") == "now"
        if rig.pose is not None and with_network:
            info = network_info(rig.pose)
            known.keypoints, known.individuals = info.keypoints, info.animals
        return known

    def rig(self) -> KnownRig:
        """The same for the checks."""
        return KnownRig(
            cameras=self.cameras,
            image_sizes=self.sizes,
            asked_sizes=self.asked,
            frame_size=None if self.frame is None else (self.frame.shape[1], self.frame.shape[0]),
            keypoints=self.keypoints,
            outputs=self.outputs,
            inputs=self.inputs,
            individuals=self.individuals,
            rates=self.rates,
            depths=self.depths,
            predicted=self.predicted,
        )

    def missing(self) -> list[str]:
        """What could not be checked, and the option that would provide it."""
        lacking = [] if self.keypoints is not None else ["keypoints (--rig or --network)"]
        lacking += [] if self.outputs is not None else ["outputs and cameras (--rig)"]
        return lacking + ([] if self.sizes or self.asked else ["the regions' places (--rig or --frame)"])


def check_file(file: Path, known: Known, out: Path | None, console: Console, allow_python: bool = False) -> Experiment:
    """Checks an experiment file, explains it and draws it into the folder `out` (None: no pictures).

    Raises:
        InputError: names every problem.
        RecordingError: a picture can't be written.
    """
    experiment, warnings = load_checked(file, known.rig(), allow_python)
    if experiment.image_size is not None and experiment.camera not in known.asked:
        known.sizes.setdefault(experiment.camera, experiment.image_size)
    if known.frame is not None:
        known.sizes[experiment.camera] = (known.frame.shape[1], known.frame.shape[0])
    explain(experiment, console)
    for warning in warnings:
        console.print(_problem(file, warning, "yellow"))
    if known.missing():
        console.print(Text(f"Not checked, for lack of information: {', '.join(known.missing())}.", "dim"))
    if out is not None:
        console.print("[bold]Pictures[/]")
        try:
            for picture in draw(experiment, out, known.frame, known.asked | known.sizes):
                console.print(Text(f"  {picture}"), soft_wrap=True)
        except OSError as error:
            raise write_error(Path(error.filename or out), error) from error
    count = f" {len(warnings)} warning{'s' if len(warnings) > 1 else ''}." if warnings else ""
    console.print(f"[bold green]{escape(str(file))} is valid.[/][yellow]{count}[/]", soft_wrap=True)
    return experiment


def explain(experiment: Experiment, console: Console) -> None:
    """Prints an experiment in words."""
    e = experiment
    head = [Text.assemble((e.experiment, "bold"), f"   camera '{e.camera}', protocol {e.protocol.type}")]
    for key, value in e.metadata.items():
        head.append(Text(f"{key}: {value}", "dim"))
    console.print(Panel(Group(*head), border_style="cyan", expand=True))
    if e.regions:
        console.print("[bold]Regions[/]")
        rows = {name: region_in_words(region, e.camera) for name, region in e.regions.items()}
        console.print(_rows(rows, "cyan"))
    if e.keypoints:
        console.print("[bold]Virtual keypoints[/]")
        console.print(_rows({name: point.in_words() for name, point in e.keypoints.items()}, "cyan"))
    console.print("[bold]Triggers[/]")
    console.print(_rows({name: f"true when {trigger_in_words(item)}" for name, item in e.triggers.items()}, "magenta"))
    if usual := usual_in_words(e.triggers.values()):
        console.print(Padding(Text(usual, "dim"), (0, 0, 0, 2)))
    console.print("[bold]Protocol[/]")
    for number, sentence in enumerate(e.protocol.in_words(), start=1):
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(f"{number:>4}.", "dim"), Text(sentence))
        console.print(line)
    console.print("[bold]Safety[/]")
    for sentence in safety_in_words(e):
        console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    console.print()


def safety_in_words(experiment: Experiment) -> Iterator[str]:
    """When outputs go off whatever the protocol says."""
    age, silence = experiment.max_age, experiment.pose_timeout
    yield (
        f"A pose that arrives more than {age:g} s after its frame is not used for decisions."
        if age
        else "Poses of any age are used (max_age: 0)."
    )
    yield f"After {silence:g} s without a pose every output goes off until poses return."
    if experiment.outputs:
        yield f"Outputs: {', '.join(experiment.outputs)}; all go off when the run ends."


def show_problems(error: InputError, console: Console) -> None:
    """Prints every problem with its line of the file."""
    for problem in error.problems:
        show_problem(error.path, problem, console)
    count = len(error.problems)
    console.print(f"[bold red]{count} {'mistake' if count == 1 else 'mistakes'}.[/] Nothing was started.")


def show_problem(file: Path, problem: Problem, console: Console) -> None:
    """Prints a problem of a file with the line on which it stands."""
    file = problem.file or file
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    except (OSError, UnicodeDecodeError):
        lines = []
    console.print(_problem(file, problem, "yellow" if problem.is_warning else "red", lines))


def draw(
    experiment: Experiment, out: Path, frame: Image | None, sizes: Mapping[str, tuple[int, int]]
) -> Iterator[Path]:
    """Draws the states and, for each camera, the regions and what triggers aim at; the files."""
    from dlstream_experiment.describe.drawing import draw_regions, draw_states, pictures_of  # with matplotlib: a second

    name = experiment.path.stem
    diagram = experiment.protocol.diagram()
    if diagram.boxes:
        files = list(pictures_of(out, name, "states"))
        draw_states(diagram, files, experiment.experiment)
        yield from files
    by_camera: dict[str, dict[str, Any]] = {}
    for key, region in experiment.regions.items():
        by_camera.setdefault(region.camera or experiment.camera, {})[key] = region
    targets = {camera: list(targets_of(experiment, camera)) for camera in experiment.cameras}
    for camera in dict.fromkeys([*by_camera, *(camera for camera, aims in targets.items() if aims)]):
        regions = by_camera.get(camera, {})
        file = out / f"{name}.regions.{camera}.png"
        own = frame if camera == experiment.camera else None
        draw_regions(regions, [file], own, sizes.get(camera), targets.get(camera, []))
        yield file


def read_frame(file: Path) -> Image:
    """An image file, or the first frame of a video that can be decoded: (height, width, 3) uint8, blue, green, red.

    Raises:
        DlstreamError: it is neither.
    """
    if file.exists() and not file.is_file():
        raise DlstreamError(f"frame {file}: found no file; expected a picture or a video")
    try:
        frames = open_frames(file, fps=1.0).frames()  # its times do not matter
    except DlstreamError as error:
        raise DlstreamError(f"frame {error}") from error
    for item in frames:
        if isinstance(item, VideoFrame):
            return to_bgr(item.image, encoding_of(item.image))
    raise DlstreamError(f"frame {file}: found neither a picture nor a video that can be read; expected one of them")


def _rows(rows: Mapping[str, str], style: str) -> Padding:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, max_width=28)
    for name, text in rows.items():
        table.add_row(Text(name, style), Text(text))
    return Padding(table, (0, 0, 0, 2))


def _problem(file: Path, problem: Problem, style: str, lines: Sequence[str] = ()) -> Group:
    where = problem.where(file)
    parts: list[Any] = [Text.assemble((where, "bold"), " ", (problem.key, style), no_wrap=True, overflow="fold")]
    if not problem.option and problem.line and 0 < problem.line <= len(lines):
        text = lines[problem.line - 1].strip()
        parts.append(
            Padding(Text(f"{problem.line:>4} | {text}", "dim", no_wrap=True, overflow="ellipsis"), (0, 0, 0, 1))
        )
    table = Table.grid(padding=(0, 2))
    if problem.expected:
        table.add_row("", Text("found", style), Text(problem.found))
        table.add_row("", Text("expected", "green"), Text(problem.expected))
    else:
        table.add_row("", Text(problem.found))
    if problem.suggestion:
        table.add_row("", Text("hint", "cyan"), Text(problem.suggestion))
    return Group(*parts, table, Text())
