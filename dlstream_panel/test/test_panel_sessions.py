"""The sessions of a folder for a page: found by ids; no word of a page leads anywhere else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from dlstream_panel.frames import FrameError
from dlstream_panel.sessions import Sessions, UnknownError

RECORDED = Path(__file__).parents[2] / "dlstream" / "test" / "data" / "session_of_0.1_every"


def recorded(folder: Path, name: str, subject: str, day: int) -> Path:
    """A recorded session under another name, of another subject and day."""
    place = folder / name
    shutil.copytree(RECORDED, place)
    about = json.loads((place / "session.json").read_text())
    about |= {
        "session": name,
        "created": f"2026-11-{day:02}T10:00:00+00:00",
        "metadata": {"subject": {"subject_id": subject}},
    }
    (place / "session.json").write_text(json.dumps(about))
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sessions of two subjects, one of them a folder deeper."""
    sessions = tmp_path / "sessions"
    recorded(sessions, "first", "M12", 1)
    recorded(sessions / "deeper", "second", "M13", 2)
    recorded(sessions, "third", "M12", 3)
    return sessions


def test_the_newest_comes_first_and_a_subject_is_found_by_a_part_of_its_name(folder: Path) -> None:
    sessions = Sessions(folder)
    every = sessions.listing()
    assert [item["name"] for item in every["sessions"]] == ["third", "second", "first"]
    assert (every["totals"]["sessions"], every["totals"]["subjects"], every["unreadable"]) == (3, 2, [])
    assert [item["name"] for item in sessions.listing("m12")["sessions"]] == ["third", "first"]
    assert [item["name"] for item in sessions.listing("13")["sessions"]] == ["second"]
    assert [item["name"] for item in sessions.listing("?13")["sessions"]] == ["second"]
    assert sessions.listing("nobody")["sessions"] == []
    assert Sessions(folder / "nowhere").listing()["sessions"] == []


def test_a_session_that_can_not_be_read_is_told_and_hides_no_other(folder: Path) -> None:
    (folder / "third" / "session.json").write_text("{")
    every = Sessions(folder).listing()
    assert [item["name"] for item in every["sessions"]] == ["second", "first"]
    assert "third" in every["unreadable"][0]


def test_analyses_are_listed_and_counted_for_themselves(folder: Path) -> None:
    changed(folder / "third", offline=True, created_ns=946_684_800_000_000_000)
    every = Sessions(folder).listing()
    assert [(item["name"], item["offline"], item["dated"]) for item in every["sessions"]] == [
        ("third", True, False),
        ("second", False, True),
        ("first", False, True),
    ]
    assert (every["totals"]["sessions"], every["totals"]["analyses"]) == (2, 1)


def changed(folder: Path, **changes: object) -> None:
    """Other entries in a session's file."""
    file = folder / "session.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": {"frames_recorded": "many"}},
        {"summary": {"seconds": float("nan")}},
        {"summary": {"faults": 10**400}},
        {"summary": {"poses": [1]}},
        {"summary": "none"},
        {"cameras": {"top": 5}},
        {"metadata": [1, 2]},
    ],
)
def test_a_session_with_other_entries_is_told_and_hides_no_other(folder: Path, changes: dict[str, object]) -> None:
    changed(folder / "third", **changes)
    every = Sessions(folder).listing()
    json.dumps(every, allow_nan=False)  # a browser reads no NaN
    assert [item["name"] for item in every["sessions"]] == ["second", "first"]
    assert "third" in every["unreadable"][0]


def test_what_is_no_file_or_nested_without_end_keeps_nobody_waiting(folder: Path) -> None:
    for name in ("first", "third"):
        (folder / name / "session.json").unlink()
    os.mkfifo(folder / "first" / "session.json")
    second = next(folder.rglob("second"))
    (second / "experiment.yaml").unlink(missing_ok=True)
    os.mkfifo(second / "experiment.yaml")
    (folder / "third" / "session.json").write_text("[" * 100_000)
    every = Sessions(folder).listing()
    assert [item["name"] for item in every["sessions"]] == ["second"]
    assert len(every["unreadable"]) == 2


