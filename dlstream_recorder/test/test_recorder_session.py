"""A whole session, without ROS."""

from __future__ import annotations

import csv
import json
import resource
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dlstream_common import RecordingError
from dlstream_recorder import EVENT_COLUMNS, EventRow, Session, SessionSettings, read_session, recover
from dlstream_recorder.export.export import export_session
from dlstream_recorder.report.tables import read_events
from dlstream_recorder.session import _patience
from dlstream_recorder.session import session as session_module
from dlstream_recorder.session.archive import SessionInfo, find_sessions

GREY = np.zeros((16, 16), np.uint8)


def contents_of(folder: Path) -> dict[str, object]:
    return json.loads((folder / "session.json").read_text())


def events_of(folder: Path) -> pd.DataFrame:
    return read_events(folder)


def test_says_from_its_start_what_it_is_of(open_session, make, tmp_path):
    rig, experiment = tmp_path / "my_rig.yaml", tmp_path / "my_experiment.yaml"
    rig.write_text("rig: openfield\n")
    experiment.write_text("experiment: example\n")
    session = open_session(
        told={"subject": "mouse12", "subject.sex": "female"},
        rig="openfield",
        rig_file=str(rig),
        experiment_file=str(experiment),
        metadata=["other.room=1.04=a", "subject.weight=21.5g", "experimenter=Ada"],
        changes=["--set cameras.top.fps=60"],
        video="none",
    )
    contents = contents_of(session.folder)
    assert contents["complete"] is False
    assert contents["summary"] is None
    assert (contents["session"], contents["rig"]) == ("session", "openfield")
    assert contents["metadata"] == {
        "subject": {"subject_id": "mouse12", "sex": "F", "weight": "21.5 g"},
        "experimenter": ["Ada"],
        "other": {"room": "1.04=a"},
    }
    assert contents["changes"] == ["--set cameras.top.fps=60"]
    assert {"python", "numpy", "av", "ffmpeg", "pandas"} <= set(contents["versions"])
    assert contents["host"]["processors"] > 0
    assert (session.folder / "rig.yaml").read_text() == "rig: openfield\n"
    assert (session.folder / "experiment.yaml").read_text() == "experiment: example\n"
    session.add_frame(make.frame(0, GREY))
    assert contents["files"] == {"rig.yaml": str(rig), "experiment.yaml": str(experiment)}
    session.finish("enough")
    contents = contents_of(session.folder)
    assert (contents["complete"], contents["reason"], contents["error"]) == (True, "enough", None)
    assert not list(session.folder.glob(".*")), "nothing hidden is left behind"


def test_a_session_without_a_frame_is_not_complete(open_session, make):
    session = open_session(cameras=["top", "side"])
    session.add_frame(make.frame(0, make.images(1)[0]))
    session.finish("enough")
    contents = contents_of(session.folder)
    assert (contents["complete"], contents["without_frames"], contents["error"]) == (False, ["side"], None)
    recover(session.folder)
    assert contents_of(session.folder)["complete"] is False, "nothing gives that camera its frames"
    (found,) = find_sessions(session.folder)
    assert isinstance(found, SessionInfo)
    assert found.state == "no frames of side"
    export_session(session.folder, ["csv"], session.folder / "export")
    assert len(pd.read_csv(session.folder / "export" / "csv" / "top.poses.csv")) == 1


def test_a_folder_that_exists_is_never_touched(open_session, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "top.mkv").write_text("precious")
    with pytest.raises(RecordingError, match="taken already exists; nothing is overwritten"):
        open_session("taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["top.mkv"]


def test_automatic_names_never_collide(open_session):
    folders = {open_session("", rig="arena", video="none", bag=False).folder for _ in range(4)}
    assert len(folders) == 4
    assert all("_arena" in folder.name for folder in folders)


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "a\x1b]0;b", "a\nb", "a\u009bb", " ", " x", "x ", "x\u00a0"])
def test_names_that_lead_elsewhere_are_refused(open_session, tmp_path, name):
    with pytest.raises(RecordingError, match="session name"):
        open_session(name)
    with pytest.raises(ValidationError):
        SessionSettings(session=name)
    assert list(tmp_path.iterdir()) == []


