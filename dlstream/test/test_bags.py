"""Bags that others made: each is replayed, or refused with a sentence that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_tools import COUNT, MCAP, NETWORK, NOON, SECOND, SQLITE3
from offline_tools import EXPERIMENT
from rosbags.rosbag2 import Writer

from dlstream.cli.main import main
from dlstream.offline.analyze import Options
from dlstream.offline.bags import replay_bag
from dlstream_common import DlstreamError
from dlstream_recorder import DECISIONS, JOURNAL, read_lines, read_session


@pytest.mark.parametrize("plugin", [MCAP, SQLITE3])
@pytest.mark.parametrize("version", [4, 5, 6, 7, 8, 9])
def test_poses_of_every_rosbag2(make, replayed, plugin, version):
    frames = replayed(make.bag({"/top/pose": make.poses()}, plugin, version))
    assert frames["stamp_ns"].tolist() == make.stamps()


def test_options_that_would_have_no_effect_are_refused(make, monkeypatch, capsys, tmp_path):
    def told(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["dlstream", "replay", *words])
        code = main()
        return f"{code} " + " ".join(capsys.readouterr().out.split())

    file = tmp_path / "left.yaml"
    file.write_text(EXPERIMENT)
    bag, out = str(make.bag({"/top/pose": make.poses()})), str(tmp_path / "session")
    of_a_bag = [bag, "--experiment", str(file), "--out", out]
    said = told(*of_a_bag, "--set", "protocol.lockout=1")
    assert said.startswith(f"1 dlstream: --set: can't be used, because {bag} is a bag. --set works on a session")
    for option in (("--scale", "0.5"), ("--camera", "top")):
        assert f"1 dlstream: {option[0]}: can't be used on a bag of poses" in told(*of_a_bag, *option)
    assert told(*of_a_bag).startswith("0 ")
    others = [
        "--network",
        "no.onnx",
        "--rig",
        "no.yaml",
        "--topic",
        "/x",
        "--camera",
        "x",
        "--scale",
        "3",
        "--seed",
        "4",
    ]
    said = told(out, *others)
    assert said.startswith("1 dlstream: --network, --scale, --camera, --rig, --seed, --topic: can't be used, because")
    assert "for a bag, or for `dlstream analyze` of its video" in said
    said = told(out, "--set", "protocol.lockout=1", "--experiment", str(file))
    assert said.startswith("1 dlstream: --experiment: can't be used, because --set is given")
    assert told(out, "--experiment", str(file), "--out", str(tmp_path / "log")).startswith("0 identical")


@pytest.mark.parametrize("network", [None, NETWORK])
def test_the_seed_that_counted_is_recorded(make, replayed, tmp_path, network):
    topic = {"/top/image_raw": make.images()} if network else {"/top/pose": make.poses()}
    bag = make.bag(topic)

    def recorded(out: Path) -> list[Any]:
        start = json.loads(read_lines(out, JOURNAL)[0])
        [said] = [line for line in read_lines(out, DECISIONS) if '"experiment_started"' in line]
        return [start["seed"], read_session(out)["seeds"]["run_1"], int(json.loads(said)["values"]["seed"])]

    made: list[Path] = []
    for text, words, seed in (
        ("", {}, 0),
        ("", {"seed": 5}, 5),
        ("seed: 11\n", {}, 11),
        ("seed: 11\n", {"seed": 11}, 11),
    ):
        (tmp_path / "left.yaml").write_text(EXPERIMENT + text)
        replayed(bag, network, **words)
        [out] = [path for path in tmp_path.glob("out_*") if path not in made]
        made.append(out)
        assert recorded(out) == [seed] * 3
    with pytest.raises(DlstreamError, match=r"--seed: found 5, and seed: 11 in .*left.yaml; expected only one of them"):
        replayed(bag, network, seed=5)
    assert len(list(tmp_path.glob("out_*"))) == len(made), "refused before anything was written"


def test_frames_without_a_pose_are_not_lost_frames(make, replayed, tmp_path):
    """Of a bag of poses nobody knows which frames there were."""
    poses = make.poses()
    frames = replayed(make.bag({"/top/pose": [poses[0], *poses[4:]]}))
    assert frames["sequence"].tolist() == [0, 4, 5, 6, 7]
    [out] = tmp_path.glob("out_*")
    assert "fault" not in (out / "events.csv").read_text()
    assert frames["dropped"].max() == 0
    summary = read_session(out)["summary"]
    assert (summary["frames_dropped"], summary["frames_captured"]) == (0, 5)


@pytest.mark.parametrize("plugin", [MCAP, SQLITE3])
def test_images_of_a_bag_that_has_no_definitions_and_one_that_is_compressed(make, replayed, plugin, tmp_path):
    assert len(replayed(make.bag({"/cam/image_color": make.images()}, plugin, 4), NETWORK)) == COUNT
    make.folder = tmp_path / "compressed"
    make.folder.mkdir()
    assert len(replayed(make.bag({"/top/pose": make.poses()}, plugin, compressed=True))) == COUNT


@pytest.mark.parametrize("encoding", ["mono8", "rgb8", "bayer_rggb8", "nv12"])
def test_images_of_any_encoding(make, replayed, encoding):
    frames = replayed(make.bag({"/top/image_raw": make.images(encoding)}), NETWORK)
    assert frames["stamp_ns"].tolist() == make.stamps()


@pytest.mark.parametrize(("ending", "form"), [("png", "rgb8; png compressed bgr8"), ("jpg", "jpeg")])
def test_compressed_images(make, replayed, ending, form):
    topics = {"/top/image_raw/compressed": make.compressed(ending, form), "/other/compressed": make.compressed()}
    assert len(replayed(make.bag(topics), NETWORK)) == COUNT


def test_the_same_pictures_decide_the_same_however_they_came(make, tmp_path, console):
    (tmp_path / "left.yaml").write_text(EXPERIMENT)
    logs = []
    for name, messages in {"raw": make.images(), "rgb": make.images("rgb8"), "png": make.compressed()}.items():
        make.folder = tmp_path / name
        make.folder.mkdir()
        path = make.bag({"/images": messages})
        out = tmp_path / name / "out"
        replay_bag(path, out, Options(NETWORK, tmp_path / "left.yaml", 1.0, video=False), console)
        logs.append((out / "decisions.jsonl").read_bytes())
    assert logs[0].count(b"\n") > 2
    assert len(set(logs)) == 1


def test_images_that_can_not_be_read_are_refused(make, replayed):
    with pytest.raises(
        DlstreamError, match=r"message 0 of /top/image_raw: image encoding: found 'bayer_rggb12'; expected one of"
    ):
        replayed(make.bag({"/top/image_raw": make.images("bayer_rggb12")}), NETWORK)


def test_colour_of_few_of_16_bits_is_told(make, replayed, console):
    images = []
    for (image, _), stamp in zip(make.walk, make.stamps(), strict=True):
        data = np.ascontiguousarray(image[..., ::-1].astype("<u2") * 16).view(np.uint8).reshape(-1)
        images.append(make.message("sensor_msgs/msg/Image", make.header(stamp), 240, 320, "rgb16", 0, 6 * 320, data))
    replayed(make.bag({"/images": images}), NETWORK)
    assert console.export_text().count("12 bits of 16") == 1


def test_a_stream_of_video_is_named_for_what_it_is(make, replayed):
    with pytest.raises(DlstreamError, match="found 'h264', a stream of video, whose images build on one another"):
        replayed(make.bag({"/images": make.compressed(form="h264")}), NETWORK)


def test_stamps_that_repeat_or_go_back_are_told_once(make, replayed, console):
    stamps = make.stamps()
    stamps[3], stamps[4], stamps[6] = stamps[2], stamps[1], stamps[5]
    assert replayed(make.bag({"/images": make.images(stamps=stamps)}), NETWORK)["stamp_ns"].tolist() == stamps
    said = console.export_text()
    assert said.count("in the order in which they were recorded") == 1
    assert "message 3 of /images has the stamp of the message before it" in said


def test_depth_is_refused(make, replayed):
    with pytest.raises(DlstreamError, match="found '16UC1; compressedDepth'; expected pictures such as JPEG or PNG"):
        replayed(make.bag({"/images": make.compressed(form="16UC1; compressedDepth")}), NETWORK)


def damaged(make, topics, number, change):
    """A bag, in which the bytes of one message are changed."""
    [(topic, messages)] = topics.items()
    kind = messages[0].__msgtype__
    path = make.folder / "bag"
    with Writer(path, version=9, storage_plugin=MCAP) as writer:
        connection = writer.add_connection(topic, kind, typestore=make.store)
        for each, message in enumerate(messages):
            data = bytes(make.store.serialize_cdr(message, kind))
            writer.write(connection, NOON + each * SECOND // 10, change(data) if each == number else data)
    return path


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("size", 5),
        ("encoding", 7),
        *((what, at) for what in ("short", "empty", "cut", "head", "unknown") for at in (0, 5)),
    ],
)
def test_one_odd_message_is_one_lost_frame(what, number, make, replayed, console):
    images = make.images()
    message = images[number]
    odd = {
        "size": (12, 16, "bgr8", 0, 48, np.zeros(12 * 48, np.uint8)),
        "encoding": (240, 320, "mono8", 0, 320, np.zeros(240 * 320, np.uint8)),
        "short": (240, 320, "bgr8", 0, 960, message.data[:5000]),
        "empty": (0, 0, "", 0, 0, np.zeros(0, np.uint8)),
        "unknown": (240, 320, "mono12", 0, 480, message.data),
    }
    if what in odd:
        images[number] = make.message("sensor_msgs/msg/Image", message.header, *odd[what])
        path = make.bag({"/top/image_raw": images})
    else:
        left = 2000 if what == "cut" else 6
        path = damaged(make, {"/top/image_raw": images}, number, lambda data: data[:left])
    frames = replayed(path, NETWORK)
    assert frames["lost"].tolist() == [int(each == number) for each in range(COUNT)]
    stamps = make.stamps()
    assert frames["stamp_ns"].tolist() == stamps or what == "head"
    assert f"message {number} of /top/image_raw" in console.export_text()


def test_images_of_which_most_change_are_refused(make, replayed):
    images = make.images()
    small = np.zeros(16 * 12, np.uint8)
    for number in range(3, COUNT):
        header = images[number].header
        images[number] = make.message("sensor_msgs/msg/Image", header, 12, 16, "mono8", 0, 16, small)
    with pytest.raises(
        DlstreamError,
        match=r"message 3 of /images: it is 16x12 mono8; expected 320x240 bgr8 as before. Found 5 of 8 messages",
    ):
        replayed(make.bag({"/images": images}), NETWORK)


def test_images_that_change_for_good_end_the_replay_where_they_do(make, replayed, monkeypatch):
    monkeypatch.setattr("dlstream.offline.bag_images._FIRST", 2)
    images = make.images()
    small = np.zeros(16 * 12, np.uint8)
    for number in (1, *range(5, COUNT)):
        header = images[number].header
        images[number] = make.message("sensor_msgs/msg/Image", header, 12, 16, "mono8", 0, 16, small)
    with pytest.raises(DlstreamError, match=r"message 5 of /images: from here on the images are 16x12 mono8; .*Split"):
        replayed(make.bag({"/images": images}), NETWORK)


def test_poses_of_a_rig_with_a_namespace_are_found_by_their_cameras(make, tmp_path, console):
    side = "{type: rectangle, left: 200, top: 0, right: 319, bottom: 239, camera: side}"
    text = EXPERIMENT.replace("bottom: 239}}", f"bottom: 239}}, right: {side}}}")
    text = text.replace("[neck]}}", "[neck]}, in_right: {type: region, region: right, keypoints: [neck]}}")
    (tmp_path / "two.yaml").write_text(text)
    options = Options(experiment=tmp_path / "two.yaml")
    topics = {f"/lab/rig1/{camera}/pose": make.poses() for camera in ("top", "side")}
    replay_bag(make.bag(topics), tmp_path / "out", options, console)
    assert {*read_session(tmp_path / "out")["cameras"]} == {"top", "side"}


def test_a_leap_in_time_is_told_and_not_waited_for(make, tmp_path, console):
    file = tmp_path / "left.yaml"
    file.write_text(EXPERIMENT)
    days = 3 * 86_400 * SECOND
    stamps = [stamp + (days if number > 5 else 0) for number, stamp in enumerate(make.stamps())]
    bag = make.bag({"/top/pose": make.poses(stamps=stamps)})
    with pytest.raises(DlstreamError, match=r"camera 'top' make a leap of 72\.0 hours in time, from 20"):
        replay_bag(bag, tmp_path / "out", Options(experiment=file), console)
