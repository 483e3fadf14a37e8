"""The date of an analysis is that of the recording: as said, or by the file's metadata, never that of the analysis."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import av
import pytest
from offline_tools import EXPERIMENT
from track_tools import NETWORK, console, write_video

from dlstream.offline.analyze import Options, analyze
from dlstream.offline.footage import open_footage
from dlstream.offline.recorded_at import recorded_at
from dlstream_camera import SourceSettings
from dlstream_common import DlstreamError
from dlstream_recorder import read_session
from dlstream_recorder.export.export import export_session
from dlstream_recorder.session.archive import Search, is_dated, session_info
from dlstream_recorder.writers.session_file import UNDATED

APPLE = "com.apple.quicktime.creationdate"


def nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000_000


def dated(path: Path, text: str = "", **others: str) -> Path:
    """The same video with dates in the container's metadata, by their keys."""
    target = path.with_name(f"dated_{path.name}")
    options = {"movflags": "use_metadata_tags"} if path.suffix == ".mov" else {}
    with av.open(str(path)) as source, av.open(str(target), "w", options=options) as copy:
        copy.metadata.update({"creation_time": text} if text else {})
        copy.metadata.update(others)
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return target


def analysed(tmp_path: Path, video: Path, said: str = "") -> tuple[Path, str]:
    file, terminal = tmp_path / "left.yaml", console()
    file.write_text(EXPERIMENT)
    out = tmp_path / "out"
    analyze(video, out, Options(NETWORK, file, 1.0, video=False, recorded=said), terminal)
    return out, terminal.export_text()


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_the_file_s_creation_time_is_the_date_and_is_told(tmp_path, ending):
    video = dated(write_video(tmp_path / f"a.{ending}", 6), "2026-03-01T09:30:00.000000Z")
    out, said = analysed(tmp_path, video)
    assert "date from the file's metadata: 2026-03-01" in said
    about, info = read_session(out), session_info(out)
    assert about["created_ns"] == nanoseconds(datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc))
    assert about["date_from"] == "file"
    assert (info.dated, Search(date="2026-03").fits(info), Search(date="2000").fits(info)) == (True, True, False)


def test_what_is_said_is_the_date_whatever_the_file_says(tmp_path):
    video = dated(write_video(tmp_path / "a.mp4", 6), "2025-01-01T00:00:00Z")
    out, said = analysed(tmp_path, video, "2026-03-01T14:30+01:00")
    about = read_session(out)
    assert "metadata" not in said
    assert about["created_ns"] == nanoseconds(datetime(2026, 3, 1, 13, 30, tzinfo=timezone.utc))
    assert about["date_from"] == "said"
    assert is_dated(about)


def test_without_both_there_is_no_date(tmp_path):
    out, _ = analysed(tmp_path, write_video(tmp_path / "a.mp4", 6))
    about = read_session(out)
    assert about["created_ns"] == UNDATED
    assert "date_from" not in about
    assert not session_info(out).dated


def test_a_day_alone_begins_at_midnight_here(tmp_path):
    assert recorded_at(tmp_path, "2026-03-01").stamp == nanoseconds(datetime(2026, 3, 1).astimezone())


@pytest.mark.parametrize(
    "text", ["1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2000-01-01T00:00:00Z", "2200-01-01T00:00:00Z"]
)
def test_a_clock_that_was_never_set_dates_nothing_and_is_told(tmp_path, text):
    found = recorded_at(dated(write_video(tmp_path / "a.mkv", 2), text), "")
    assert (found.stamp, found.source) == (UNDATED, "")
    assert "can't be right" in found.remark
    assert text[:4] in found.remark


@pytest.mark.parametrize("ending", ["mov", "mkv"])
def test_apple_s_date_with_the_offset_of_the_place_comes_first(tmp_path, ending):
    dates = {APPLE: "2026-03-01T14:30:00+0100", "creation_time": "2026-03-02T00:00:00Z"}
    found = recorded_at(dated(write_video(tmp_path / f"a.{ending}", 2), **dates), "")
    assert found.stamp == nanoseconds(datetime(2026, 3, 1, 13, 30, tzinfo=timezone.utc))


@pytest.mark.parametrize("first", ["on the first of March", "1904-01-01T00:00:00+0100"])
def test_the_next_date_in_the_file_is_taken_where_the_first_is_none(tmp_path, first):
    dates = {APPLE: first, "creation_time": "2026-03-01T09:30:00Z"}
    found = recorded_at(dated(write_video(tmp_path / "a.mov", 2), **dates), "")
    assert found.stamp == nanoseconds(datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc))
    assert found.source == "file"


@pytest.mark.parametrize(
    "text", ["2026-03-01T14:30:00+0100", "2026-03-01T14:30+01:00", "2026-03-01T08:30-0500", "2026-03-01T13:30:00.000Z"]
)
def test_an_offset_is_understood_with_and_without_a_colon(tmp_path, text):
    assert recorded_at(tmp_path, text).stamp == nanoseconds(datetime(2026, 3, 1, 13, 30, tzinfo=timezone.utc))


def test_a_date_in_the_file_that_can_t_be_read_is_told(tmp_path):
    out, said = analysed(tmp_path, dated(write_video(tmp_path / "a.mov", 6), **{APPLE: "1.3.2026"}))
    assert "made on '1.3.2026', which can't be read as a date: the analysis has no date." in " ".join(said.split())
    assert read_session(out)["created_ns"] == UNDATED


@pytest.mark.parametrize(
    "text", ["yesterday", "1.3.2026", "2026-13-01", "2026", "1999-12-31", "2900-01-01", "2026-03-01T25:00"]
)
def test_a_wrong_date_is_refused(tmp_path, text):
    with pytest.raises(DlstreamError, match=f"--recorded-at: found '{text}'; expected the date of the recording"):
        recorded_at(tmp_path, text)


def test_a_session_s_own_video_has_its_date(tmp_path):
    (tmp_path / "session.json").write_text("{}")
    (tmp_path / "top.frames.csv").write_text("")
    with pytest.raises(DlstreamError, match="whose stamps say when it was recorded"):
        open_footage(tmp_path / "top.mkv", "top", SourceSettings(), recorded="2026-03-01")


def test_tracking_counts_from_the_first_frame(tmp_path):
    video = dated(write_video(tmp_path / "a.mp4", 2), "2026-03-01T09:30:00Z")
    assert next(iter(open_footage(video, "top", SourceSettings()).frames())).stamp == UNDATED


def test_the_date_is_nwb_s_start(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    pytest.importorskip("ndx_pose")
    out, _ = analysed(tmp_path, write_video(tmp_path / "a.mp4", 6), "2026-03-01T14:30+01:00")
    said: list[str] = []
    [file] = export_session(out, ["nwb"], tmp_path, say=said.append)
    with pynwb.NWBHDF5IO(str(file), "r") as content:
        assert content.read().session_start_time == datetime(2026, 3, 1, 13, 30, tzinfo=timezone.utc)
    assert not any("no dates" in text for text in said)