def test_the_copy_of_the_rig_file_has_no_password(open_session, tmp_path):
    rig = tmp_path / "rig.yaml"
    rig.write_text("cameras:\n  top: {source: opencv, device: 'rtsp://operator:Hunter2!@host/cam'}  # über\n", "utf-8")
    session = open_session(rig_file=str(rig))
    session.finish()
    copy = (session.folder / "rig.yaml").read_text("utf-8")
    assert copy == rig.read_text("utf-8").replace("Hunter2!", "***")
    assert not [path for path in session.folder.rglob("*") if path.is_file() and b"Hunter2" in path.read_bytes()]


def test_a_missing_rig_file_leaves_nothing_behind(open_session, tmp_path):
    with pytest.raises(RecordingError, match=r"can't copy .*absent\.yaml into the session: No such file"):
        open_session(rig_file=str(tmp_path / "absent.yaml"))
    assert list(tmp_path.iterdir()) == []


def test_images_that_change_go_into_a_new_part(open_session, make):
    session = open_session()
    small, large = make.images(3), make.images(3, 32, 40)
    for number, image in enumerate([*small, *large]):
        session.add_frame(make.frame(number, image))
    for number in (5, 1):  # poses of the first part may still come
        session.add_poses(make.poses(number, x=(number, number)))
    summary = session.finish()
    assert summary.frames_recorded == 6
    assert summary.cameras["top"].parts == 2
    for stem, images in (("top", small), ("top.2", large)):
        decoded, times = make.decode(session.folder / f"{stem}.mkv", "bgr24")
        assert all(np.array_equal(found, image) for found, image in zip(decoded, images, strict=True))
        assert times[0] == 0
        assert len(pd.read_hdf(session.folder / f"{stem}.poses.h5", "df_with_missing")) == 3
    parts = contents_of(session.folder)["cameras"]["top"]["parts"]
    assert [(part["video"], part["width"]) for part in parts] == [("top.mkv", 64), ("top.2.mkv", 40)]
    (event,) = events_of(session.folder).to_dict("records")
    assert (event["kind"], event["camera"]) == ("fault", "top")
    assert json.loads(event["values"])["now"] == "40x32 bgr8"


def test_a_clock_put_back_begins_a_new_part(open_session, make):
    session = open_session(video="none", bag=False)
    for number, stamp in enumerate([0, 1, 2, -5, -4]):
        session.add_frame(make.frame(number, GREY, "mono8", stamp=make.start + stamp * 1_000_000_000))
    summary = session.finish()
    assert (summary.frames_recorded, summary.cameras["top"].parts) == (5, 2)
    assert summary.fps == pytest.approx(1.0)
    assert "clock was set back" in events_of(session.folder)["values"][0]


def test_a_recording_of_many_parts_does_not_run_out_of_files(open_session, make):
    session = open_session(bag=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 65
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, hard), hard))
    try:
        image = make.images(1)[0]
        for number in range(202):
            stamp = make.start - number // 2 * 2_000_000_000 + number % 2 * make.step
            session.add_frame(make.frame(number, image, stamp=stamp))
            session.add_poses(replace(make.poses(number), stamp=stamp))
        summary = session.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert session.failure == ""
    contents = contents_of(session.folder)
    assert contents["complete"] is True
    assert (summary.frames_recorded, summary.poses, summary.cameras["top"].parts) == (202, 202, 101)
    assert [part["video"] for part in contents["cameras"]["top"]["parts"]][::50] == [
        "top.mkv",
        "top.51.mkv",
        "top.101.mkv",
    ]
    assert len(make.decode(session.folder / "top.50.mkv")[0]) == 2


def test_stamps_that_repeat_are_counted(open_session, make):
    session = open_session(bag=False)
    for number, stamp in enumerate([0, 5, 5, 4, 9]):
        session.add_frame(make.frame(number, make.images(1)[0], stamp=make.start + stamp * make.step))
    assert session.finish().cameras["top"].stamps_moved == 2
    step = make.step
    assert make.decode(session.folder / "top.mkv")[1] == [0, 5 * step, 5 * step + 1, 5 * step + 2, 9 * step]


