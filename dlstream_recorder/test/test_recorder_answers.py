"""Which answer belongs to which command, and what follows for stimuli and trials."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlstream_recorder import EventRow
from dlstream_recorder.report.intervals import stimuli, trials
from dlstream_recorder.report.tables import read_events

SECOND = 1_000_000_000


@pytest.fixture
def told(open_session, make):
    """Tells an output something, which it answers: after `begins` seconds it is done."""
    session = open_session("2026-11-22_box", bag=False)
    for number, image in enumerate(make.images(2)):
        session.add_frame(make.frame(number, image))

    def at(seconds: float) -> int:
        return make.start + round(seconds * SECOND)

    def tell(
        seconds: float, output: str, number: int, action: str, refused: bool = False, begins: float = 0, **values: str
    ) -> None:
        link = {"source": "experiment", "id": number}
        decided = at(seconds)
        command = EventRow("command", output, stamp_ns=decided, sent_ns=decided, recorded_ns=decided, **link)
        session.add_event(replace(command, action=action, values=values, trigger=f"in_{output}"))
        applied = 0 if refused else at(seconds + begins)
        answer = EventRow("acknowledgement", output, stamp_ns=applied or decided, applied_ns=applied, **link)
        success = "false" if refused else "true"
        session.add_event(replace(answer, success=success, received_ns=decided, recorded_ns=decided + 1000))

    def finished() -> list[dict[str, object]]:
        session.finish()
        return [
            {**row, "start": (row["start_ns"] - make.start) / SECOND, "stop": (row["stop_ns"] - make.start) / SECOND}
            for row in stimuli(read_events(session.folder), at(100)).to_dict("records")
        ]

    tell.finished, tell.session, tell.at = finished, session, at
    return tell


def spans(found: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(row["output"], row["start"], row["stop"]) for row in found]


def test_outputs_count_their_commands_each_for_itself(told):
    told(10, "laser", 1, "on")
    told(12, "laser", 2, "off")
    told(50, "screen", 1, "show", image="left")
    told(55, "screen", 2, "off")
    told(60, "laser", 3, "on", refused=True)
    told(61, "screen", 3, "show", image="left")
    told(62, "screen", 4, "off")
    assert spans(told.finished()) == [("laser", 10, 12), ("screen", 50, 55), ("screen", 61, 62)]
    events = read_events(told.session.folder)
    answers = events[events["kind"] == "acknowledgement"]
    assert (answers["trigger"] == "in_" + answers["name"]).all(), "each answer shows its own command"
    assert answers[answers["name"] == "laser"]["action"].tolist() == ["on", "off", "on"]


def test_a_source_that_is_started_again_counts_from_1(told):
    told(10, "laser", 1, "on")
    told(12, "laser", 2, "off")
    told(50, "laser", 1, "on", refused=True)
    told(60, "laser", 2, "on")
    told(65, "laser", 3, "off")
    assert spans(told.finished()) == [("laser", 10, 12), ("laser", 60, 65)]


def test_a_pulse_that_was_called_off_before_its_first_edge_was_none(told):
    told(10, "laser", 1, "pulse", begins=0.2, width="50 ms", delay="200 ms")
    told(10.1, "laser", 2, "off")
    told(20, "laser", 3, "pulse", begins=0.2, width="50 ms", delay="200 ms")
    told(20.22, "laser", 4, "off")
    assert spans(told.finished()) == [("laser", 20.2, 20.22)]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("fault", {"reason": "'on' was switched off: disarmed by hand", "state": "off"}),
        ("output_report", {"reason": "'on' was switched off: its node is ending", "state": "off"}),
        ("recovered", {"text": "output 'laser' is back: its node was restarted, and is off"}),
    ],
)
def test_a_stimulus_ends_as_its_output_goes_off_without_a_command(told, kind, values):
    told(2, "laser", 1, "on")
    told(2, "lamp", 1, "on")
    told.session.add_event(EventRow("fault", "laser", stamp_ns=told.at(4), values={"reason": "it is hot"}))
    told.session.add_event(EventRow(kind, "laser", stamp_ns=told.at(5), values=values))
    told(20, "laser", 2, "off")
    told(20, "lamp", 2, "off")
    assert spans(told.finished()) == [("laser", 2, 5), ("lamp", 2, 20)]


def test_a_trial_that_nothing_ended_is_over_with_its_run(told):
    def happened(seconds: float, kind: str, name: str = "left", **values: str) -> None:
        told.session.add_event(EventRow(kind, name, stamp_ns=told.at(seconds), values=values))

    happened(1, "experiment_started", "box")
    happened(5, "trial_started", count="1")  # its node dies
    happened(20, "experiment_started", "box")
    happened(25, "trial_started", count="1")
    happened(26, "trial_ended", result="hit")
    happened(30, "trial_started", count="2")
    happened(31, "experiment_ended", "box")
    happened(31, "trial_ended", result="miss")  # of the same moment
    told.finished()
    found = trials(read_events(told.session.folder), told.at(100))
    assert [(row.start_ns, row.stop_ns, row.result) for row in found.itertuples()] == [
        (told.at(5), told.at(20), ""),
        (told.at(25), told.at(26), "hit"),
        (told.at(30), told.at(31), "miss"),
    ]
