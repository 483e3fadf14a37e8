"""Sessions in other tools' formats, read by those tools."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlstream_common import DlstreamError, RecordingError
from dlstream_recorder import EventRow, OfflineSession, read_session
from dlstream_recorder.export.export import export_session
from dlstream_recorder.report.intervals import per_trigger, stimuli, trials
from dlstream_recorder.report.report import write_report
from dlstream_recorder.report.tables import read_events, read_poses
from dlstream_recorder.session.archive import session_info
from dlstream_recorder.writers.session_file import UNDATED

FRAMES = 60
SUBJECT = ["subject=M12", "subject.age=P90D", "subject.sex=F", "subject.species=Mus musculus", "subject.weight=21.5 g"]
MORE = ["experimenter=Ada Lovelace", "institution=University of Bonn", "lab=A1", "other.cage=4"]


@pytest.fixture
def session(open_session, make) -> Path:
    """60 frames, 50 of them with poses; a trial with a real stimulus, one with a sham one, one cut off by the end."""
    session = open_session("2026-11-22_box", bag=False)
    session.set_network("top", "mouse.onnx", "ab" * 32, [(0, 1)], ["mouse"])
    session.set_regions("top", [("left", [(0, 0), (30, 0), (30, 30), (0, 30)])])
    for number, image in enumerate(make.images(FRAMES)):
        session.add_frame(make.frame(number, image))
        if number % 6:
            session.add_poses(make.poses(number, x=(20.0 + number / 3, 30.0)))

    def at(number: int) -> int:
        return make.start + number * make.step

    def event(kind: str, name: str, number: int, **values: str) -> None:
        session.add_event(
            EventRow(kind, name, "top", number, at(number), stamp_ns=at(number) + 3_000_000, values=values)
        )

    def command(number: int, identity: int, action: str, success: str = "true", **values: str) -> None:
        link = {"source": "experiment", "id": identity}
        about = {
            "camera": "top",
            "sequence": number,
            "frame_stamp_ns": at(number),
            "trigger": "in_left",
            "action": action,
        }
        row = EventRow("command", "laser", stamp_ns=at(number) + 4_000_000, sent_ns=1, values=values, **about, **link)
        session.add_event(row)
        done = at(number) + 9_000_000
        session.add_event(EventRow("acknowledgement", "laser", stamp_ns=done, applied_ns=done, success=success, **link))

    event("experiment_started", "box", 0, protocol="states", seed="7")
    event("trial_started", "left", 10, trigger="in_left", count="1")
    command(10, 1, "on", power="3.5")
    command(20, 2, "off")
    event("trial_ended", "left", 20, result="hit", duration="1")
    event("trial_started", "left", 30, trigger="in_left", count="2")
    event("sham_started", "laser", 30, action="on", power="3.5", trigger="in_left")
    event("sham_ended", "laser", 36, duration="0.2")
    event("trial_ended", "left", 36, result="miss")
    event("trial_started", "left", 50, trigger="in_left", count="3")
    command(50, 3, "on", success="false", power="3.5")
    session.finish()
    (session.folder / "experiment.yaml").write_text("experiment: box\n")
    return session.folder


def test_trials_and_stimuli_have_a_beginning_and_an_end(session, make):
    events = read_events(session)
    end = make.start + 100 * make.step
    found = trials(events, end)
    assert found["count"].tolist() == ["1", "2", "3"]
    assert found["result"].tolist() == ["hit", "miss", ""]
    assert found["stop_ns"].tolist()[2] == end
    real, sham = stimuli(events, end).to_dict("records")
    step = make.step
    assert (real["start_ns"] - make.start, real["stop_ns"] - make.start) == (
        10 * step + 9_000_000,
        20 * step + 9_000_000,
    )
    assert (real["action"], real["sham"], real["applied"], real["values"]) == ("on", False, True, {"power": "3.5"})
    assert (sham["sham"], sham["trigger"], sham["values"]) == (True, "in_left", {"power": "3.5"})
    assert (sham["start_ns"] - make.start, sham["stop_ns"] - make.start) == (
        30 * step + 3_000_000,
        36 * step + 3_000_000,
    )
    [row] = per_trigger(stimuli(events, end)).to_dict("records")
    assert (row["trigger"], row["output"], row["real"], row["sham"]) == ("in_left", "laser", 1, 1)
    assert row["real_seconds"] == pytest.approx(10 * step / 1e9)
    assert row["sham_seconds"] == pytest.approx(6 * step / 1e9)


def test_a_stimulus_is_what_the_output_did_and_not_what_it_was_told(open_session, make):
    session = open_session("2026-11-22_box", bag=False)
    for number, image in enumerate(make.images(60)):
        session.add_frame(make.frame(number, image))

    def at(number: int) -> int:
        return make.start + number * make.step

    def told(number: int, source: str, identity: int, action: str, success: str = "true", stamp: bool = True) -> None:
        link = {"source": source, "id": identity}
        decided = at(number) if stamp else 0  # somebody else's node says only when it sent it
        session.add_event(EventRow("command", "laser", stamp_ns=decided, sent_ns=at(number), action=action, **link))
        applied = at(number) + 1000 if success == "true" else 0
        row = EventRow("acknowledgement", "laser", stamp_ns=applied, applied_ns=applied, success=success, **link)
        session.add_event(row)

    def fault(number: int, reason: str, **values: str) -> None:
        session.add_event(EventRow("fault", "laser", stamp_ns=at(number), values={"reason": reason, **values}))

    told(5, "experiment", 1, "on")
    told(8, "experiment", 2, "pulse", success="false")
    fault(7, "the board's supply is low")
    fault(10, "'on' was switched off: /experiment has been silent for 0.27 s", state="off")
    fault(12, "output 'laser' is off: 'on' was switched off: /experiment has been silent for 0.27 s")
    told(20, "experiment", 3, "on")
    told(30, "panel", 1, "off", stamp=False)
    told(40, "stranger", 1, "on", success="false", stamp=False)
    session.finish()
    found = stimuli(read_events(session.folder), at(60)).to_dict("records")
    begun_and_over = [((row["start_ns"] - make.start), (row["stop_ns"] - make.start)) for row in found]
    step = make.step
    assert begun_and_over == [(5 * step + 1000, 10 * step), (20 * step + 1000, 30 * step + 1000)]


def test_a_stimulus_ends_when_it_is_over_and_not_with_the_next_command(open_session, make):
    session = open_session("2026-11-22_box", bag=False)
    for number, image in enumerate(make.images(60)):
        session.add_frame(make.frame(number, image))
    millisecond = 1_000_000

    def at(number: int) -> int:
        return make.start + number * make.step

    def told(number: int, identity: int, name: str, action: str, answered: bool = True, **values: str) -> None:
        link = {"source": "experiment", "id": identity}
        session.add_event(EventRow("command", name, stamp_ns=at(number), action=action, values=values, **link))
        if answered:
            session.add_event(EventRow("acknowledgement", name, applied_ns=at(number) + 1000, success="true", **link))

    def event(kind: str, name: str, stamp: int, **values: str) -> None:
        session.add_event(EventRow(kind, name, stamp_ns=stamp, values=values))

    told(1, 1, "laser", "pulse", width="5", delay="20 ms")  # what is acknowledged is its begin, after the delay
    told(10, 2, "laser", "train", frequency="50 Hz", width="2 ms", count="3")
    told(20, 3, "laser", "pulse", width="900")
    told(21, 4, "laser", "off")
    told(25, 5, "laser", "on", duration="20 s")
    event("fault", "laser", at(30), reason="max_on is reached", state="off")
    told(40, 6, "laser", "pulse", answered=False, width="5", delay="20 ms")
    told(45, 7, "laser", "pulse", volume="5 ul")  # how long that takes is known to the output alone
    told(50, 8, "laser", "off")
    told(5, 9, "screen", "play", video="looming")
    event("output_report", "screen", at(35), action="play video=looming", begin=str(at(5) + 1000))
    told(40, 10, "screen", "show", image="left")
    event("output_report", "screen", at(41), action="show image=right", begin=str(at(39)))
    event("sham_started", "valve", at(3), action="pulse", width="30 ms", trigger="in_left")
    event("sham_ended", "valve", at(50), duration="9")
    session.finish()
    end = at(60)
    found = stimuli(read_events(session.folder), end).to_dict("records")
    lasted = {name: [] for name in ("laser", "screen", "valve")}
    for row in found:
        lasted[row["output"]].append(row["stop_ns"] - row["start_ns"])
    step = make.step
    laser = [5 * millisecond, 42 * millisecond, step, 5 * step - 1000, 25 * millisecond, 5 * step]
    assert lasted == {"laser": laser, "screen": [30 * step - 1000, 20 * step - 1000], "valve": [30 * millisecond]}


def test_the_report_draws_ways_and_stimuli(session):
    report = write_report(session)
    assert [path.name for path in report.paths] == ["trajectory.png", "occupancy.png"]
    assert report.stimuli == session / "stimuli.png"
    assert report.per_trigger is not None
    for path in (*report.paths, report.stimuli):
        assert path.stat().st_size > 5000


def test_csv_has_nothing_where_a_recovered_session_does_not_know_a_number(session):
    table = pd.read_csv(session / "top.frames.csv")
    table.loc[table.index[-1], "sequence"] = -1
    table.to_csv(session / "top.frames.csv", index=False)
    export_session(session, ["csv"], session / "export")
    last, end = (session / "export" / "csv" / "top.poses.csv").read_text().splitlines()[-2:]
    assert [line.split(",")[2] for line in (last, end)] == [str(FRAMES - 2), ""]


def test_csv_has_one_header_row_and_every_value_in_a_column(session, make):
    names = [path.name for path in export_session(session, ["csv"], session / "export")]
    assert names == ["top.poses.csv", "events.csv", "trials.csv", "stimuli.csv"]
    folder = session / "export" / "csv"
    poses = pd.read_csv(folder / "top.poses.csv")
    assert len(poses) == FRAMES
    assert poses["stamp_ns"].tolist() == [make.start + number * make.step for number in range(FRAMES)]
    own = read_poses(session / "top.poses.csv")
    assert np.allclose(poses.iloc[:, 4:], own, equal_nan=True)
    assert poses.columns[4:7].tolist() == ["nose.x", "nose.y", "nose.confidence"]
    events = pd.read_csv(folder / "events.csv", dtype_backend="numpy_nullable")
    assert events["stamp_ns"].tolist() == read_events(session)["stamp_ns"].tolist(), "to the nanosecond"
    commands = events[events["kind"] == "command"]
    assert commands["values.power"].tolist() == [3.5, pd.NA, 3.5]
    assert commands["frame_stamp_ns"].tolist() == [make.start + number * make.step for number in (10, 20, 50)]
    found = pd.read_csv(folder / "stimuli.csv")
    assert found["sham"].tolist() == [False, True]
    assert found["values.power"].tolist() == [3.5, 3.5]
    assert (found["stop"] - found["start"]).tolist() == pytest.approx(found["duration"].tolist())
    assert pd.read_csv(folder / "trials.csv")["result"].fillna("").tolist() == ["hit", "miss", ""]
    with pytest.raises(RecordingError, match="found an earlier export; nothing is overwritten"):
        export_session(session, ["csv"], session / "export")
    (session / "experiment.yaml").write_text("keypoints: {front: {middle: {nose: 3, tail: 1}}}\n")
    export_session(session, ["csv"], session / "export", force=True)
    with_virtual = pd.read_csv(folder / "top.poses.csv")
    assert with_virtual.columns[-3:].tolist() == ["front.x", "front.y", "front.confidence"]
    middle = (3 * poses["nose.x"] + poses["tail.x"]) / 4
    assert np.allclose(with_virtual["front.x"], middle, equal_nan=True), "keypoints of the experiment's own, too"


def test_nwb_passes_the_inspector_and_holds_the_real_stamps(session, make):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: make tools")
    nwbinspector = pytest.importorskip("nwbinspector", reason="nwbinspector is not installed: make tools")
    said: list[str] = []
    [path] = export_session(session, ["nwb"], session / "export", False, [*SUBJECT, *MORE], said.append)
    assert not said
    assert path.name == "2026-11-22_box.nwb"
    findings = list(nwbinspector.inspect_nwbfile(nwbfile_path=path))
    allowed = {"check_regular_timestamps"}  # the stamps of this test are regular, those of a camera are not
    serious = [found for found in findings if found.importance.name != "BEST_PRACTICE_SUGGESTION"]
    assert not [found for found in serious if found.check_function_name not in allowed], serious
    with pynwb.NWBHDF5IO(str(path), "r") as reader:
        file = reader.read()
        start = file.session_start_time.timestamp()
        pose = file.processing["behavior"]["pose_top"]
        nose = pose["nose"]
        stamps = np.array([make.start + number * make.step for number in range(FRAMES)])
        assert np.allclose(nose.timestamps[:] + start, stamps / 1e9, atol=1e-6)
        assert np.diff(nose.timestamps[:]) == pytest.approx(np.diff(stamps) / 1e9, abs=1e-9)
        own = read_poses(session / "top.poses.csv").to_numpy()
        assert np.allclose(nose.data[:], own[:, :2], equal_nan=True)
        assert np.allclose(nose.confidence[:], own[:, 2], equal_nan=True)
        assert pose.skeleton.nodes[:].tolist() == ["nose", "tail"]
        assert pose.skeleton.edges[:].tolist() == [[0, 1]]
        assert pose.skeleton.subject.subject_id == "M12"
        video = file.acquisition["video_top"]
        assert (path.parent / video.external_file[0]).resolve() == (session / "top.mkv").resolve()
        assert len(video.timestamps) == FRAMES
        assert (file.subject.weight, file.experimenter, file.notes) == ("0.0215 kg", ("Lovelace, Ada",), "cage: 4")
        trial = file.trials.to_dataframe()
        assert trial["result"].tolist() == ["hit", "miss", ""]
        found = file.intervals["stimuli"].to_dataframe()
        assert found["sham"].tolist() == [False, True]
        assert found["acknowledged"].tolist() == [True, False]
        assert found["value_power"].tolist() == ["3.5", "3.5"]
        applied = make.start + 10 * make.step + 9_000_000
        assert found["start_time"][0] + start == pytest.approx(applied / 1e9, abs=1e-6)
        events = file.get_events_table("events").to_dataframe()
        assert len(events) == len(read_events(session))
        assert (np.diff(events["timestamp"]) >= 0).all()


def test_nwb_says_what_archives_will_miss_and_refuses_what_nwb_does_not_take(session):
    pytest.importorskip("pynwb", reason="pynwb is not installed: make tools")
    said: list[str] = []
    export_session(session, ["nwb"], session / "export", say=said.append)
    assert "the subject's subject_id, species, sex, age" in said[0]
    for entry, message in (
        ("subject.age=old", "a time such as '12 weeks'"),
        ("subject.date_of_birth=spring", "but found 'spring'"),
        ("nonsense", "expected key=value"),
    ):
        with pytest.raises(RecordingError, match=message):
            export_session(session, ["nwb"], session / "other", False, [entry])
    assert not list((session / "other").glob("*")), "nothing half is left"


def test_nwb_of_one_frame_passes_the_inspector_and_says_that_its_poses_are_left_out(open_session, make):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: make tools")
    nwbinspector = pytest.importorskip("nwbinspector", reason="nwbinspector is not installed: make tools")
    session = open_session("short", bag=False)
    session.add_frame(make.frame(0, make.images(1)[0]))
    session.add_poses(make.poses(0, x=(20.0, 30.0)))
    session.finish()
    said: list[str] = []
    [path] = export_session(session.folder, ["nwb"], session.folder / "export", False, [*SUBJECT, *MORE], said.append)
    [text] = said
    assert text.startswith("camera 'top': its poses are not in the NWB file: found 1 frame; expected at least 2, ")
    critical = [one for one in nwbinspector.inspect_nwbfile(nwbfile_path=path) if one.importance.name == "CRITICAL"]
    assert not critical
    with pynwb.NWBHDF5IO(str(path), "r") as reader:
        assert len(reader.read().acquisition["video_top"].timestamps) == 1


def test_stamps_that_step_back_are_told_and_no_time_is_before_the_start(open_session, make):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: make tools")
    pytest.importorskip("sleap_io", reason="sleap-io is not installed: make tools")
    session = open_session("2026-11-22_back", bag=False)
    session.set_network("top", "mouse.onnx", "ab" * 32, [(0, 1)], ["mouse"])
    started = read_session(session.folder)["created_ns"]
    for number, image in enumerate(make.images(10)):
        stamp = started + number * make.step - (30_000_000_000 if number >= 6 else 0)
        session.add_frame(make.frame(number, image, stamp=stamp))
        session.add_poses(replace(make.poses(number), stamp=stamp))
    session.finish()
    said: list[str] = []
    *_, path = export_session(session.folder, ["csv", "nwb"], session.folder / "export", say=said.append)
    [told] = [text for text in said if "step back" in text]
    assert told.startswith("camera 'top': its stamps step back by 29.983 s at frame 6 (of 10 frames")
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        contents = file.read()
        poses = contents.processing["behavior"]["pose_top"]["nose"]
        assert poses.timestamps[:].min() == pytest.approx(0, abs=1e-6)
        assert contents.session_start_time.timestamp() == pytest.approx(started / 1e9 - 29.9, abs=0.01)
    said.clear()
    export_session(session.folder, ["sleap"], session.folder / "export", say=said.append)
    assert said == [], "it has no times"


def test_each_analysis_of_a_video_without_a_date_has_an_identifier_of_its_own(tmp_path, make):
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: make tools")

    def analysis(name: str, x: float, sha256: str, start: int) -> Path:
        session = OfflineSession(tmp_path / name, "video", ["top"], start)
        session.set_network("top", "mouse.onnx", sha256, [], ["mouse"])
        for number, image in enumerate(make.images(5)):
            session.add_frame(make.frame(number, image, stamp=start + number * make.step))
            session.add_poses(replace(make.poses(number, x=(x, 5)), stamp=start + number * make.step))
        session.finish("the video has ended", start + 5 * make.step)
        return session.folder

    def exported(folder: Path, said: list[str]) -> str:
        [path] = export_session(folder, ["nwb"], folder / "export", force=True, say=said.append)
        with pynwb.NWBHDF5IO(str(path), "r") as file:
            return str(file.read().identifier)

    undated: list[str] = []
    one, other = analysis("m1", 10, "ab" * 32, UNDATED), analysis("m2", 11, "ab" * 32, UNDATED)
    network = analysis("m3", 10, "cd" * 32, UNDATED)
    found = [exported(folder, undated) for folder in (one, other, network, one)]
    assert len(set(found)) == 3
    assert found[0] == found[3], "at each export of one session the same"
    assert sum("found 2000-01-01 as session_start_time" in text for text in undated) == 4
    dated: list[str] = []
    exported(analysis("m4", 10, "ab" * 32, make.start), dated)
    assert not [text for text in dated if "2000" in text], "a session's own video has its date"


def test_sleap_reads_the_session(session):
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed: make tools")
    [path] = export_session(session, ["sleap"], session / "export")
    labels = sleap_io.load_file(str(path))
    assert [frame.frame_idx for frame in labels.labeled_frames] == [row for row in range(FRAMES) if row % 6]
    assert labels.videos[0].filename == str((session / "top.mkv").resolve())
    own = read_poses(session / "top.poses.csv").to_numpy()
    for frame in labels.labeled_frames:
        assert np.allclose(frame.instances[0].numpy(scores=True).ravel(), own[frame.frame_idx], atol=1e-4)


def test_sleap_reads_a_session_without_a_video(open_session, make):
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed: make tools")
    session = open_session("bare", bag=False, video="none")
    for number, image in enumerate(make.images(3)):
        session.add_frame(make.frame(number, image))
        session.add_poses(make.poses(number, x=(20.0, 30.0)))
    session.finish()
    [path] = export_session(session.folder, ["sleap"], session.folder / "export")
    labels = sleap_io.load_file(str(path))
    assert [frame.frame_idx for frame in labels.labeled_frames] == [0, 1, 2]
    assert [video.filename for video in labels.videos] == ["no_video_was_recorded.mp4"]


def test_virtual_keypoints_are_in_every_export(session):
    sleap_io = pytest.importorskip("sleap_io", reason="sleap-io is not installed: make tools")
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: make tools")
    (session / "experiment.yaml").write_text("keypoints: {front: {middle: {nose: 3, tail: 1}}}\n")
    slp, nwb = sorted(
        export_session(session, ["sleap", "nwb"], session / "export"), key=lambda path: path.suffix, reverse=True
    )
    own = read_poses(session / "top.poses.csv").to_numpy()
    front = (3 * own[:, :2] + own[:, 3:5]) / 4
    labels = sleap_io.load_file(str(slp))
    assert labels.skeletons[0].node_names == ["nose", "tail", "front"]
    for frame in labels.labeled_frames:
        assert np.allclose(frame.instances[0].numpy()[2], front[frame.frame_idx], atol=1e-3, equal_nan=True)
    with pynwb.NWBHDF5IO(str(nwb), "r") as reader:
        pose = reader.read().processing["behavior"]["pose_top"]
        assert pose.skeleton.nodes[:].tolist() == ["nose", "tail", "front"]
        assert np.allclose(pose["front"].data[:], front, atol=1e-3, equal_nan=True)


def test_an_unfinished_session_and_a_missing_library_are_told(session, monkeypatch):
    about = json.loads((session / "session.json").read_text())
    (session / "session.json").write_text(json.dumps({**about, "complete": False}))
    with pytest.raises(RecordingError, match="dlstream recover"):
        export_session(session, ["csv"], session / "export")
    (session / "session.json").write_text(json.dumps(about))
    import sys

    for module, package, kind in (("pynwb", "pynwb", "nwb"), ("sleap_io", "sleap-io", "sleap")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(DlstreamError, match=f"--{kind} needs the package '{package}'"):
            export_session(session, [kind], session / "export")


def test_a_real_session_is_described(session):
    info = session_info(session)
    assert (info.name, info.experiment, info.frames, info.poses) == ("2026-11-22_box", "box", FRAMES, 50)
    assert info.networks == {"mouse.onnx": "ab" * 32}
    assert json.loads(json.dumps(info.as_dict()))["folder"] == str(session)