def test_what_does_not_apply_is_an_empty_cell_and_time_counts_from_the_start(open_session, make):
    session = open_session(video="none", bag=False)
    start = read_session(session.folder)["created_ns"]
    session.add_event(EventRow("trial_started", "left", stamp_ns=start + 1_500_000_000))
    session.add_event(EventRow("command", "screen", "top", 0, start, stamp_ns=start, source="x", id=1, action="off"))
    session.add_event(EventRow("note", "of no time"))
    session.finish()
    with (session.folder / "events.csv").open(newline="") as file:
        trial, command, note = csv.DictReader(file)
    assert {name: cell for name, cell in trial.items() if cell} == {
        "time": "1.500000",
        "kind": "trial_started",
        "name": "left",
        "stamp_ns": str(start + 1_500_000_000),
    }
    assert (command["time"], command["sequence"], command["frame_stamp_ns"]) == ("0.000000", "0", str(start))
    assert (command["sent_ns"], command["values"]) == ("", "")
    assert note["time"] == note["stamp_ns"] == ""
    table = read_events(session.folder)
    assert table["time"].tolist()[:2] == [1.5, 0.0]
    assert np.isnan(table["time"][2])
    assert table["stamp_ns"].tolist() == [start + 1_500_000_000, start, 0]
    assert table["sequence"].tolist() == [-1, 0, -1]


OLD_EVENTS = """\
kind,name,camera,sequence,frame_stamp_ns,pose_received_ns,inference_start_ns,inference_end_ns,stamp_ns,decided_ns,\
sent_ns,received_ns,applied_ns,recorded_ns,source,id,action,trigger,value,success,message,values
trial_started,left,,-1,0,0,0,0,1700000000123456789,0,0,0,0,1700000000123456790,,0,,,,,,{}
command,screen,top,3,1700000000100000001,0,0,0,1700000000123456789,1700000000123456789,0,0,0,0,x,1,off,,,,,{}
"""


def test_events_of_sessions_from_before_are_read_as_well(tmp_path):
    (tmp_path / "events.csv").write_text(OLD_EVENTS)
    table = read_events(tmp_path)
    assert table["stamp_ns"].tolist() == [1700000000123456789] * 2
    assert table["frame_stamp_ns"].tolist() == [0, 1700000000100000001]
    assert (table["sequence"].tolist(), table["id"].tolist()) == ([-1, 3], [0, 1])
    (tmp_path / "events.csv").write_text(OLD_EVENTS.replace(",-1,", ",minus one,"))
    with pytest.raises(RecordingError, match="can't read"):
        read_events(tmp_path)
    (tmp_path / "events.csv").write_text("kind,name\n")
    with pytest.raises(RecordingError, match="can't read"):
        read_events(tmp_path)


def test_events_have_the_whole_chain_of_stamps(open_session, make):
    session = open_session(video="none", bag=False)
    frame = make.frame(7, GREY, "mono8")
    session.add_frame(frame)
    ms = 1_000_000
    acknowledgement = EventRow(
        "acknowledgement",
        "screen",
        stamp_ns=frame.stamp + 25 * ms,
        received_ns=frame.stamp + 15 * ms,
        applied_ns=frame.stamp + 25 * ms,
        source="experiment",
        id=3,
        success="true",
        message="two\nlines, and a comma",
    )
    command = EventRow(
        "command",
        "screen",
        "top",
        7,
        frame.stamp,
        stamp_ns=frame.stamp + 10 * ms,
        decided_ns=frame.stamp + 10 * ms,
        sent_ns=frame.stamp + 11 * ms,
        source="experiment",
        id=3,
        action="show",
        values={"image": "left", "colour": "grün"},
    )
    session.add_event(acknowledgement)  # the three come by three topics: in any order
    session.add_event(command)
    session.add_poses(make.poses(7))
    session.add_event(EventRow("trial_started", "left", stamp_ns=frame.stamp))
    summary = session.finish()

    table = events_of(session.folder)
    assert tuple(table.columns) == EVENT_COLUMNS
    first, second, third = table.to_dict("records")
    for row in (first, second):
        assert (row["camera"], row["sequence"], row["frame_stamp_ns"]) == ("top", 7, frame.stamp)
        assert row["pose_received_ns"] == frame.stamp + 1 * ms
        assert row["inference_end_ns"] == frame.stamp + 9 * ms
        assert (row["decided_ns"], row["sent_ns"]) == (frame.stamp + 10 * ms, frame.stamp + 11 * ms)
        assert (row["source"], row["id"], row["action"]) == ("experiment", 3, "show")
    assert (first["applied_ns"], second["applied_ns"]) == (frame.stamp + 25 * ms, 0)
    assert first["message"] == "two lines, and a comma"
    assert json.loads(second["values"]) == {"image": "left", "colour": "grün"}
    assert (third["sequence"], third["frame_stamp_ns"]) == (-1, 0)

    latency = summary.latency_ms
    assert latency.capture_to_command.p50 == 11.0
    assert latency.command_to_acknowledgement.max == 14.0
    assert latency.capture_to_applied.p99 == 25.0
    assert (latency.capture_to_pose.p95, latency.capture_to_pose.n) == (9.0, 1)
    assert latency.inference.p50 == 7.0
    assert (summary.events, summary.commands, summary.acknowledgements, summary.faults) == (1, 1, 1, 0)
    assert contents_of(session.folder)["summary"] == summary.model_dump(mode="json")


