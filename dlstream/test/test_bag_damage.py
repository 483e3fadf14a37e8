"""Bags that lack something, are cut off or hold other things: each is refused, or taken, with what to do."""

from __future__ import annotations

import numpy as np
import pytest
from bag_tools import COUNT, MCAP, NETWORK, NOON, SQLITE3
from offline_tools import EXPERIMENT

from dlstream_camera.arena import KEYPOINTS
from dlstream_common import DlstreamError, InputError


def test_of_two_topics_one_must_be_said(make, replayed):
    path = make.bag(
        {"/a/pose": make.poses(), "/b/pose": make.poses(), "/c/image": make.images(), "/d/image": make.images()}
    )
    with pytest.raises(DlstreamError, match=r"the bag has /a/pose, /b/pose; expected poses .* Choose one with --topic"):
        replayed(path)
    assert len(replayed(path, topic="/b/pose")) == COUNT
    with pytest.raises(DlstreamError, match="found no poses on '/c/image'"):
        replayed(path, topic="c/image")
    with pytest.raises(
        DlstreamError, match=r"found /c/image, /d/image; expected images .*Choose one with --topic TOPIC"
    ):
        replayed(path, NETWORK)
    assert len(replayed(path, NETWORK, topic="d/image")) == COUNT
    with pytest.raises(DlstreamError, match=r"found no images on '/d/imag'. Did you mean '/d/image'\?"):
        replayed(path, NETWORK, topic="/d/imag")


def test_a_bag_of_other_things_is_told(make, replayed):
    text = make.message("std_msgs/msg/String", "hello")
    path = make.bag({"/chatter": [text]})
    with pytest.raises(DlstreamError, match=r"the bag has no poses \(it has /chatter \(String\)\); expected poses"):
        replayed(path)
    with pytest.raises(DlstreamError, match=r"found no images \(it has /chatter \(String\)\); expected images"):
        replayed(path, NETWORK)


@pytest.mark.parametrize("network", [None, NETWORK])
def test_stamps_out_of_order_and_none_at_all(make, replayed, network, tmp_path):
    """Poses and images count in the order in which they were recorded, as live."""
    mixed = make.stamps()
    mixed[3], mixed[4] = mixed[4], mixed[3]
    for name, stamps in (("mixed", mixed), ("same", [NOON] * COUNT), ("none", [0] * COUNT)):
        make.folder = tmp_path / name
        make.folder.mkdir()
        messages = make.images(stamps=stamps) if network else make.poses(stamps)
        frames = replayed(make.bag({"/it": messages}), network)
        assert frames["stamp_ns"].tolist() == (stamps if any(stamps) else [t + 5_000_000 for t in make.stamps()])


def test_a_pose_of_another_shape_than_its_keypoints_is_a_fault(make, replayed, tmp_path):
    assert len(replayed(make.bag({"/top/pose": make.poses(cut=2)}))) == COUNT
    [out] = tmp_path.glob("out_*")
    assert "has 2 values for 5 keypoints in frame 3 of camera 'top'" in (out / "decisions.jsonl").read_text()


def test_a_covariance_that_does_not_fit_its_keypoints_is_left_out(make, replayed):
    poses = make.poses()
    poses[3].individuals[0].covariance = np.ones(4, np.float32)
    assert len(replayed(make.bag({"/top/pose": poses}))) == COUNT


def test_an_animal_that_the_network_does_not_know_is_found_before_the_run(make, replayed, tmp_path):
    none, names = np.empty(0, np.uint16), ["black", "white"]
    skeleton = make.message("dlstream_msgs/msg/Skeleton", "mouse", "", list(KEYPOINTS), names, none)
    bag = make.bag({"/top/pose": make.poses(), "/top/skeleton": [skeleton]})
    (tmp_path / "left.yaml").write_text(EXPERIMENT.replace("type: region,", "type: region, individual: wite,"))
    with pytest.raises(InputError, match=r"left.yaml:4: .*found 'wite'; expected .*'white'"):
        replayed(bag)


@pytest.mark.parametrize("plugin", [MCAP, SQLITE3])
def test_an_empty_bag_is_told(make, replayed, plugin):
    path = make.bag({}, plugin)
    with pytest.raises(DlstreamError, match=r"the bag has no poses \(it has nothing\)"):
        replayed(path)


@pytest.mark.parametrize(
    ("topic", "kind", "network"),
    [("/top/pose", "dlstream_msgs/msg/FramePoses", None), ("/top/image_raw", "sensor_msgs/msg/Image", NETWORK)],
)
def test_a_topic_without_a_message_is_told(make, replayed, topic, kind, network):
    with pytest.raises(DlstreamError, match=r"found no (message|frame)"):
        replayed(make.bag({topic: []}, kind=kind), network)


@pytest.mark.parametrize(("plugin", "hint"), [(MCAP, "mcap recover FILE.mcap"), (SQLITE3, "FILE.db3 .recover")])
@pytest.mark.parametrize("left", [0.0, 0.001, 0.5, 0.9])
def test_a_bag_that_was_cut_off_is_refused_with_what_to_do(make, replayed, plugin, hint, left):
    path = make.bag({"/top/image_raw": make.images()}, plugin)
    [file] = [item for item in path.iterdir() if item.suffix in (".mcap", ".db3")]
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * left)])
    for whole in (path, file):
        with pytest.raises(DlstreamError, match=rf"found no rosbag2 that can be read \(.*{hint}"):
            replayed(whole, NETWORK)


def test_a_bag_whose_recorder_was_killed_has_no_metadata(make, replayed):
    path = make.bag({"/top/pose": make.poses()})
    (path / "metadata.yaml").unlink()
    assert len(replayed(path)) == COUNT
    [file] = path.iterdir()
    assert len(replayed(file)) == COUNT
    file.with_name("second.mcap").write_bytes(file.read_bytes())
    with pytest.raises(
        DlstreamError, match=r"found bag.mcap, second.mcap and no metadata.yaml; expected one bag.*bag\.mcap`"
    ):
        replayed(path)


def test_metadata_that_is_damaged_is_refused(make, replayed):
    path = make.bag({"/top/pose": make.poses()})
    for text in ("rosbag2_bagfile_information: {version: 99}", "{[", "rosbag2_bagfile_information: 7"):
        (path / "metadata.yaml").write_text(text)
        with pytest.raises(
            DlstreamError, match=r"(?s)found no rosbag2 that can be read.*move it away if it is damaged"
        ):
            replayed(path)
    (path / "metadata.yaml").unlink()
    assert len(replayed(path)) == COUNT
