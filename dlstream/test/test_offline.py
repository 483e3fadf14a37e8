"""Videos and bags through the same engine, without ROS: the same every time."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from offline_tools import write_video
from rich.console import Console
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from dlstream.offline.analyze import Options, analyze
from dlstream.offline.annotated import AnnotatedVideo
from dlstream.offline.bags import is_bag, replay_bag
from dlstream.offline.footage import EPOCH, open_footage
from dlstream.offline.replay import replay_session
from dlstream.offline.whatif import what_if
from dlstream_camera import SourceSettings
from dlstream_camera.arena import KEYPOINTS, Arena
from dlstream_common import DlstreamError, InputError, RecordingError
from dlstream_pose.runtime.overlay import PALETTE
from dlstream_recorder import DECISIONS, JOURNAL, read_lines, read_session
from dlstream_recorder.report.tables import read_poses

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
FRAMES = 60
SECOND = 1_000_000_000
STAMPS = [SECOND * number // 15 + (number % 3) * 7_000_000 for number in range(FRAMES)]

EXPERIMENT = """\
experiment: halves
camera: top
regions:
  left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}
  upper: {type: rectangle, left: 0, top: 0, right: 319, bottom: 119}
triggers:
  in_left: {type: region, region: left, keypoints: [neck]}
  in_upper: {type: region, region: upper, keypoints: [neck], min_confidence: 0.3}
protocol:
  type: region_trials
  trials:
    left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}
    upper: {trigger: in_upper, stimulus: {output: screen, action: show, values: {image: upper}}}
  lockout: 0
