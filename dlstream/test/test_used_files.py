"""A session holds the files that its experiment names: it is replayed where the originals are gone, or altered."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from dlstream.offline.analysis import Analysis
from dlstream.offline.analyze import Options, resolve
from dlstream.offline.replay import replay_session
from dlstream.offline.whatif import what_if
from dlstream_common import DlstreamError, FramePoses, Individual
from dlstream_experiment import load_experiment
from dlstream_recorder import (
    DECISIONS,
    EVENT_COLUMNS,
    OfflineSession,
    Session,
    SessionSettings,
    read_lines,
    read_session,
)

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
NEAR_WALL = ROOT / "config" / "experiments" / "python" / "near_wall.py"
SECOND = 1_000_000_000
FILES = ["files/events.csv", "files/near_wall.py", "files/stretch.onnx", "files/stretch_2.onnx"]

EXPERIMENT = """\
experiment: everything
camera: top
triggers:
  near_wall:
    type: python
    class: own/near_wall.py:NearWall
    options: {keypoint: neck, width: 320, height: 240, distance: 60}
  stretches: &stretches
    {type: classifier, network: NETWORK, keypoints: [snout], reference: neck, window: 0.1, samples: 1, behaviour: 1}
  huddles: {<<: *stretches, network: other/stretch.onnx}
protocol:
  type: states
  states:
    waiting:
      transitions: [{when: near_wall, go: walled}]
    walled:
      stimuli: [{output: screen, action: show, values: {image: left}}]
      transitions: [{when: huddles, go: waiting}, {when: stretches, after: 0.5, go: waiting}]
  stop: [{longer_than: 9}]
  control: {type: yoked, outputs: [laser], recording: other animal}
