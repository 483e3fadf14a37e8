"""`dlstream latency`: starts a rig without its experiment, and measures."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from dlstream.console import show_line
from dlstream.latency.detectors import CameraDetector, InputDetector
from dlstream.latency.flashes import CHAINS, ENOUGH_FOR_P99, LOOK, Flash, distribution, save
from dlstream.latency.measure import Measurement
from dlstream.latency.node import NAME, LatencyNode
from dlstream.rig.file import Rig
from dlstream.rig.nodes import rig_nodes
from dlstream.rig.sections import TopicOutput, frame_triggers
from dlstream.run.environment import node_environment
from dlstream.run.monitor import Monitor
from dlstream.run.runner import Runner
from dlstream.run.supervision import Ending
from dlstream_common import DlstreamError, did_you_mean


class LatencyError(DlstreamError):
    """The rig has nothing to measure with."""


@dataclass(frozen=True)
class Wanted:
    """What is to be measured.

    Attributes:
        camera, output: names in the rig; empty: the only one.
        input: the rig's input that sees the light; empty: the camera does.
        action, values: the command that switches the light on; empty: `show` with a screen's first image, else `on`.
        region: where to look for the light: x, y, width, height in pixels; empty: everywhere.
        times: number of flashes.
        seed: of the times at which they come.
    """

    camera: str = ""
    output: str = ""
    input: str = ""
    action: str = ""
    values: Mapping[str, str] | None = None
    region: Sequence[int] = ()
    times: int = 200
    seed: int = 0


def measure_latency(rig: Rig, file: Path, wanted: Wanted, out: Path, console: Console) -> int:
    """Measures, prints the table, and writes latency.csv and latency.png into the folder `out`; returns the exit code.

    Raises:
        DlstreamError: the rig has no such camera or output, the output refuses, or no light is seen.
    """
    if rig.hosts:
        raise LatencyError(
            f"{file}: found a section 'hosts'; expected a rig of one computer, whose clock sees both ends"
        )
    light, with_pose = wanted.input, rig.pose is not None
    watched = with_pose or not light
    if light:
        _one_of("input", light, list(rig.inputs))
    if light and wanted.region:
        raise LatencyError("found --region beside --input; expected one of them: an input has no picture")
    camera = _one_of("camera", wanted.camera, list(rig.cameras)) if watched else ""
    output = _one_of("output", wanted.output, list(rig.outputs))
    section = rig.outputs[output]
    action, values = _command(section, wanted)
    if not isinstance(section, TopicOutput):
        problem = section.check_command(action, values)
        if problem is not None:
            raise LatencyError(f"output '{output}': {problem}")
    root = f"/{rig.namespace}".rstrip("/")
    parts = _parts(rig, output, light, f"{root}/{NAME}")
    found = _Measured()
    environment = node_environment()
    os.environ.update(environment)
    specs = [
        spec
        for spec in rig_nodes(parts, file)
        if not spec.ends_rig or (watched and any(node.namespace == f"{root}/{camera}" for node in spec.nodes))
    ]
    monitor = Monitor(rig.rig, file, [node.full_name for spec in specs for node in spec.nodes], [output], rig.namespace)
    node = LatencyNode(camera, output, with_pose, light, rig.namespace)
    detector = InputDetector(light) if light else CameraDetector(wanted.region)
    try:
        monitor.claim.check()
        runner = Runner(specs, environment, partial(show_line, console), monitor.report_fault, monitor.stop_outputs)
        text = " ".join([action, *(f"{key}={value}" for key, value in values.items())])
        seen_by = light or camera
        console.print(f"Flashing '{output}' ({escape(text)}) {wanted.times} times, seen by '{seen_by}' ...")
        measurement = Measurement(node, action, values, with_pose, detector, wanted.seed, lambda: found.over)
        thread = threading.Thread(target=found.run, args=(measurement, wanted.times, runner, console), name="measure")
        thread.start()

        def on_stopping(ending: Ending) -> None:
            found.over = True
            measurement.end()

        code = runner.run(on_stopping=on_stopping)
        found.over = True
        thread.join()
    finally:
        node.close()
        monitor.close()
    if not found.flashes:
        if found.error is not None and found.faults:
            faults = "; ".join(dict.fromkeys(found.faults))
            raise LatencyError(f"{found.error} Meanwhile the rig reported a fault, which may be why: {faults}")
        if found.error is not None:
            raise found.error
        return code or 1
    whole = _report(found, detector, f"{rig.rig}: {output} seen by {seen_by}", text, out, console)
    if len(found.flashes) == wanted.times:
        return 0 if whole else 1
    why = f": {found.error}" if found.error is not None else ""
    console.print(f"[bold red]Ended after {len(found.flashes)} of {wanted.times} flashes[/]{escape(why)}")
    return 1


class _Measured:
    """The measurement in its own thread, while the main one runs the rig."""

    def __init__(self) -> None:
        self.over = False
        self.error: DlstreamError | None = None
        self.flashes: list[Flash] = []
        self.faults: list[str] = []

    def run(self, measurement: Measurement, times: int, runner: Runner, console: Console) -> None:
        try:
            measurement.wait_for_rig()
            console.print(measurement.find())
            with Progress(console=console, transient=True) as progress:
                task = progress.add_task("flashes", total=times)
                measurement.run(times, lambda done, total: progress.update(task, completed=done))
        except DlstreamError as error:
            self.error = None if self.over else error
        finally:
            self.flashes, self.faults = measurement.flashes, measurement.faults
            runner.stop("the measurement is over", failed=self.error is not None)


def _one_of(kind: str, name: str, known: list[str]) -> str:
    if not name and len(known) == 1:
        return known[0]
    listed = ", ".join(known) or f"no {kind}"
    if not name:
        raise LatencyError(f"found {listed} in the rig; expected one {kind}. Name it: --{kind} NAME")
    if name not in known:
        raise LatencyError(
            f"--{kind}: found '{name}'; expected one of the rig's: {listed}. {did_you_mean(name, known)}"
        )
    return name


def _command(section: object, wanted: Wanted) -> tuple[str, Mapping[str, str]]:
    if wanted.action:
        return wanted.action, wanted.values or {}
    images = list(getattr(section, "paths", {}))
    return ("show", {"image": images[0]}) if images else ("on", {})


def _parts(rig: Rig, output: str, light: str, commander: str) -> Rig:
    """What is measured of the rig: the output, which obeys this measurement in place of the experiment."""
    section = rig.outputs[output]
    if not isinstance(section, TopicOutput):
        section = section.model_copy(update={"commander": commander})
    return rig.model_copy(
        update={
            "experiment": None,
            "recorder": None,
            "together": False,
            "outputs": frame_triggers(rig) | {output: section},
            "inputs": {light: rig.inputs[light]} if light else {},
        }
    )


def _report(
    found: _Measured, detector: CameraDetector | InputDetector, title: str, text: str, out: Path, console: Console
) -> bool:
    """Prints and writes the figures; whether every flash was seen to go on and off."""
    from dlstream.latency.plot import plot

    out.mkdir(parents=True, exist_ok=True)
    rows = save(found.flashes, out / "latency.csv")
    by_input = isinstance(detector, InputDetector)
    table = Table("from -> to", box=None, title="Latency, ms", title_justify="left", title_style="bold")
    for column in ("least", "p50", "p95", "p99", "max", "n"):
        table.add_column(column, justify="right")
    for chain in CHAINS:
        d = distribution(rows[chain.name])
        if d is not None:
            p99 = f"{d.p99:.1f}" if d.n >= ENOUGH_FOR_P99 else "-"
            figures = (f"{d.least:.1f}", f"{d.p50:.1f}", f"{d.p95:.1f}", p99, f"{d.worst:.1f}")
            table.add_row(chain.words(by_input), *figures, str(d.n))
    console.print(table)
    if isinstance(detector, InputDetector):
        precision = f"the stamps are the board's, right to {detector.uncertainty_us / 1000:.1f} ms"
        console.print(f"An input has no interval: {precision} on this computer's clock.")
    else:
        look = rows[LOOK].median()
        precision = f"the camera looks every {look:.1f} ms"
        console.print(
            f"The camera looks every {look:.1f} ms: a light that changes just after a look is seen that much later. "
            "So the second row is too long by up to that, and the last one off by up to that, in either direction."
        )
    seen, unseen = sum(flash.complete for flash in found.flashes), sum(not flash.complete for flash in found.flashes)
    if unseen:
        console.print(f"[bold red]{unseen} of {len(found.flashes)} flashes were not seen to go on and off.[/]")
    for text, count in Counter(found.faults).items():
        console.print(f"[bold red]Fault[/]     {escape(text)}" + (f" ({count} times)" if count > 1 else ""))
    when = time.strftime("%Y-%m-%d %H:%M")
    plot(rows, title, f"{seen} flashes ({text}), {when}; {precision}", out / "latency.png", by_input)
    console.print(
        f"[bold]Table[/]     {escape(str(out / 'latency.csv'))}\n[bold]Plot[/]      {escape(str(out / 'latency.png'))}"
    )
    return not unseen
