"""Sessions whose recorder was killed, or whose files were damaged later: replayed, or refused with file and line."""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from offline_tools import EXPERIMENT
from rich.console import Console

from dlstream.offline.analysis import Analysis
from dlstream.offline.replay import replay_session
from dlstream.offline.whatif import what_if
from dlstream_common import DlstreamError, FramePoses, Individual
from dlstream_experiment import load_experiment
from dlstream_experiment.runtime.inputs import Value
from dlstream_recorder import DECISIONS, JOURNAL, OfflineSession, read_lines, read_session, recover

COUNT = int(os.environ.get("DLSTREAM_MUTATIONS", "300"))
SECOND = 1_000_000_000
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        7,
        3.5,
        1e300,
        10**30,
        -(2**63),
        -(2**62),
        2**62,
        2**63 - 1,
        float("nan"),
        float("inf"),
    ),
    *("", "x", "top", "off", "\0", "é" * 300, "a/" * 3000, "~nobody/x", "AAAA", "AAA=", "start", "poses", "stop"),
    *([], {}, [1, 2], [[]], ["neck"], {"n": 1}),
]
"""What is put in the place of another value."""


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=300, file=io.StringIO())


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session of a few visits, with a value and with more poses after the last event."""
    file = tmp_path / "left.yaml"
    file.write_text(EXPERIMENT)
    experiment = load_experiment(file)
    made = OfflineSession(tmp_path / "session", "walk", ["top"], SECOND)
    made.copy(file, "experiment.yaml")
    analysis = Analysis(experiment, made)
    for number in range(30):
        x = np.array([20 if number % 9 in (3, 4) and number < 24 else 300, 5], np.float32)
        one = Individual("", x, x, np.ones(2, np.float32), 1.0, vx=x, covariance=np.ones((2, 3), np.float32))
        poses = FramePoses("top", number, SECOND + number * SECOND // 10, ("neck", "tail"), (one,))
        analysis.add_poses(poses, poses.stamp + 1000)
        if number == 9:
            analysis.value(Value(poses.stamp, "scale", 2.5))
    made.finish("over", analysis.finish("over"))
    return made.folder


def write(session: Path, name: str, lines: list[str]) -> None:
    (session / name).write_text("".join(f"{line}\n" for line in lines))


def about(session: Path, **changes: Any) -> None:
    (session / "session.json").write_text(json.dumps({**read_session(session), **changes}))


def cut(session: Path, name: str, count: int) -> None:
    (session / name).write_bytes((session / name).read_bytes()[:-count])


@pytest.mark.parametrize("more", [0, 20])
def test_half_a_line_of_the_event_log_of_a_killed_recorder(session, console, more):
    """Also where the journal goes on after it, as after a power failure."""
    whole = (session / DECISIONS).read_bytes()
    cut(session, DECISIONS, 20 + more * len(read_lines(session, DECISIONS)[-1]) // 10)
    about(session, complete=False)
    assert replay_session(session, None, None, console) == 0
    said = console.export_text()
    assert "The last line of decisions.jsonl is incomplete: the recorder was killed. It is skipped." in said
    assert "identical as far as it was recorded" in said
    recover(session)
    assert replay_session(session, None, None, console) == 0
    assert "identical as far as it was recorded" in console.export_text()
    about(session, recovered=False)
    assert replay_session(session, None, None, console) == 1, "of a recorder that came to its end nothing may lack"
    assert "decisions.jsonl ends too early for this journal" in console.export_text()
    (session / DECISIONS).write_bytes(whole[:-20])
    with pytest.raises(DlstreamError, match=rf"{DECISIONS}:\d+: found a line that is cut off .*it was damaged later"):
        replay_session(session, None, None, console)


def test_a_difference_within_a_killed_recorders_log_stays_one(session, console):
    lines = read_lines(session, DECISIONS)
    write(session, DECISIONS, [*lines[:3], *lines[4:]])
    about(session, complete=False)
    assert replay_session(session, None, None, console) == 1
    write(session, DECISIONS, [*lines[:-1], lines[-1].replace('"n":', '"n": ')])
    assert replay_session(session, None, None, console) == 1


def test_a_journal_that_was_shortened_between_lines(session, console):
    write(session, JOURNAL, read_lines(session, JOURNAL)[:12])
    assert replay_session(session, None, None, console) == 1
    assert "journal.jsonl ends too early for this event log: it was cut short" in console.export_text()


def test_a_difference_in_the_number_alone_is_seen(session, console):
    lines = read_lines(session, DECISIONS)
    entry = json.loads(lines[-1])
    write(session, DECISIONS, [*lines[:-1], json.dumps({**entry, "n": 2}, separators=(",", ":"))])
    assert replay_session(session, None, None, console) == 1
    said = console.export_text()
    assert '"n":2,' in said
    assert f'"n":{entry["n"]},' in said


def test_a_frame_from_just_before_the_start_counts_as_at_the_start(session, console):
    lines = [json.loads(line) for line in read_lines(session, JOURNAL)]
    first = next(number for number, line in enumerate(lines) if line["in"] == "poses")
    lines[first]["individuals"] = lines[first + 3]["individuals"]  # in the region at once
    lines[first]["stamp"] -= SECOND // 100
    write(session, JOURNAL, [json.dumps(line) for line in lines])
    assert what_if(session, ["regions.left.right=10"], console) == 0
    [row] = [line.split() for line in console.export_text().splitlines() if line.split()[:1] == ["in_left"]]
    assert row[3] == "0.00,"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (DECISIONS, lambda _: [1, 2], rf"{DECISIONS}:5: found \[1, 2\]; expected an event or a command"),
        (DECISIONS, lambda line: {**line, "stamp": "x"}, rf"{DECISIONS}:5: stamp: found 'x'; expected a whole number"),
        (JOURNAL, lambda line: {**line, "arrived": "x"}, "line 5 .*: arrived: found 'x'; expected a whole number"),
        (JOURNAL, lambda line: {**line, "in": "pose"}, "line 5 .*: in: found 'pose'; expected one of start, poses, "),
        (JOURNAL, lambda line: {"n": 4, "in": "poses"}, "line 5 .*: camera: found nothing; expected this key"),
    ],
)
def test_a_line_that_was_damaged_is_told_with_its_place(session, console, name, change, said):
    lines = read_lines(session, name)
    write(session, name, [*lines[:4], json.dumps(change(json.loads(lines[4]))), *lines[5:]])
    with pytest.raises(DlstreamError, match=said) as told:
        replay_session(session, None, None, console)
    assert str(session / name) in str(told.value)
    assert "restore it from a copy of the session" in str(told.value)


def places(data: Any, put: Callable[[Any], None]) -> Iterator[Callable[[Any], None]]:
    """Puts another value in the place of each in a line."""
    yield put
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield from places(value, lambda new, key=key: data.__setitem__(key, new))  # type: ignore[misc]


def test_any_value_in_the_place_of_any_other_is_refused_or_replayed(session):
    """Never a failure of ours: what can't be read is told with its file."""
    console = Console(file=io.StringIO())
    rng = random.Random(7)
    texts = {name: read_lines(session, name) for name in (JOURNAL, DECISIONS)}
    refused = 0
    for number in range(COUNT):
        name = rng.choice([JOURNAL, JOURNAL, DECISIONS])
        lines = list(texts[name])
        line = rng.choice([0, *range(len(lines))]) if rng.random() < 0.8 else 0
        data = json.loads(lines[line])
        holder = [data]
        rng.choice(list(places(data, lambda new, holder=holder: holder.__setitem__(0, new))))(  # type: ignore[misc]
            rng.choice(VALUES)
        )
        lines[line] = json.dumps(holder[0])
        write(session, name, lines)
        try:
            assert replay_session(session, None, None, console) in (0, 1)
        except DlstreamError as error:
            assert name in str(error) or "left.yaml" in str(error) or "experiment.yaml" in str(error), (number, error)
            refused += 1
        write(session, name, texts[name])
    assert COUNT / 4 < refused < COUNT, "most values have a type"
