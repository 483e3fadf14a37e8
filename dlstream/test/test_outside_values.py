"""Values from outside offline: from a session's journal, from a bag, or said to be missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bag_tools import COUNT, NETWORK, NOON, SECOND
from offline_tools import EXPERIMENT, write_video

from dlstream.offline.analyze import Options, analyze
from dlstream.offline.bags import replay_bag
from dlstream.offline.replay import replay_session
from dlstream.offline.whatif import what_if
from dlstream_common import InputError
from dlstream_recorder import DECISIONS, JOURNAL, read_lines, read_session

LICK = EXPERIMENT.replace(
    "triggers: {in_left: {type: region, region: left, keypoints: [neck]}}",
    "triggers:\n  anywhere: {type: region, region: all, keypoints: [neck], min_confidence: 0}\n"
    "  lick: {type: input, input: lick}\n  in_left: {type: and, triggers: [anywhere, lick]}",
).replace("regions: {", "regions: {all: {type: rectangle, left: 0, top: 0, right: 319, bottom: 239}, ")


@pytest.fixture
def lick(tmp_path: Path) -> Path:
    path = tmp_path / "lick.yaml"
    path.write_text(LICK)
    return path


def changes(session: Path, name: str = "in_left") -> list[tuple[str, int]]:
    log = [json.loads(line) for line in read_lines(session, DECISIONS)]
    return [(item["event"], item["stamp"] - NOON) for item in log if item.get("name") == name]


def levels(make: Any, *values: bool) -> list[Any]:
    return [make.message("std_msgs/msg/Bool", value) for value in values]


@pytest.mark.parametrize("topic", ["/inputs/lick/level", "/rig/inputs/lick/level"])
def test_a_bag_gives_the_values_that_it_has(make, lick, tmp_path, console, topic):
    bag = make.bag({"/top/pose": make.poses(), topic: levels(make, False, False, False, True, True, False)})
    replay_bag(bag, tmp_path / "out", Options(experiment=lick), console)
    arrived = 5_000_000
    rose, fell = 3 * SECOND // 10 + arrived, 5 * SECOND // 10 + arrived
    assert changes(tmp_path / "out", "lick") == [("trigger_rose", rose), ("trigger_fell", fell)]
    assert [kind for kind, _ in changes(tmp_path / "out")] == ["trigger_rose", "trigger_fell"]
    assert "found no values" not in console.export_text()
    assert replay_session(tmp_path / "out", None, None, console) == 0


def test_a_bag_of_images_gives_them_too(make, lick, tmp_path, console):
    bag = make.bag({"/top/image_raw": make.images(), "/inputs/lick/level": levels(make, False, True, True, False)})
    replay_bag(bag, tmp_path / "out", Options(NETWORK, lick, 1.0, video=False), console)
    assert [kind for kind, _ in changes(tmp_path / "out", "lick")] == ["trigger_rose", "trigger_fell"]


def test_a_bag_whose_frames_have_another_clock_gives_them_in_the_frames_time(make, lick, tmp_path, console):
    stamps = [SECOND + number * SECOND // 10 for number in range(COUNT)]
    bag = make.bag({"/top/pose": make.poses(stamps), "/inputs/lick/level": levels(make, False, True)})
    replay_bag(bag, tmp_path / "out", Options(experiment=lick), console)
    assert changes(tmp_path / "out", "lick") == [("trigger_rose", SECOND + SECOND // 10 - NOON)]


def test_triggers_whose_values_are_missing_are_named(make, lick, tmp_path, console):
    replay_bag(make.bag({"/top/pose": make.poses()}), tmp_path / "out", Options(experiment=lick), console)
    said = "found no values of /inputs/lick/level:data: here the trigger 'lick' is never decided"
    assert said in console.export_text()
    assert changes(tmp_path / "out") == []


def test_a_session_gives_the_values_of_its_journal(make, lick, tmp_path, console):
    live = tmp_path / "live"
    bag = make.bag({"/top/image_raw": make.images()})
    replay_bag(bag, live, Options(NETWORK, lick, 1.0, video=False), console)
    assert "'lick' is never decided" in console.export_text()
    write_video(live / "top.mkv", [image for image, _ in make.walk])
    entries = [json.loads(line) for line in read_lines(live, JOURNAL)]
    poses = [entry for entry in entries if entry["in"] == "poses"]
    value = {"in": "value", "source": "/inputs/lick/level:data"}
    on = value | {"stamp": poses[3]["stamp"] + SECOND // 50, "value": 1.0}
    off = value | {"stamp": poses[6]["stamp"] - SECOND // 50, "value": 0.0}
    ran = [entries[0], *poses[:3], on, *poses[3:6], off, *poses[6:]]  # poses[3] was still being computed
    (live / JOURNAL).write_text("".join(json.dumps(entry | {"n": n}) + "\n" for n, entry in enumerate(ran)))
    analyze(live / "top.mkv", tmp_path / "out", Options(NETWORK, live / "experiment.yaml", 1.0, video=False), console)
    again = [json.loads(line) for line in read_lines(tmp_path / "out", JOURNAL)]
    kept = ("in", "stamp", "value", "sequence")
    assert [[entry.get(key) for key in kept] for entry in again[:-1]] == [[one.get(key) for key in kept] for one in ran]
    assert [kind for kind, _ in changes(tmp_path / "out")] == ["trigger_rose", "trigger_fell"]
    assert "never decided" not in console.export_text()


def test_values_to_which_the_run_did_not_listen_are_refused(make, lick, tmp_path, console):
    session = tmp_path / "session"
    ran = tmp_path / "left.yaml"
    ran.write_text(EXPERIMENT)
    replay_bag(make.bag({"/top/pose": make.poses()}), session, Options(experiment=ran), console)
    assert read_session(session)["complete"]
    said = r"lick.yaml:\d+: triggers.lick: found '/inputs/lick/level:data'; expected values from outside that the run"
    with pytest.raises(InputError, match=f"{said} listened to: it listened to none"):
        replay_session(session, lick, None, console)
    topic = "{type: topic, topic: /scale, message: std_msgs/msg/Float64, at_least: 3}"
    with pytest.raises(InputError, match="found '/scale:data'; expected values from outside"):
        what_if(session, [f"triggers.in_left={topic}"], console)
    with_lick = tmp_path / "with_lick"
    replay_bag(tmp_path / "bag", with_lick, Options(experiment=lick), console)
    assert what_if(with_lick, ["triggers.lick.timeout=3"], console) == 0
    with pytest.raises(InputError, match=r"Did you mean '/inputs/lick/level:data'\?"):
        what_if(with_lick, ["triggers.lick.input=lck"], console)
