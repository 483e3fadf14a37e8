"""Sham stimuli are as many and as long as the real ones would have been, also around lost poses and at a run's end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlstream_common import FramePoses, Individual
from dlstream_experiment import Command, Engine, Event, load_experiment
from dlstream_experiment.runtime.effects import Effect
from dlstream_recorder import EventRow
from dlstream_recorder.report.intervals import per_trigger, stimuli
from dlstream_recorder.report.tables import read_events
from dlstream_recorder.writers.events import EventTable

SECOND = 1_000_000_000
END = 1800 * SECOND
STATES = """\
experiment: light
camera: top
regions: {{left: {{type: rectangle, left: 0, top: 0, right: 100, bottom: 100}}}}
triggers: {{in_left: {{type: region, region: left, keypoints: [nose]}}}}
protocol:
  type: states
  start: wait
  states:
    wait: {{transitions: [{{when: in_left, go: light}}]}}
    light: {{stimuli: [{{output: laser, {stimulus}}}], transitions: [{{when: in_left, is: false, go: wait}}]}}
"""


def rows_of(effects: Iterable[Effect]) -> Iterator[EventRow]:
    for number, item in enumerate(effects):
        if isinstance(item, Command):
            link = {"source": "experiment", "id": number, "trigger": item.trigger}
            yield EventRow("command", item.output, stamp_ns=item.stamp, action=item.action, values=item.values, **link)
        elif isinstance(item, Event):
            frame = item.cause.stamp if item.cause else 0
            yield EventRow(item.kind, item.name, frame_stamp_ns=frame, stamp_ns=item.stamp, values=item.values)


@pytest.fixture
def found(tmp_path) -> Callable[[Iterable[EventRow]], pd.DataFrame]:
    """The stimuli of a session with these rows in its events.csv."""

    def found_(rows: Iterable[EventRow]) -> pd.DataFrame:
        (tmp_path / "events.csv").unlink(missing_ok=True)
        table = EventTable(tmp_path / "events.csv", lambda: SECOND)
        for row in rows:
            table.add(row)
        table.close()
        return stimuli(read_events(tmp_path), END)

    return found_


def run(folder: Path, stimulus: str, control: str) -> list[EventRow]:
    """In the region from 2 s on, without poses from 5 s to 15 s, outside from 16 s to 17 s; stopped at 20 s."""
    (folder / "light.yaml").write_text(STATES.format(stimulus=stimulus) + control)
    engine = Engine(load_experiment(folder / "light.yaml"))
    effects = engine.start(SECOND)
    for number, tenth in enumerate(range(11, 200)):
        stamp = tenth * SECOND // 10
        if 50 <= tenth < 150:
            effects += engine.tick(stamp) if engine.needs_tick(stamp) else []
            continue
        x = 50 if tenth >= 20 and not 160 <= tenth < 170 else 500
        one = Individual("", *(np.float32([value]) for value in (x, 50, 0.9)))
        effects += engine.poses(FramePoses("top", number, stamp, ("nose",), (one,)), stamp + SECOND // 100)
    return list(rows_of([*effects, *engine.stop(20 * SECOND, "enough")]))


@pytest.mark.parametrize(("stimulus", "count"), [("action: 'on'", 3), ("action: 'on', values: {duration: 60 s}", 2)])
def test_the_sham_run_has_what_the_real_one_has(tmp_path, found, stimulus, count):
    [real], [sham] = (
        per_trigger(found(run(tmp_path, stimulus, control))).to_dict("records")
        for control in ("", "  control: {type: sham, probability: 1}\n")
    )
    assert (real["trigger"], real["real"], real["sham"]) == ("in_left", count, 0), "with its trigger after the gap, too"
    assert (sham["trigger"], sham["real"], sham["sham"]) == ("in_left", 0, count)
    assert sham["sham_seconds"] == pytest.approx(real["real_seconds"])
    assert 5 < real["real_seconds"] < 9


def test_sham_stimuli_end_with_their_run_and_with_any_off(found):
    def sham(seconds: float, output: str = "laser") -> EventRow:
        return EventRow(
            "sham_started", output, stamp_ns=round(seconds * SECOND), values={"action": "on", "trigger": "near"}
        )

    def off(seconds: float, number: int) -> EventRow:
        return EventRow("command", "laser", stamp_ns=round(seconds * SECOND), source="rig", id=number, action="off")

    table = found(
        [
            sham(10),  # of the first moment of a run, and recorded before what belongs to its start
            EventRow("experiment_started", "x", stamp_ns=10 * SECOND),
            off(10, 1),
            off(13, 2),  # its node has died
            EventRow("experiment_started", "x", stamp_ns=20 * SECOND),
            sham(21),
            EventRow("experiment_started", "x", stamp_ns=25 * SECOND),
            sham(26),
            sham(27, "screen"),
            EventRow("experiment_ended", "x", stamp_ns=30 * SECOND),
        ]
    )
    assert [(row.output, row.start_ns // SECOND, row.stop_ns // SECOND) for row in table.itertuples()] == [
        ("laser", 10, 13),
        ("laser", 21, 25),
        ("laser", 26, 30),
        ("screen", 27, 30),
    ]


def test_outputs_are_off_until_all_cameras_give_poses_again(found):
    def poses(kind: str, seconds: int, camera: str, frame: int = 0) -> EventRow:
        return EventRow(kind, "pose", frame_stamp_ns=frame, stamp_ns=seconds * SECOND, values={"camera": camera})

    def sham(kind: str, seconds: int, output: str, action: str = "on", **values: str) -> EventRow:
        return EventRow(kind, output, stamp_ns=seconds * SECOND, values={"action": action, **values})

    table = found(
        [
            EventRow("experiment_started", "x", stamp_ns=SECOND),
            sham("sham_started", 2, "laser", trigger="near"),
            poses("fault", 3, "top", frame=1),  # too old, for example: nothing goes off
            sham("sham_started", 4, "valve", "pulse", volume="5 ul"),
            poses("fault", 5, "top"),
            sham("sham_changed", 6, "laser", "level", level="0.5"),
            poses("fault", 7, "side"),
            poses("recovered", 8, "top", frame=1),
            sham("sham_started", 9, "light", "pulse", width="20 ms"),  # due without poses: not given late
            poses("recovered", 10, "side", frame=1),
            poses("fault", 12, "top"),
        ]
    )
    columns = ["output", "action", "start_ns", "stop_ns", "trigger"]
    assert table[columns].values.tolist() == [
        ["laser", "on", 2 * SECOND, 5 * SECOND, "near"],
        ["valve", "pulse", 4 * SECOND, 5 * SECOND, ""],
        ["laser", "level", 10 * SECOND, 12 * SECOND, ""],
    ]