def test_a_session_that_is_written_just_now_is_read_again_as_it_changes(folder: Path) -> None:
    sessions = Sessions(folder)
    assert sessions.listing()["sessions"][0]["subject"] == "M12"
    changed(folder / "third", metadata={"subject": {"subject_id": "M99"}}, complete=False, recovered=False)
    newest = sessions.listing()["sessions"][0]
    assert (newest["name"], newest["subject"], newest["state"]) == ("third", "M99", "unfinished")
    shutil.rmtree(folder / "third")
    assert [item["name"] for item in sessions.listing()["sessions"]] == ["second", "first"]


def test_another_name_of_its_experiment_is_seen_and_what_is_gone_is_not_kept(folder: Path) -> None:
    sessions = Sessions(folder)
    sessions.listing()
    (folder / "third" / "experiment.yaml").write_text("experiment: Another name\n")
    assert sessions.listing()["sessions"][0]["experiment"] == "Another name"
    (folder / "third" / "experiment.yaml").unlink()
    assert sessions.listing()["sessions"][0]["experiment"] != "Another name"
    shutil.rmtree(folder / "third")
    sessions.listing()
    assert {place.name for place in sessions._known} == {"first", "second"}


def test_links_are_not_followed_and_any_name_is_found(folder: Path, tmp_path: Path) -> None:
    recorded(tmp_path / "elsewhere", "secret", "M1", 9)
    (folder / "link").symlink_to(tmp_path / "elsewhere" / "secret")
    name = "Mäuschen 🐭 <img src=x> \u202e'\""
    recorded(folder, name, "<script>", 5)
    sessions = Sessions(folder)
    every = sessions.listing()["sessions"]
    assert [item["name"] for item in every] == [name, "third", "second", "first"]
    assert sessions.about(every[0]["id"])["subject"] == "<script>"
    assert sessions.file(every[0]["id"], "session.json") == folder / name / "session.json"


def test_one_of_many_sessions_is_opened_without_reading_the_others(folder: Path) -> None:
    number = Sessions(folder).listing("13")["sessions"][0]["id"]
    for name in ("first", "third"):
        (folder / name / "session.json").write_text("{")  # whoever opens them fails
    assert Sessions(folder).about(number)["name"] == "second"


def test_a_session_offers_its_tables_and_pictures_and_nothing_else(folder: Path) -> None:
    sessions = Sessions(folder)
    deeper = next(item for item in sessions.listing()["sessions"] if item["name"] == "second")
    place = folder / "deeper" / "second"
    (place / "overlay.png").write_bytes(b"picture")
    (place / "latency.png").write_bytes(b"picture")
    (place / "secret.csv").symlink_to("/etc/passwd")
    (place / "program.py").write_text("")
    about = sessions.about(deeper["id"])
    assert (about["subject"], about["state"], about["pictures"]) == (
        "M13",
        deeper["state"],
        ["overlay.png", "latency.png"],
    )
    names = {item["name"] for item in about["tables"]}
    assert {"session.json", "experiment.yaml"} <= names
    assert not names & {"secret.csv", "program.py"}
    assert sessions.file(deeper["id"], "session.json") == place / "session.json"
    for name in ("secret.csv", "program.py", "../first/session.json", "/etc/passwd", "..", "", "bag", "session.json/"):
        with pytest.raises(UnknownError):
            sessions.file(deeper["id"], name)
    for number in ("", "0" * 20, "../first", str(place), "second"):
        with pytest.raises(UnknownError):
            sessions.about(number)


def test_a_picture_of_a_session_is_one_of_its_own_camera_or_is_refused(folder: Path) -> None:
    sessions = Sessions(folder)
    first = sessions.listing("m12")["sessions"][0]["id"]
    with pytest.raises(FrameError, match=r"session third: found no video of the camera 'nobody'; expected one of top"):
        sessions.frame(first, "nobody", 0.0)
    with pytest.raises(FrameError, match=r"found no video of the camera '\.\./top'"):
        sessions.frame(first, "../top", 0.0)
    with pytest.raises(FrameError, match="found no video of the camera 'top'"):
        sessions.frame(first, "top", 0.5)  # only its tables were kept
    with pytest.raises(UnknownError):
        sessions.frame("0" * 20, "top", 0.0)
