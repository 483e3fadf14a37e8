"""Bags that others made: each is replayed, or refused with a sentence that says what to do."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from offline_tools import EXPERIMENT
from rich.console import Console
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from ruamel.yaml import YAML

from dlstream.cli.main import main
from dlstream.offline.analyze import Options
from dlstream.offline.bags import is_bag, replay_bag
from dlstream.offline.replay import replay_session
from dlstream_camera.arena import KEYPOINTS, Arena
from dlstream_common import DlstreamError, InputError
from dlstream_recorder import DECISIONS, JOURNAL, read_lines, read_session

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
SECOND = 1_000_000_000
NOON = 1_700_000_000 * SECOND
COUNT = 8
MCAP, SQLITE3 = StoragePlugin.MCAP, StoragePlugin.SQLITE3


@pytest.fixture(scope="module")
def store() -> Any:
    made = get_typestore(Stores.ROS2_JAZZY)
    for name in ("Individual", "FramePoses", "Skeleton"):
        text = (ROOT / "dlstream_msgs" / "msg" / f"{name}.msg").read_text()
        made.register(get_types_from_msg(text, f"dlstream_msgs/msg/{name}"))
    return made


@pytest.fixture(scope="module")
def walk() -> list[tuple[Any, Any]]:
    arena = Arena(320, 240, seed=3, fps=2.0)
    return [arena.render(number) for number in range(COUNT)]


class Maker:
    """Makes messages and bags of them."""

    def __init__(self, store: Any, folder: Path, walk: Sequence[tuple[Any, Any]]) -> None:
        self.store, self.folder, self.walk = store, folder, walk

    def message(self, kind: str, *values: Any) -> Any:
        return self.store.types[kind](*values)

    def header(self, stamp: int) -> Any:
        time = self.message("builtin_interfaces/msg/Time", stamp // SECOND, stamp % SECOND)
        return self.message("std_msgs/msg/Header", time, "top")

    def stamps(self) -> list[int]:
        return [NOON + number * SECOND // 10 for number in range(COUNT)]

    def poses(self, stamps: Sequence[int] | None = None, cut: int | None = None) -> list[Any]:
        never, none = self.message("builtin_interfaces/msg/Time", 0, 0), np.empty(0, np.float32)
        made = []
        for number, ((_, points), stamp) in enumerate(zip(self.walk, stamps or self.stamps(), strict=True)):
            x, y = points.astype(np.float32).T[:, : cut if number == 3 else None].copy()
            rest = (none, none, none, 0.0, none)
            one = self.message("dlstream_msgs/msg/Individual", "", 1.0, x, y, np.ones_like(x), *rest)
            times = (never, never, never, False, never, 0)
            made.append(
                self.message(
                    "dlstream_msgs/msg/FramePoses", self.header(stamp), "top", number, list(KEYPOINTS), [one], *times
                )
            )
        return made

    def images(self, encoding: str = "bgr8", stamps: Sequence[int] | None = None) -> list[Any]:
        made = []
        for (image, _), stamp in zip(self.walk, stamps or self.stamps(), strict=True):
            pixels = {
                "rgb8": lambda image: image[:, :, ::-1],
                "mono8": lambda image: cv2.cvtColor(image, cv2.COLOR_BGR2GRAY),
                "bayer_rggb8": lambda image: image[:, :, 0],
            }.get(encoding, lambda image: image)(image)
            data = np.ascontiguousarray(pixels).reshape(-1)
            made.append(
                self.message("sensor_msgs/msg/Image", self.header(stamp), 240, 320, encoding, 0, len(data) // 240, data)
            )
        return made

    def compressed(self, ending: str = "png", form: str = "bgr8; png compressed bgr8") -> list[Any]:
        made = []
        for (image, _), stamp in zip(self.walk, self.stamps(), strict=True):
            data = cv2.imencode(f".{ending}", image)[1]
            made.append(self.message("sensor_msgs/msg/CompressedImage", self.header(stamp), form, data))
        return made

    def bag(self, topics: dict[str, list[Any]], plugin: StoragePlugin = MCAP, version: int = 9, **words: Any) -> Path:
        path = self.folder / "bag"
        writer = Writer(path, version=max(version, 8), storage_plugin=plugin)  # type: ignore[arg-type]
        if words.get("compressed"):
            writer.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
        with writer:
            for topic, messages in topics.items():
                kind = words.get("kind") or messages[0].__msgtype__
                connection = writer.add_connection(topic, kind, typestore=self.store)
                for number, message in enumerate(messages):
                    data = self.store.serialize_cdr(message, kind)
                    writer.write(connection, NOON + number * SECOND // 10 + 5_000_000, data)
        if version < 8:
            as_before(path, version)
        return path


def as_before(path: Path, version: int) -> None:
    """The bag as an older rosbag2 would have written it."""
    yaml = YAML(typ="safe", pure=True)
    about = yaml.load((path / "metadata.yaml").read_text())
    inner = about["rosbag2_bagfile_information"]
    inner["version"] = version
    later = {"ros_distro": 8, "custom_data": 6, "files": 5}
    for key, since in later.items():
        if version < since:
            inner.pop(key, None)
    for topic in inner["topics_with_message_count"]:
        if version < 7:
            topic["topic_metadata"].pop("type_description_hash", None)
        if version < 9:
            topic["topic_metadata"]["offered_qos_profiles"] = ""
    with (path / "metadata.yaml").open("w") as file:
        yaml.dump(about, file)
    for database in path.glob("*.db3"):
        with sqlite3.connect(database) as connection:
            connection.executescript(
                "DROP TABLE message_definitions; DROP TABLE metadata; UPDATE schema SET schema_version = 3;"
                "ALTER TABLE topics DROP COLUMN type_description_hash;"
            )
        connection.close()


@pytest.fixture
def make(store: Any, walk: Any, tmp_path: Path) -> Maker:
    return Maker(store, tmp_path, walk)


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=400, file=io.StringIO())


@pytest.fixture
def replayed(tmp_path: Path, console: Console) -> Any:
    """Replays a bag; returns the frames' table of the session, which replays byte for byte itself."""
    experiment = tmp_path / "left.yaml"
    experiment.write_text(EXPERIMENT)

    def run(path: Path, network: Path | None = None, **words: Any) -> pd.DataFrame:
        assert is_bag(path)
        out = tmp_path / f"out_{len(list(tmp_path.iterdir()))}"
        replay_bag(path, out, Options(network, experiment, video=False, **words), console)
        assert replay_session(out, None, None, console) == 0
        return pd.concat([pd.read_csv(table) for table in sorted(out.glob("top*.frames.csv"))])

    return run


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