"""


@pytest.fixture(scope="module")
def scene() -> list[tuple[Any, Any]]:
    arena = Arena(320, 240, seed=3, fps=4.0)  # a quick animal
    return [arena.render(number) for number in range(FRAMES)]


@pytest.fixture(scope="module")
def video(scene, tmp_path_factory) -> Path:
    """A video whose frames do not come evenly."""
    path = tmp_path_factory.mktemp("footage") / "walk.mp4"
    writer = AnnotatedVideo(path, 320, 240, 0)
    for (image, _), stamp in zip(scene, STAMPS, strict=True):
        writer.add(image, stamp)
    writer.close()
    return path


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "halves.yaml"
    path.write_text(EXPERIMENT)
    return path


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, file=io.StringIO())


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read_lines(folder, DECISIONS)]


@pytest.mark.slow
def test_an_analysis_is_the_same_twice_and_a_session_like_any_other(video, experiment, tmp_path, console):
    for name in ("one", "two"):
        analyze(video, tmp_path / name, Options(NETWORK, experiment, 1.0), console)
    one, two = tmp_path / "one", tmp_path / "two"
    assert names(one) == names(two)
    for name in names(one):
        if name != "annotated.mp4":
            assert (one / name).read_bytes() == (two / name).read_bytes(), name
    summary = read_session(one)["summary"]
    assert summary["frames_recorded"] == summary["poses"] == FRAMES
    assert summary["commands"] > 3
    frames = pd.read_csv(one / "top.frames.csv")
    assert frames["sequence"].tolist() == list(range(FRAMES))
    assert np.allclose(frames["stamp_ns"] - EPOCH, STAMPS, atol=SECOND / 90_000), "the video's own times"
    with av.open(str(one / "annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    assert pd.read_hdf(one / "top.poses.h5", "df_with_missing").shape == (FRAMES, len(KEYPOINTS) * 3)
    assert replay_session(one, None, None, console) == 0
    said = " ".join(console.export_text().split())
    assert "identical" in said
    assert "scale: found 1; expected 0.5, the scale that the network file was converted with" in said
    assert read_session(one)["settings"]["pose"]["scale"] == 1


def test_regions_turn_green_in_the_annotated_video(video, experiment, tmp_path, console):
    analyze(video, tmp_path / "out", Options(NETWORK, experiment, 1.0), console)
    by_frame = {event["sequence"]: event for event in events(tmp_path / "out") if event.get("name") == "in_left"}
    [rose, *_] = [number for number, event in by_frame.items() if number and event["event"] == "trigger_rose"]
    with av.open(str(tmp_path / "out" / "annotated.mp4")) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    border = slice(180, 220), slice(156, 162)  # of the left half, below the upper one
    before, after = (pictures[number][border].reshape(-1, 3).astype(int).mean(axis=0) for number in (rose - 1, rose))
    assert before[2] > before[1], "red"
    assert after[1] > after[2], "green"


def test_virtual_keypoints_are_dots_in_the_annotated_video(video, experiment, tmp_path, console):
    experiment.write_text(
        EXPERIMENT.replace("regions:", "keypoints:\n  ahead: {middle: [snout, neck]}\nregions:").replace(
            "in_left: {type: region, region: left, keypoints: [neck]}",
            "in_left: {type: region, region: left, keypoints: [ahead]}",
        )
    )
    analyze(video, tmp_path / "out", Options(NETWORK, experiment, 1.0), console)
    poses = read_poses(tmp_path / "out" / "top.poses.csv").droplevel("scorer", axis=1)
    with av.open(str(tmp_path / "out" / "annotated.mp4")) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    blue, green, red = PALETTE[len(KEYPOINTS) % len(PALETTE)]
    seen = 0
    for (_, row), picture in zip(poses.iterrows(), pictures, strict=True):
        ends = [row[name] for name in ("snout", "neck")]
        apart = np.hypot(*(ends[0][["x", "y"]] - ends[1][["x", "y"]]))
        if min(end["likelihood"] for end in ends) < 0.6 or apart < 16:
            continue
        x, y = (round((ends[0][axis] + ends[1][axis]) / 2) for axis in ("x", "y"))
        near = picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int).mean(axis=0)
        seen += int(np.abs(near - (blue, green, red)).max() < 60)
    assert seen > 5


def test_images_and_videos_give_frames_at_their_own_times(scene, video, tmp_path, monkeypatch):
    folder = tmp_path / "stills"
    folder.mkdir()
    for number, (image, _) in enumerate(scene[:5]):
        cv2.imwrite(str(folder / f"{number:03}.png"), image)
    stills = open_footage(folder, "top", SourceSettings(crop=[10, 20, 100, 80]), fps=50)
    frames = list(stills.frames())
    assert [frame.stamp for frame in frames] == [EPOCH + number * SECOND // 50 for number in range(5)]
    assert (frames[2].image == scene[2][0][20:100, 10:110]).all()
    monkeypatch.chdir(folder)
    for here in (".", "../stills", str(folder / ".." / "stills" / ".")):
        assert open_footage(Path(here), "top", SourceSettings()).name == "stills"
    assert open_footage(video, "top", SourceSettings()).count == FRAMES
    paced = [frame.stamp for frame in open_footage(video, "top", SourceSettings(), fps=10).frames()]
    assert paced == [EPOCH + number * SECOND // 10 for number in range(FRAMES)]


@pytest.mark.slow
def test_what_was_left_out_live_is_left_out_of_its_video(scene, video, experiment, tmp_path, console):
    live = tmp_path / "live"
    analyze(video, live, Options(NETWORK, experiment, 1.0, video=False), console)
    write_video(live / "top.mkv", [image for image, _ in scene], 30)
    start, *rest = [json.loads(line) for line in read_lines(live, JOURNAL)]
    poses = [entry for entry in rest if entry["in"] == "poses"]
    frames = pd.read_csv(live / "top.frames.csv")
    frames["sequence"] -= 25 * (frames["frame"] >= 25)  # the camera was started again, and counts from 0
    frames.to_csv(live / "top.frames.csv", index=False)
    for entry in poses[25:]:
        entry["sequence"] -= 25
    keypoints = {"keypoints": poses[0]["keypoints"]}
    another_run = [start | {"stamp": poses[44]["stamp"], "seed": 8}, poses[45] | keypoints, *poses[47::2]]
    ran = [start, poses[6] | keypoints, *poses[9:40:3], *another_run]
    lines = [json.dumps(entry | {"n": number}) for number, entry in enumerate(ran)]
    (live / JOURNAL).write_text("\n".join(lines) + "\n")
    options = Options(NETWORK, live / "experiment.yaml", 1.0, video=False, live_frames=True)
    analyze(live / "top.mkv", tmp_path / "again", options, console)
    again = [json.loads(line) for line in read_lines(tmp_path / "again", JOURNAL)]
    decided = [entry["stamp"] for entry in again if entry["in"] == "poses"]
    runs = [*range(6, 40, 3), *range(45, FRAMES, 2)]
    assert decided == [poses[number]["stamp"] for number in runs]
    kinds = [(entry["in"], entry["stamp"], entry.get("seed")) for entry in again if entry["in"] in ("start", "stop")]
    first, second = start["stamp"], poses[44]["stamp"]
    assert kinds[:3] == [("start", first, 0), ("stop", second, None), ("start", second, 8)], "each as it ran"
    assert list(read_session(tmp_path / "again")["seeds"].values()) == [0, 8]
    assert replay_session(tmp_path / "again", None, None, console) == 0
    table = read_poses(tmp_path / "again" / "top.poses.csv")
    assert table.dropna(how="all").index.tolist() == runs
    analyze(live / "top.mkv", tmp_path / "every", Options(NETWORK, live / "experiment.yaml", 1.0), console)
    every = [json.loads(line) for line in read_lines(tmp_path / "every", JOURNAL)]
    assert [entry["stamp"] for entry in every if entry["in"] == "poses"] == [entry["stamp"] for entry in poses[6:]]
    assert len(read_poses(tmp_path / "every" / "top.poses.csv").dropna(how="all")) == FRAMES
    with av.open(str(tmp_path / "every" / "annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    assert read_session(tmp_path / "again")["summary"]["frames_recorded"] == FRAMES
    with pytest.raises(DlstreamError, match="--live-frames: walk shows no run"):
        analyze(video, tmp_path / "no", options, console)


def test_what_can_not_be_analysed_is_said(video, experiment, tmp_path, console):
    with pytest.raises(DlstreamError, match="no experiment: give --experiment FILE, or --rig FILE"):
        analyze(video, tmp_path / "out", Options(NETWORK), console)
    with pytest.raises(DlstreamError, match="found no such file"):
        analyze(tmp_path / "none.mp4", tmp_path / "out", Options(NETWORK, experiment, 1.0), console)
    experiment.write_text(EXPERIMENT.replace("type: region,", "type: region, individual: white,", 1))
    with pytest.raises(InputError, match="found 'white'; expected any, or an individual of the network"):
        analyze(video, tmp_path / "out", Options(NETWORK, experiment, 1.0), console)
    experiment.write_text(EXPERIMENT)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()
    with pytest.raises(RecordingError, match="is not empty; nothing is overwritten"):
        analyze(video, tmp_path / "full", Options(NETWORK, experiment, 1.0), console)
    assert names(tmp_path / "full") == ["thing"]


@pytest.fixture(params=[(StoragePlugin.MCAP, False), (StoragePlugin.SQLITE3, False), (StoragePlugin.MCAP, True)])
def bag(request, scene, tmp_path) -> Path:
    """A foreign bag: the true poses and the images; also one from before poses had a depth."""
    plugin, is_old = request.param
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in ("Individual", "FramePoses"):
        text = (ROOT / "dlstream_msgs" / "msg" / f"{name}.msg").read_text()
        text = text.partition("# From a depth camera")[0] if is_old else text
        store.register(get_types_from_msg(text, f"dlstream_msgs/msg/{name}"))
    kinds = store.types
    time, header = kinds["builtin_interfaces/msg/Time"], kinds["std_msgs/msg/Header"]
    path, never = tmp_path / "walk", time(0, 0)
    none = np.empty(0, np.float32)
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        poses = writer.add_connection("/top/pose", "dlstream_msgs/msg/FramePoses", typestore=store)
        images = writer.add_connection("/top/image_raw", "sensor_msgs/msg/Image", typestore=store)
        for number, ((image, points), stamp) in enumerate(zip(scene, STAMPS, strict=True)):
            x, y = points.astype(np.float32).T
            animal = kinds["dlstream_msgs/msg/Individual"](
                "", 1.0, x.copy(), y.copy(), np.ones_like(x), none, none, none, 0.0, *([] if is_old else [none])
            )
            head = header(time(stamp // SECOND, stamp % SECOND), "top")
            message = kinds["dlstream_msgs/msg/FramePoses"](
                head, "top", number, list(KEYPOINTS), [animal], never, never, never, False, never, 0
            )
            writer.write(poses, stamp + 5_000_000, store.serialize_cdr(message, message.__msgtype__))
            picture = kinds["sensor_msgs/msg/Image"](head, 240, 320, "bgr8", 0, 960, image.reshape(-1))
            writer.write(images, stamp + 5_000_000, store.serialize_cdr(picture, picture.__msgtype__))
    return path


def test_a_bag_of_poses_or_of_images_becomes_a_session(bag, experiment, tmp_path, console):
    assert is_bag(bag)
    replay_bag(bag, tmp_path / "poses", Options(experiment=experiment), console)
    replay_bag(bag, tmp_path / "images", Options(NETWORK, experiment, 1.0), console)
    for name in ("poses", "images"):
        assert len(pd.read_csv(tmp_path / name / "top.frames.csv")) == FRAMES
        assert replay_session(tmp_path / name, None, None, console) == 0
    found = {name: [e["name"] for e in events(tmp_path / name) if "event" in e] for name in ("poses", "images")}
    assert found["poses"].count("in_left") > 1
    assert abs(found["poses"].count("in_left") - found["images"].count("in_left")) <= 2, "the network is good"


def test_a_bag_without_the_poses_of_its_cameras_is_refused(bag, experiment, tmp_path, console):
    text = EXPERIMENT.replace("in_upper: {", "in_side: {type: region, region: side, keypoints: [neck]}\n  in_upper: {")
    text = text.replace("regions:\n", "regions:\n  side: {type: circle, camera: side, center: [9, 9], radius: 9}\n")
    experiment.write_text(text)
    with pytest.raises(DlstreamError, match=r"the bag has /top/pose; expected poses .* on /side/pose"):
        replay_bag(bag, tmp_path / "out", Options(experiment=experiment), console)


def test_another_experiment_differs_and_says_where(bag, experiment, tmp_path, console):
    session = tmp_path / "session"
    replay_bag(bag, session, Options(experiment=experiment), console)
    other = experiment.with_name("other.yaml")
    other.write_text(EXPERIMENT.replace("right: 159", "right: 100"))
    log = tmp_path / "new.jsonl"
    assert replay_session(session, other, log, console) == 1
    said = console.export_text()
    assert "First difference: line " in said
    assert "poses of top, frame" in said
    assert "-  left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}" in said
    assert len(log.read_text().splitlines()) != len(read_lines(session, DECISIONS))
    assert replay_session(session, experiment, None, console) == 0, "the same file under its own name"


def test_what_if_tells_what_would_have_fired(bag, experiment, tmp_path, console):
    session = tmp_path / "session"
    replay_bag(bag, session, Options(experiment=experiment), console)
    before = sum(event.get("event") == "trigger_rose" and event["name"] == "in_left" for event in events(session))
    assert what_if(session, ["regions.left.right=20"], console) == 0
    [row] = [line.split() for line in console.export_text().splitlines() if line.split()[:1] == ["in_left"]]
    assert int(row[1]) == before
    assert int(row[2]) < before
    with pytest.raises(DlstreamError, match=r"found no 'in_lft' in triggers. Did you mean 'in_left'\?"):
        what_if(session, ["triggers.in_lft.missing=hold"], console)
    with pytest.raises(DlstreamError, match=r"^--set triggers\.in_left\.min_confidence=7: triggers\.in_.*found 7"):
        what_if(session, ["triggers.in_left.min_confidence=7"], console)
    said = r"change triggers.in_left.keypoints: found '\[neck'; expected a value such as [^\n]*left open\?$"
    with pytest.raises(DlstreamError, match=said):
        what_if(session, ["triggers.in_left.keypoints=[neck"], console)
    console.export_text()
    assert what_if(session, ["triggers.in_left.keypoints[0]=snout", "triggers.in_left.keypoints.0=neck"], console) == 0
    said = " ".join(console.export_text().split())
    assert "Triggers with triggers.in_left.keypoints[0]=snout, triggers.in_left.keypoints.0=neck" in said
    count = sum(event.get("command", "off") != "off" for event in events(session))
    assert f"Stimuli of the run: {count} as it ran, {count} changed" in said


def test_a_recording_that_was_cut_off_replays_as_far_as_it_goes(bag, experiment, tmp_path, console):
    session = tmp_path / "session"
    replay_bag(bag, session, Options(experiment=experiment), console)
    journal, log = read_lines(session, JOURNAL), read_lines(session, DECISIONS)
    number = json.loads(log[-1])["n"]
    kept = [line for line in log if json.loads(line)["n"] < number]
    (session / DECISIONS).write_text("".join(f"{line}\n" for line in kept))
    assert replay_session(session, None, None, console) == 1, "a session that is complete lost lines afterwards"
    assert "decisions.jsonl ends too early for this journal" in console.export_text()
    about = read_session(session)
    (session / "session.json").write_text(json.dumps({**about, "recovered": True}))
    assert replay_session(session, None, None, console) == 0
    assert "as far as it was recorded" in console.export_text()
    (session / JOURNAL).write_text("".join(f"{line}\n" for line in journal[:10] + journal[11:]))
    with pytest.raises(DlstreamError, match="was not recorded"):
        replay_session(session, None, None, console)
    (session / JOURNAL).write_text("\n".join(journal)[:-20])
    damaged = rf"line {len(journal)} of the journal can't be read: found a line that is cut off or damaged, which ends"
    with pytest.raises(DlstreamError, match=f"{damaged}.*restore it from a copy of the session"):
        replay_session(session, None, None, console)
    (session / "session.json").write_text(json.dumps({**about, "complete": False}))
    with pytest.raises(DlstreamError, match=f"{damaged}.*`dlstream recover {session}` removes that line"):
        replay_session(session, None, None, console)
    (session / "experiment.yaml").write_text("mine")
    (session / JOURNAL).write_text("".join(f"{line}\n" for line in journal))
    console.export_text()
    replay_session(session, None, None, console)
    assert "experiment.yaml in the session is not what ran" in console.export_text()


def test_classes_in_python_need_permission_offline_as_well(video, tmp_path, console):
    own = ROOT / "config" / "experiments" / "python" / "python.yaml"
    with pytest.raises(DlstreamError, match="--allow-python"):
        analyze(video, tmp_path / "refused", Options(NETWORK, own, 1.0, video=False), console)
    out = tmp_path / "session"
    analyze(video, out, Options(NETWORK, own, 1.0, video=False, allow_python=True), console)
    with pytest.raises(DlstreamError, match="--allow-python"):
        replay_session(out, None, None, console)
    assert replay_session(out, None, None, console, allow_python=True) == 0
    assert what_if(out, ["triggers.near_wall.options.distance=90"], console, allow_python=True) == 0


def test_what_did_not_exist_in_the_session_is_refused(bag, experiment, tmp_path, console):
    session = tmp_path / "session"
    replay_bag(bag, session, Options(experiment=experiment), console)
    about = read_session(session)
    about["cameras"]["top"]["parts"] = [{"width": 320, "height": 240}]
    about["settings"]["outputs"] = ["screen"]
    (session / "session.json").write_text(json.dumps(about))
    for change, said in (
        ("triggers.in_left.keypoints=[tail]", r"found 'tail'; expected a keypoint of the network. Did you mean 'tail"),
        ("camera=side", "found 'side'; expected a camera whose poses the run got. Known: top"),
        ("regions.left.camera=tp", "regions.left.camera: found 'tp'; expected a camera .* Did you mean 'top'?"),
        ("regions.left.right=500", "expected a region inside the image of camera 'top', 320x240"),
        ("protocol.trials.left.stimulus.output=lamp", "found 'lamp'; expected an output of the rig"),
    ):
        with pytest.raises(InputError, match=said):
            what_if(session, [change], console)
    other = experiment.with_name("other.yaml")
    other.write_text(EXPERIMENT.replace("keypoints: [neck]}", "keypoints: [nek]}"))
    with pytest.raises(InputError, match=r"other.yaml:7: .*found 'nek'; .* Did you mean 'neck'\?"):
        replay_session(session, other, None, console)
    about["cameras"]["top"]["parts"] = [{"width": 100, "height": 100}]
    (session / "session.json").write_text(json.dumps(about))
    assert what_if(session, ["protocol.lockout=1"], console) == 0, "what was wrong when it ran is not the change's"
