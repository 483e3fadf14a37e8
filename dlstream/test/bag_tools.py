"""Bags of a walk of the synthetic arena, in every form."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from ruamel.yaml import YAML

from dlstream_camera.arena import KEYPOINTS

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
SECOND = 1_000_000_000
NOON = 1_700_000_000 * SECOND
COUNT = 8
MCAP, SQLITE3 = StoragePlugin.MCAP, StoragePlugin.SQLITE3


def mosaic(image: Any) -> Any:
    """What the sensor of a camera for colours sees: red, green / green, blue."""
    seen = image[:, :, 1].copy()
    seen[::2, ::2], seen[1::2, 1::2] = image[::2, ::2, 2], image[1::2, 1::2, 0]
    return seen


def planes(image: Any) -> Any:
    """Brightness, and below it the two colours of every 2x2 pixels."""
    i420 = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    height, width = image.shape[:2]
    u, v = i420[height * width :].reshape(2, -1)
    return np.concatenate([i420[: height * width], np.stack([u, v], axis=-1).reshape(-1)])


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
                "bayer_rggb8": mosaic,
                "nv12": planes,
            }.get(encoding, lambda image: image)(image)
            data = np.ascontiguousarray(pixels).reshape(-1)
            step = 320 if encoding == "nv12" else len(data) // 240
            made.append(self.message("sensor_msgs/msg/Image", self.header(stamp), 240, 320, encoding, 0, step, data))
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