@pytest.mark.parametrize("encoding", ["mono8", "rgb8"])
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
        DlstreamError, match=r"message 0 of /top/image_raw: image encoding: found 'bayer_rggb8'.*debayer"
    ):
        replayed(make.bag({"/top/image_raw": make.images("bayer_rggb8")}), NETWORK)


def test_depth_is_refused(make, replayed):
    with pytest.raises(DlstreamError, match="found '16UC1; compressedDepth'; expected pictures such as JPEG or PNG"):
        replayed(make.bag({"/images": make.compressed(form="16UC1; compressedDepth")}), NETWORK)


def test_images_that_change_their_size_are_refused(make, replayed):
    images = make.images()
    small = np.zeros(16 * 12, np.uint8)
    images[5] = make.message("sensor_msgs/msg/Image", make.header(NOON + SECOND), 12, 16, "mono8", 0, 16, small)
    with pytest.raises(
        DlstreamError, match="message 5 of /images is an image of 16x12 mono8; expected 320x240 bgr8 as"
    ):
        replayed(make.bag({"/images": images}), NETWORK)


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
    with pytest.raises(DlstreamError, match=r"found 2 files and no metadata.yaml; make it with ros2 bag reindex"):
        replayed(path)


def test_metadata_that_is_damaged_is_refused(make, replayed):
    path = make.bag({"/top/pose": make.poses()})
    for text in ("", "rosbag2_bagfile_information: {version: 99}", "{[", "rosbag2_bagfile_information: 7"):
        (path / "metadata.yaml").write_text(text)
        with pytest.raises(DlstreamError, match="found no rosbag2 that can be read"):
            replayed(path)
