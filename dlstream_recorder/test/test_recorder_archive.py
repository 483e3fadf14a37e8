"""Sessions of a folder, found again and searched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlstream_common import RecordingError
from dlstream_recorder.session.archive import Search, SessionInfo, find_sessions, is_dated, totals
from dlstream_recorder.writers.session_file import UNDATED


def put(folder: Path, name: str, **changes: object) -> None:
    contents = {
        "session": name,
        "created": f"{name[:10]}T10:00:00.000+01:00",
        "created_ns": 1,
        "complete": True,
        "metadata": {"subject": {"subject_id": "M12"}},
        "cameras": {"top": {"network": {"file": "mouse.onnx", "sha256": "abcdef12" * 8}}},
        "settings": {"experiment_file": "/lab/box.yaml"},
        "summary": {"seconds": 60.0, "frames_recorded": 100, "frames_dropped": 1, "commands": 2, "faults": 0},
        **changes,
    }
    (folder / name).mkdir(parents=True)
    (folder / name / "session.json").write_text(json.dumps(contents))


def test_sessions_are_found_and_searched(tmp_path):
    put(tmp_path / "b", "2026-11-22_a")
    put(tmp_path, "2026-10-01_b", metadata={"subject": "m3"})
    other = {"top": {"network": {"file": "rat.onnx", "sha256": "00" * 32}}}
    put(tmp_path, "2026-11-23_c", cameras=other, complete=False, summary=None, metadata={})
    put(tmp_path, "2025-01-01_d", error="the disk is full", settings={})
    (tmp_path / "2025-01-01_d" / "experiment.yaml").write_text("# mine\nexperiment: 'open field'  # the first\n")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "session.json").write_text("{")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "session.json").write_text('{"cameras": {"top": 3}, "created": "2026"}')
    everything = list(find_sessions(tmp_path))
    found = [item for item in everything if isinstance(item, SessionInfo)]
    assert [item.name[-1] for item in found] == ["d", "b", "a", "c"], "by date"
    assert len(everything) == 6, "what can't be read is not left out"
    assert [item.state for item in found] == ["failed", "complete", "complete", "unfinished"]
    assert [item.subject for item in found] == ["M12", "m3", "M12", ""]
    assert [item.experiment for item in found] == ["open field", "box", "box", "box"]
    for search, expected in (
        (Search(subject="m12"), "da"),
        (Search(subject="m*"), "dba"),
        (Search(date="2026"), "bac"),
        (Search(date="2026-11-22"), "a"),
        (Search(date="2026-10..2026-11-22"), "ba"),
        (Search(network="mouse"), "dba"),
        (Search(network="rat.onnx"), "c"),
        (Search(network="abcdef"), "dba"),
        (Search(experiment="open*"), "d"),
        (Search(subject="M12", date="2026"), "a"),
    ):
        assert "".join(item.name[-1] for item in found if search.fits(item)) == expected, search
    assert totals(found) == {
        "sessions": 4,
        "analyses": 0,
        "subjects": 2,
        "seconds": 180.0,
        "frames": 300,
        "lost": 3,
        "commands": 6,
        "faults": 0,
    }
    with pytest.raises(ValueError, match="found 'yesterday'"):
        Search(date="yesterday")
    with pytest.raises(RecordingError, match="found no such folder"):
        list(find_sessions(tmp_path / "none"))


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-11-31", "2025-02-29", "0000", "2026..2026-13", "30.11.2026"]
)
def test_a_date_that_the_calendar_does_not_have_is_refused(text):
    with pytest.raises(ValueError, match=f"date: found '{text}'; expected a year, month or day such as 2026-11 "):
        Search(date=text)


@pytest.mark.parametrize("text", ["2024-02-29", "2026-12", "2026-11-15..2026-11", "2026-11..2026-11-15", "2026..2026"])
def test_days_months_and_years_that_there_are_can_be_searched(text):
    Search(date=text)


@pytest.mark.parametrize("text", ["2026-12..2026-11", "2026-12-01..2026-11", "2026..2025-12-31"])
def test_a_time_that_ends_before_it_begins_is_refused(text):
    first, last = text.split("..")
    with pytest.raises(ValueError, match=f"found '{text}', which ends before it begins; .*: {last}..{first}"):
        Search(date=text)


def test_a_subject_is_the_same_however_its_letters_are_composed(tmp_path):
    composed, decomposed = "M\u00e4use", "MA\u0308USE"
    for name, subject in (("a", composed), ("b", decomposed), ("c", "Stra\u00dfe"), ("d", "Mause")):
        put(tmp_path, f"2026-11-22_{name}", metadata={"subject": {"subject_id": subject}})
    found = [item for item in find_sessions(tmp_path) if isinstance(item, SessionInfo)]
    for pattern in (composed, decomposed, "m?use", "m\u00e4*"):
        names = [item.name[-1] for item in found if Search(subject=pattern).fits(item)]
        assert names == (["a", "b", "d"] if "?" in pattern else ["a", "b"]), pattern
    assert [item.name[-1] for item in found if Search(subject="STRASSE").fits(item)] == ["c"]
    assert totals(found)["subjects"] == 3


def test_an_analysis_is_no_recorded_session(tmp_path):
    put(tmp_path, "2026-11-22_a")
    put(tmp_path, "2026-11-22_of_a", offline=True, created_ns=1_795_000_000 * 10**9)
    put(tmp_path, "2000-01-01_b", offline=True, created_ns=UNDATED, metadata={"subject": "M9"})
    found = [item for item in find_sessions(tmp_path) if isinstance(item, SessionInfo)]
    assert [(item.name[11:], item.offline, item.dated) for item in found] == [
        ("b", True, False),
        ("a", False, True),
        ("of_a", True, True),
    ]
    sums = totals(found)
    assert (sums["sessions"], sums["analyses"], sums["subjects"], sums["frames"]) == (1, 2, 1, 100)
    assert [item.name for item in found if Search(date="2000").fits(item)] == [], "it has no date"


def test_sessions_of_several_offsets_from_utc_are_in_the_order_of_time(tmp_path):
    for name, created in (("a", "2026-10-25T02:10:00.000+01:00"), ("b", "2026-10-25T02:50:00.000+02:00"), ("c", "?")):
        put(tmp_path, f"2026-10-25_{name}", created=created)
    found = [item for item in find_sessions(tmp_path) if isinstance(item, SessionInfo)]
    assert [item.name[-1] for item in found] == ["c", "b", "a"], "the hour that comes twice as summer time ends"


def test_stamps_of_a_simulation_are_no_dates_though_its_recording_has_one(tmp_path):
    about = {"created": "2026-10-25T02:10:00.000+01:00", "created_ns": 12 * 10**9}
    assert not is_dated(about)
    assert is_dated({**about, "created_ns": 1_792_890_600 * 10**9})
    put(tmp_path, "2026-10-25_sim", **about)
    [found] = find_sessions(tmp_path)
    assert isinstance(found, SessionInfo)
    assert found.dated
    assert Search(date="2026-10-25").fits(found)
