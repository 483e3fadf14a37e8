"""Recordings that are not what was expected: damaged, renamed, of another kind. Each is named for what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from bag_tools import COUNT, NETWORK, SECOND
from mcap.reader import make_reader
from mcap.writer import Writer as McapWriter
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.typesys import Stores, get_typestore

from dlstream.cli.main import main
from dlstream.offline.pictures import DamagedPictureError, decoded
from dlstream_common import DlstreamError, EncodingError


@pytest.mark.parametrize("cut", ["short", "half", "half with an end", "nothing"])
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_one_damaged_picture_is_one_lost_frame_with_its_stamp(make, replayed, console, ending, cut):
    messages = make.compressed(ending)
    data = messages[3].data
    half = data[: len(data) // 2]
    end = np.frombuffer(b"\xff\xd9", np.uint8)
    messages[3].data = {
        "short": data[:150],
        "half": half,
        "half with an end": np.concatenate([half, end]),
        "nothing": data[:0],
    }[cut]
    frames = replayed(make.bag({"/top/image_raw/compressed": messages}), NETWORK)
    assert frames["sequence"].tolist() == list(range(COUNT))
    assert frames["lost"].tolist() == [int(number == 3) for number in range(COUNT)]
    told = console.export_text()
    assert "message 3 of /top/image_raw/compressed, stamp 1700000000.300 s, is a lost frame: found" in told


def test_the_mosaic_of_a_bayer_sensor_is_refused_and_what_was_made_of_it_is_not():
    mosaic = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes()
    for form in ("bayer_rggb8; jpeg compressed ", "bayer_gbrg8; png compressed bayer_gbrg8", "bayer_rggb8"):
        with pytest.raises(EncodingError, match=r"a sensor's mosaic.*image_proc"):
            decoded(mosaic, form)
    colour = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    assert decoded(colour, "bayer_rggb8; jpeg compressed bgr8")[1] == "bgr8"


def test_a_whole_picture_of_any_kind_is_read():
    image = np.full((16, 16, 3), 90, np.uint8)
    for ending in ("jpg", "png", "bmp", "tiff", "webp"):
        assert decoded(cv2.imencode(f".{ending}", image)[1].tobytes(), "")[0].shape == image.shape
    progressive = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert decoded(progressive, "")[1] == "bgr8"
    with pytest.raises(DamagedPictureError):
        decoded(b"no picture", "")


def test_a_storage_that_was_renamed_is_told_with_the_command_that_reads_it(make, replayed):
    bag = make.bag({"/top/pose": make.poses()})
    renamed = (bag / "bag.mcap").rename(bag / "mouse12_day3.mcap")
    with pytest.raises(DlstreamError) as caught:
        replayed(bag)
    told = str(caught.value)
    assert f"{bag}: found mouse12_day3.mcap; expected bag.mcap, which metadata.yaml names" in told
    assert f"`dlstream replay {renamed}`" in told
    assert len(replayed(renamed)) == COUNT
    renamed.unlink()
    with pytest.raises(DlstreamError, match=r"found no such file; expected bag\.mcap"):
        replayed(bag)


@pytest.mark.parametrize("profile", ["", "other"])
def test_an_mcap_of_any_profile_is_read(make, replayed, tmp_path, profile):
    bag = make.bag({"/top/pose": make.poses(), "/top/image_raw": make.images()})
    copy = tmp_path / "merged.mcap"
    _copy(bag / "bag.mcap", copy, profile)
    assert replayed(copy)["stamp_ns"].tolist() == make.stamps()
    assert replayed(copy, NETWORK)["stamp_ns"].tolist() == make.stamps()


def test_an_mcap_of_other_messages_is_told(make, replayed, tmp_path):
    bag = make.bag({"/top/pose": make.poses()})
    copy = tmp_path / "foxglove.mcap"
    _copy(bag / "bag.mcap", copy, "", "json")
    with pytest.raises(DlstreamError, match=r"found messages in 'json' .* on /top/pose"):
        replayed(copy)


def test_the_pieces_of_a_bag_of_another_profile_are_one_bag(make, replayed, tmp_path):
    bag, folder = make.bag({"/top/pose": make.poses()}), tmp_path / "copy"
    folder.mkdir()
    for piece in range(11):
        _copy(bag / "bag.mcap", folder / f"copy_{piece}.mcap", "", seconds=piece)
    stamps = [stamp + piece * SECOND for piece in range(11) for stamp in make.stamps()]
    assert replayed(folder)["stamp_ns"].tolist() == stamps


def _copy(source: Path, target: Path, profile: str, encoding: str = "", seconds: int = 0) -> None:
    """Copies the messages, with stamps that are so much later."""
    with source.open("rb") as file, target.open("wb") as out:
        writer = McapWriter(out)
        writer.start(profile=profile, library="merge")
        schemas: dict[int, int] = {}
        channels: dict[int, int] = {}
        for schema, channel, message in make_reader(file).iter_messages():
            assert schema is not None
            if channel.id not in channels:
                schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(
                    channel.topic, encoding or channel.message_encoding, schemas[schema.id]
                )
            stamp = int.from_bytes(message.data[4:8], "little") + seconds
            data = message.data[:4] + stamp.to_bytes(4, "little") + message.data[8:]
            time = message.log_time + seconds * SECOND
            writer.add_message(channels[channel.id], time, data, time)
        writer.finish()


def test_other_things_are_named_for_what_they_are(monkeypatch, capsys, tmp_path, make):
    def told(command: str, path: Path) -> str:
        monkeypatch.setattr("sys.argv", ["dlstream", command, str(path), "--network", str(NETWORK), "--out", "x"])
        assert main() == 1
        return " ".join(capsys.readouterr().out.split())

    old = tmp_path / "old lab" / "old_lab.bag"
    old.parent.mkdir()
    ros1 = get_typestore(Stores.ROS1_NOETIC)
    with Ros1Writer(old) as writer:
        writer.add_connection("/top/image_raw", "sensor_msgs/msg/Image", typestore=ros1)
    convert = f"found a bag of ROS 1; expected one of ROS 2. Convert it: `rosbags-convert --src '{old}' --dst NEW`"
    for command in ("replay", "analyze"):
        assert convert in told(command, old)
    assert convert in told("replay", old.parent)
    renamed = tmp_path / "new.mcap"
    renamed.write_bytes(old.read_bytes())
    assert f"found a bag of ROS 1; expected one of ROS 2. Convert it: `rosbags-convert --src {renamed}" in told(
        "replay", renamed
    )
    renamed.write_bytes(b"<!DOCTYPE html>")
    assert "found a web page (HTML), as a download without a login leaves it; expected a bag" in told("replay", renamed)

    sessions = tmp_path / "sessions" / "one"
    sessions.mkdir(parents=True)
    (sessions / "session.json").write_text("{}")
    empty, images = tmp_path / "empty", tmp_path / "images"
    for folder in (empty, images):
        folder.mkdir()
    files: dict[Path, Any] = {
        images / "0.png": (b"", "`dlstream analyze"),
        tmp_path / "mouse.avi": (
            b"RIFF",
            "found a video; expected a session folder or a bag. For a",
        ),
        tmp_path / "rig.yaml": (b"rig: a", "found settings (YAML)"),
        tmp_path / "notes.txt": ("notes".encode("utf-16"), "found a text in UTF-16"),
        tmp_path / "poses.h5": (b"\x89HDF\r\n\x1a\n", "found an HDF5 file; expected a session folder or a bag"),
        tmp_path / "data.bin": (b"1\x002", "found a file of 3 bytes that is neither a session nor a bag"),
    }
    for path, (data, expected) in files.items():
        path.write_bytes(data)
        assert expected in told("replay", path)
    assert "found a folder of images" in told("replay", images)
    assert "found an empty folder" in told("replay", empty)
    assert "found no such file or folder" in told("replay", tmp_path / "absent")
    assert f"found a folder of sessions; expected one of them, such as `dlstream replay {sessions}`" in told(
        "replay", sessions.parent
    )
    assert f"found a file of a session; expected the folder: `dlstream replay {sessions}`" in told(
        "replay", sessions / "session.json"
    )


@pytest.mark.parametrize("words", [["report"], ["export", "--csv", "--sleap"]])
def test_a_folder_of_sessions_in_place_of_one_is_told(tmp_path, monkeypatch, capsys, words):
    sessions = tmp_path / "sessions"
    (sessions / "my day").mkdir(parents=True)
    (sessions / "my day" / "session.json").write_text("{}")
    monkeypatch.setattr("sys.argv", ["dlstream", words[0], str(sessions), *words[1:]])
    assert main() == 1
    command = " ".join([words[0], f"'{sessions}/my day'", *words[1:]])
    assert " ".join(capsys.readouterr().out.split()) == (
        f"dlstream: {sessions}: found a folder of sessions; expected one of them, such as `dlstream {command}`"
    )