def test_cameras_are_kept_apart(open_session, make):
    session = open_session(cameras=["top", "/side/left"], bag=False)
    for number, image in enumerate(make.images(8)):
        session.add_frame(make.frame(number, image, camera=("top", "side/left")[number % 2]))
    summary = session.finish()
    assert {name: camera.frames_recorded for name, camera in summary.cameras.items()} == {"top": 4, "side/left": 4}
    assert summary.cameras["top"].frames_dropped == 3
    assert len(make.decode(session.folder / "side_left.mkv")[0]) == 4


def test_without_video_the_tables_are_whole(open_session, make):
    session = open_session(video="none", bag=False)
    for number in range(3):
        session.add_frame(make.frame(number, GREY, "mono8"))
    assert session.finish().frames_recorded == 3
    assert not list(session.folder.glob("*.mkv"))
    assert not (session.folder / "bag").exists()


def test_networks_and_regions_are_kept(open_session):
    session = open_session(video="none", bag=False)
    session.set_network("top", "mouse.onnx", "cd" * 32, [(0, 1), (1, 2)])
    session.set_regions("top", [("left", [(0.0, 1.5), (2.0, 3.0), (4.0, 0.1)])])
    session.finish()
    about = contents_of(session.folder)["cameras"]["top"]
    assert about["network"] == {"file": "mouse.onnx", "sha256": "cd" * 32}
    assert about["edges"] == [[0, 1], [1, 2]]
    assert about["regions"] == [{"name": "left", "points": [[0.0, 1.5], [2.0, 3.0], [4.0, 0.1]]}]


def test_an_empty_session_is_a_session(open_session):
    summary = open_session().finish()
    assert (summary.frames_recorded, summary.fps, summary.latency_ms.capture_to_pose.n) == (0, None, 0)


@pytest.mark.parametrize("slow", ["the disk", "events and messages", "the tables", "the summary"])
def test_whoever_waits_for_the_end_hears_what_is_still_written(open_session, make, monkeypatch, slow):
    monkeypatch.setattr(_patience, "_INTERVAL", 0.05)
    session = open_session(video="none", bag=False)
    session.add_frame(make.frame(0, GREY, "mono8"))
    begun, heard, said = Event(), Event(), []

    def say(text):
        said.append(text)
        if slow in text:
            heard.set()

    def slowly(then=lambda *given: None):
        def step(*given):
            begun.set()
            assert heard.wait(60), "nobody heard of it"
            return then(*given)

        return step

    if slow == "the disk":
        monkeypatch.setattr(session._log, "sync", slowly(session._log.sync))
        assert begun.wait(60)
    elif slow == "events and messages":
        session._log.put(slowly())
    elif slow == "the tables":
        monkeypatch.setattr(session_module, "write_all_h5", slowly(session_module.write_all_h5))
    else:
        monkeypatch.setattr(session_module, "summarise", slowly(session_module.summarise))
    summary = session.finish("", say)
    assert session.failure == ""
    assert summary.frames_recorded == 1
    assert any(text.startswith("still writing: ") and slow in text for text in said)


def test_finishing_twice_changes_nothing(open_session, make):
    session = open_session(bag=False)
    session.add_frame(make.frame(0, make.images(1)[0]))
    summary = session.finish()
    assert session.finish() is summary
    assert session.add_frame(make.frame(1, GREY)) is False


def test_settings_name_what_is_wrong():
    with pytest.raises(ValidationError, match="no ="):
        SessionSettings(metadata=["subject"])
    with pytest.raises(ValidationError, match=r"cage is none. .* Any other one is other.cage"):
        SessionSettings(metadata=["cage=3"])
    with pytest.raises(ValidationError, match="only once"):
        SessionSettings(cameras=["top", "/top"])
    with pytest.raises(ValidationError, match="'left/top' and 'left_top' would both write left_top"):
        SessionSettings(cameras=["left/top", "left_top"])


def test_what_is_begun_is_typed(tmp_path):
    session = Session(SessionSettings(directory=tmp_path, min_free=0.0, video="none", bag=False))
    try:
        assert session.status().frames_recorded == 0
        assert session.status().free > 0
    finally:
        session.finish()
