"""The video of a session, analysed again, and what its figures say of its clocks."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from bag_tools import NETWORK, NOON, SECOND
from offline_tools import EXPERIMENT, write_video

from dlstream.offline.analyze import Options, analyze
from dlstream.offline.bags import replay_bag
from dlstream.offline.replay import replay_session
from dlstream.offline.whatif import delays
from dlstream_common.event_kinds import ACKNOWLEDGEMENT, CLOCK_OFFSET, COMMAND
from dlstream_recorder import EventRow, OfflineSession
from dlstream_recorder.report.tables import read_events


@pytest.fixture
def live(make, tmp_path, console):
    """A session with its own video."""
    experiment = tmp_path / "left.yaml"
    experiment.write_text(EXPERIMENT)
    images = make.bag({"/top/image_raw": make.images()})
    replay_bag(images, tmp_path / "live", Options(NETWORK, experiment, 1.0, video=False), console)
    write_video(tmp_path / "live" / "top.mkv", [image for image, _ in make.walk])
    return tmp_path / "live"


def test_frames_of_a_recovered_session_count_on_where_their_numbers_are_not_known(live, tmp_path, console):
    table = pd.read_csv(live / "top.frames.csv")
    table["sequence"] += 40
    table.loc[table.index[-3:], "sequence"] = -1
    table.to_csv(live / "top.frames.csv", index=False)
    again = tmp_path / "again"
    analyze(live / "top.mkv", again, Options(NETWORK, live / "experiment.yaml", 1.0, video=False), console)
    assert pd.read_csv(again / "top.frames.csv")["sequence"].tolist() == list(range(40, 48))
    assert "fault" not in read_events(again)["kind"].tolist()
    assert replay_session(again, None, None, console) == 0


def test_delays_are_by_one_clock(tmp_path):
    session = OfflineSession(tmp_path / "session", "session", ["top"], NOON, {}, {})
    ahead = 40_000_000
    link = {"camera": "top", "sequence": 1, "frame_stamp_ns": NOON + ahead, "source": "experiment", "id": 1}
    command = EventRow(COMMAND, "laser", stamp_ns=NOON, sent_ns=NOON + 1, recorded_ns=NOON + 1, **link)
    done = EventRow(ACKNOWLEDGEMENT, "laser", stamp_ns=NOON, recorded_ns=NOON + 2, source="experiment", id=1)
    values = {"offset_ns": str(ahead), "uncertainty_ns": "1000", "of": "desk", "nodes": "/top/camera"}
    rows = [
        EventRow(CLOCK_OFFSET, "host/arena", stamp_ns=NOON, values=values),
        command,
        EventRow(**{**vars(done), "success": "true", "applied_ns": NOON + SECOND // 50}),
    ]
    session.add_entry([json.dumps({"n": 0, "in": "stop", "stamp": NOON, "reason": "test"})], rows)
    session.finish("test", NOON + SECOND)
    assert delays(tmp_path / "session") == {"(no trigger)": [pytest.approx(20)]}


def test_another_experiment_decides_in_a_gap_of_the_poses(make, tmp_path, console):
    experiment = tmp_path / "left.yaml"
    experiment.write_text(EXPERIMENT)
    stamps = [NOON + number * SECOND // 10 + (number > 3) * 7 * SECOND // 10 for number in range(8)]
    replay_bag(make.bag({"/top/pose": make.poses(stamps)}), tmp_path / "live", Options(experiment=experiment), console)
    experiment.write_text(f"# as it ran\n{EXPERIMENT}")
    assert replay_session(tmp_path / "live", experiment, None, console) == 0
    experiment.write_text(f"{EXPERIMENT}pose_timeout: 0.3\n")
    log = tmp_path / "log.jsonl"
    assert replay_session(tmp_path / "live", experiment, log, console) == 1
    [lost] = [line for line in map(json.loads, log.read_text().splitlines()) if line.get("event") == "fault"]
    assert lost["stamp"] == stamps[3] + 7 * SECOND // 20, "the first tick after the time-out"