"""


def classifier(path: Path, sign: float) -> Path:
    """Class 1 where sign * (x + y of the snout from the neck) is positive."""
    weights = numpy_helper.from_array(np.array([[0, sign], [0, sign]], np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["poses", "w"], ["s"]), helper.make_node("Softmax", ["s"], ["p"], axis=1)],
        "classes",
        [helper.make_tensor_value_info("poses", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 2])],
        [weights],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def yoked(folder: Path) -> None:
    """What another animal's laser did."""
    rows: list[dict[str, Any]] = [
        {"kind": "experiment_started", "name": "other", "stamp_ns": 5},
        {"kind": "command", "name": "laser", "frame_stamp_ns": SECOND, "action": "on", "values": '{"power": "3"}'},
        {"kind": "command", "name": "laser", "frame_stamp_ns": 2 * SECOND, "action": "off"},
    ]
    folder.mkdir()
    with (folder / "events.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, EVENT_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({"frame_stamp_ns": 0, "decided_ns": 0} | row for row in rows)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with an experiment file and all that it names, one of it by an absolute path."""
    folder = tmp_path / "lab"
    (folder / "own").mkdir(parents=True)
    shutil.copy(NEAR_WALL, folder / "own")
    yoked(folder / "other animal")
    far = classifier(tmp_path / "far" / "stretch.onnx", 1.0)
    classifier(folder / "other" / "stretch.onnx", -1.0)
    (folder / "experiment.yaml").write_text(EXPERIMENT.replace("NETWORK", str(far)))
    return folder


def walk() -> list[FramePoses]:
    made = []
    for number in range(120):
        neck = np.array([160 + 130 * np.sin(number / 9), 120])
        snout = neck + 20 * np.array([np.cos(number / 5), 0.3])
        x, y = np.array([snout, neck], np.float32).T.copy()
        one = Individual("", x, y, np.ones(2, np.float32), 1.0)
        made.append(FramePoses("top", number, SECOND + number * SECOND // 20, ("snout", "neck"), (one,)))
    return made


def analysed(lab: Path, out: Path) -> Path:
    experiment = load_experiment(lab / "experiment.yaml", allow_python=True)
    session = OfflineSession(out, "walk", ["top"], SECOND)
    session.copy(experiment.path, "experiment.yaml")
    analysis = Analysis(experiment, session, 3)
    for poses in walk():
        analysis.add_poses(poses)
    session.finish("over", analysis.finish("over"))
    return out


def moved(session: Path, lab: Path) -> Path:
    """The session in another folder, and nothing left of what was there before."""
    target = session.parent / "elsewhere" / "renamed"
    target.parent.mkdir()
    shutil.move(session, target)
    shutil.rmtree(lab)
    shutil.rmtree(lab.parent / "far")
    return target


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=400, file=io.StringIO())


def copies(session: Path) -> list[str]:
    return sorted(str(path.relative_to(session)) for path in (session / "files").iterdir())


def test_a_session_is_replayed_where_nothing_is_left_but_itself(lab, tmp_path, console):
    session = moved(analysed(lab, tmp_path / "session"), lab)
    assert copies(session) == FILES
    about = read_session(session)
    assert set(about["files"]) == set(about["hashes"]) == {*FILES, "experiment.yaml"}
    assert about["files"]["files/events.csv"].endswith("lab/other animal/events.csv")
    log = tmp_path / "again.jsonl"
    assert replay_session(session, None, log, console, allow_python=True) == 0
    assert log.read_bytes() == (session / DECISIONS).read_bytes()
    said = log.read_text()
    for name in ("near_wall", "stretches", "huddles", '"command":"on","output":"laser"'):
        assert name in said, name
    with pytest.raises(DlstreamError, match="--allow-python"):
        replay_session(session, None, None, console)
    assert what_if(session, ["triggers.near_wall.options.distance=90"], console, allow_python=True) == 0
    changed = tmp_path / "changed.yaml"
    changed.write_text((session / "experiment.yaml").read_text().replace("distance: 60", "distance: 90"))
    assert replay_session(session, changed, None, console, allow_python=True) == 1
    assert "+    options: {keypoint: neck, width: 320, height: 240, distance: 90}" in console.export_text()


def test_the_session_s_own_experiment_file_finds_the_copies(lab, tmp_path):
    session = moved(analysed(lab, tmp_path / "session"), lab)
    options = Options(NETWORK, session / "experiment.yaml", 1.0, allow_python=True)
    assert {used.path for used in resolve(options).experiment.files} == {session / name for name in FILES}
    (session / "files" / "near_wall.py").unlink()
    with pytest.raises(DlstreamError, match="an existing Python file, but there is no"):
        resolve(options)


def test_a_recorder_copies_what_the_journal_names_and_tells_what_it_can_not(lab, tmp_path, console):
    offline = analysed(lab, tmp_path / "offline")
    entries = dict.fromkeys(json.loads(line)["n"] for line in read_lines(offline, "journal.jsonl"))
    decisions: dict[int, list[str]] = {number: [] for number in entries}
    for line in read_lines(offline, DECISIONS):
        decisions[json.loads(line)["n"]].append(line)
    changed = lab / "other" / "stretch.onnx"
    changed.write_bytes(changed.read_bytes() + b" ")
    live = Session(SessionSettings(directory=tmp_path, session="live", min_free=0.001, bag=False))
    for number, line in zip(entries, read_lines(offline, "journal.jsonl"), strict=True):
        live.add_journal("\n".join([line, *decisions[number]]))
    live.finish()
    assert copies(live.folder) == FILES[:3]
    [fault] = [row for row in live.take_faults() if row.kind == "fault"]
    assert "'other/stretch.onnx' is not in the session" in fault.values["text"]
    assert "was changed after the experiment read it" in fault.values["text"]
    with pytest.raises(DlstreamError, match=r"needs 'other/stretch.onnx', but the session has no copy of it, and .*/"):
        replay_session(live.folder, None, None, console, allow_python=True)
    shutil.copy(offline / "files" / "stretch_2.onnx", live.folder / "files" / "as you like.onnx")
    assert replay_session(moved(live.folder, lab), None, None, console, allow_python=True) == 0


def test_a_copy_that_is_lost_or_altered_is_told(lab, tmp_path, console):
    session = analysed(lab, tmp_path / "session")
    (session / "files" / "stretch.onnx").write_bytes(b"altered")
    assert replay_session(session, None, None, console, allow_python=True) == 0, "the original is there as it was"
    said = console.export_text()
    assert f"its copy files/stretch.onnx was altered: '{tmp_path}/far/stretch.onnx' is read from" in said
    (session / "files" / "near_wall.py").unlink()
    elsewhere = moved(session, lab)
    with pytest.raises(DlstreamError) as raised:
        replay_session(elsewhere, None, None, console, allow_python=True)
    python, network = str(raised.value).splitlines()
    assert "needs 'own/near_wall.py', but its copy files/near_wall.py is missing, and" in python
    assert "its copy files/stretch.onnx was altered, and" in network
    assert "no longer exists; expected a file of SHA-256" in network


def test_a_network_in_several_files_is_refused(lab):
    path = classifier(lab / "other" / "stretch.onnx", 1.0)
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(DlstreamError, match=r"its weights are in another file; save it as one"):
        load_experiment(lab / "experiment.yaml", allow_python=True)
