"""The bag, read by rosbags, also where it was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore
from ruamel.yaml import YAML

from dlstream_common import RecordingError
from dlstream_recorder import Bag, Quality
from dlstream_recorder.writers.bag import repair_bag

STORE = get_typestore(Stores.ROS2_JAZZY)
STRING = STORE.types["std_msgs/msg/String"]


def text(value: str) -> bytes:
    return bytes(STORE.serialize_cdr(STRING(value), "std_msgs/msg/String"))


def write(folder: Path, count: int, close: bool = True) -> Bag:
    bag = Bag(folder)
    bag.add_topic("/said", "std_msgs/msg/String", Quality(5, reliable=False, latched=True))
    bag.add_topic("/unused", "sensor_msgs/msg/CameraInfo", Quality())
    for number in range(count):
        bag.write("/said", text(f"number {number}"), 1_000 + number)
    if close:
        bag.close()
    return bag


def read(folder: Path) -> list[tuple[int, str]]:
    with AnyReader([folder]) as reader:
        assert reader.message_count == reader.topics["/said"].msgcount
        return [(stamp, reader.deserialize(raw, item.msgtype).data) for item, stamp, raw in reader.messages()]


def test_comes_back(tmp_path):
    write(tmp_path / "bag", 5)
    assert read(tmp_path / "bag") == [(1_000 + number, f"number {number}") for number in range(5)]
    with AnyReader([tmp_path / "bag"]) as reader:
        (quality,) = next(item for item in reader.connections if item.topic == "/said").ext.offered_qos_profiles
    assert (quality.depth, quality.reliability.name, quality.durability.name) == (5, "BEST_EFFORT", "TRANSIENT_LOCAL")
    metadata = (tmp_path / "bag" / "metadata.yaml").read_text()
    information = YAML(typ="safe").load(metadata)["rosbag2_bagfile_information"]
    assert (information["version"], information["storage_identifier"], information["message_count"]) == (9, "mcap", 5)
    assert information["relative_file_paths"] == ["bag_0.mcap"]
    assert information["duration"] == {"nanoseconds": 4}


def test_an_empty_bag_is_a_bag(tmp_path):
    Bag(tmp_path / "bag").close()
    with AnyReader([tmp_path / "bag"]) as reader:
        assert reader.message_count == 0


def test_messages_of_our_own_are_described(tmp_path):
    bag = Bag(tmp_path / "bag")
    bag.add_topic("/top/pose", "dlstream_msgs/msg/FramePoses", Quality())
    bag.close()
    with AnyReader([tmp_path / "bag"]) as reader:
        (connection,) = reader.connections
        assert "Individual[] individuals" in connection.msgdef.data
        assert "MSG: dlstream_msgs/Individual" in connection.msgdef.data


def test_an_unknown_type_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"nothing_msgs/msg/Nothing: no definition found"):
        Bag(tmp_path / "bag").add_topic("/x", "nothing_msgs/msg/Nothing", Quality())


def test_a_bag_that_was_cut_off_is_repaired(tmp_path):
    bag = write(tmp_path / "bag", 20, close=False)
    bag._flushed = 0.0  # as if half a second had passed
    bag.flush()
    for number in range(20, 30):
        bag.write("/said", text(f"number {number}"), 1_000 + number)  # these are not flushed
    (path,) = (tmp_path / "bag").glob("*.mcap")
    path.write_bytes(path.read_bytes() + b"\x06\xff\x00")  # half a record
    assert repair_bag(tmp_path / "bag") == 20
    assert read(tmp_path / "bag") == [(1_000 + number, f"number {number}") for number in range(20)]
    whole = path.read_bytes()
    assert repair_bag(tmp_path / "bag") == 20
    assert path.read_bytes() == whole, "a whole bag stays as it is"


def test_what_is_no_bag_is_refused(tmp_path):
    (tmp_path / "bag").mkdir()
    with pytest.raises(RecordingError, match=r"bag_0\.mcap"):
        repair_bag(tmp_path / "bag")
    (tmp_path / "bag" / "bag_0.mcap").write_bytes(b"no mcap at all" * 10)
    with pytest.raises(RecordingError, match="is not an MCAP file"):
        repair_bag(tmp_path / "bag")


def test_nothing_is_overwritten(tmp_path):
    write(tmp_path / "bag", 1)
    with pytest.raises(RecordingError, match="File exists"):
        Bag(tmp_path / "bag")
