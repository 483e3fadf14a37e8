"""The rosbag2 folder of a session: MCAP, in chunks of less than a second, and its metadata.yaml."""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer
from ruamel.yaml import YAML

from dlstream_common import RecordingError
from dlstream_recorder.writers._files import AppendFile, write_error
from dlstream_recorder.writers._message_types import MessageTypes

_CHUNK = 1 << 20
_INTERVAL = 0.5
_MAGIC = b"\x89MCAP0\r\n"
_LIBRARY = "dlstream_recorder"
_FOREVER = {"sec": 9223372036, "nsec": 854775807}


@dataclass(frozen=True)
class Quality:
    """The quality of service that a topic's publisher offers, for the bag's player to offer again."""

    depth: int = 10
    reliable: bool = True
    latched: bool = False

    def profile(self) -> dict[str, Any]:
        """The profile in rosbag2's form."""
        return {
            "history": "keep_last",
            "depth": self.depth,
            "reliability": "reliable" if self.reliable else "best_effort",
            "durability": "transient_local" if self.latched else "volatile",
            "deadline": _FOREVER,
            "lifespan": _FOREVER,
            "liveliness": "automatic",
            "liveliness_lease_duration": _FOREVER,
            "avoid_ros_namespace_conventions": False,
        }


@dataclass
class _Topic:
    name: str
    msgtype: str
    type_hash: str
    qualities: list[dict[str, Any]]
    count: int = 0


class Bag:
    """Writes a bag. Messages are already serialized (CDR), as raw subscriptions deliver them.

    A killed process leaves `metadata.yaml` and all chunks except those of the last half second; `repair_bag` adds the
    index.

    Args:
        folder: must not exist.

    Raises:
        RecordingError: it exists, or can't be written.
    """

    def __init__(self, folder: Path, types: MessageTypes | None = None) -> None:
        self.folder = folder
        self._types = types or MessageTypes()
        try:
            folder.mkdir()
        except OSError as error:
            raise write_error(folder, error) from error
        self._file = AppendFile(folder / f"{folder.name}_0.mcap")
        self._writer = _writer(self._file)
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._topics: dict[int, _Topic] = {}
        self._span: tuple[int, int] | None = None
        self._flushed = time.monotonic()
        self._metadata_is_current = False

    def add_topic(self, name: str, msgtype: str, quality: Quality) -> None:
        """Registers a topic; does nothing if it is registered already.

        Raises:
            RecordingError: the type's definition is not found.
        """
        if name in self._channels:
            return
        text, type_hash = self._types.definition(msgtype)
        if msgtype not in self._schemas:
            self._schemas[msgtype] = self._writer.register_schema(msgtype, "ros2msg", text.encode())
        metadata = {"offered_qos_profiles": _text([quality.profile()]), "topic_type_hash": type_hash}
        channel = self._writer.register_channel(name, "cdr", self._schemas[msgtype], metadata)
        self._channels[name] = channel
        self._topics[channel] = _Topic(name, msgtype, type_hash, [quality.profile()])
        self._metadata_is_current = False

    def write(self, topic: str, data: bytes, stamp: int) -> None:
        """Appends a message that arrived at `stamp`, in nanoseconds since the epoch."""
        channel = self._channels[topic]
        known = self._topics[channel]
        self._writer.add_message(channel, log_time=stamp, data=data, publish_time=stamp, sequence=known.count)
        known.count += 1
        first, last = self._span or (stamp, stamp)
        self._span = min(first, stamp), max(last, stamp)

    def flush(self) -> None:
        """Ends a chunk that is half a second old; rewrites metadata.yaml if topics were added."""
        if not self._metadata_is_current:
            self._write_metadata()
        if time.monotonic() - self._flushed >= _INTERVAL:
            self._writer.flush()
            self._flushed = time.monotonic()

    def sync(self) -> None:
        """See AppendFile.sync."""
        self._file.sync()

    def close(self) -> None:
        """Writes the index and metadata.yaml."""
        try:
            text = _text(self._metadata()["rosbag2_bagfile_information"])
            self._writer.add_metadata("rosbag2", {"serialized_metadata": text, "ROS_DISTRO": "jazzy"})
            self._writer.finish()
            self._write_metadata()
        finally:
            self._file.close()

    def _write_metadata(self) -> None:
        write_metadata(self.folder, self._metadata())
        self._metadata_is_current = True

    def _metadata(self) -> dict[str, Any]:
        return _metadata(self._file.path.name, list(self._topics.values()), self._span)


def repair_bag(folder: Path) -> int:
    """Completes a bag whose recorder was killed: index and metadata.yaml; returns the number of messages.

    A complete bag is left as it is.

    Raises:
        RecordingError: it can't be read or written.
    """
    path = folder / f"{folder.name}_0.mcap"
    repaired = folder / f".{path.name}.new"
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_MAGIC))
            if not _MAGIC.startswith(beginning):
                raise RecordingError(f"{path} is not an MCAP file")
            if _is_complete(file):
                return _count(file)
            repaired.unlink(missing_ok=True)
            with AppendFile(repaired) as output:
                topics, span = _copy(file, output)
        repaired.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    write_metadata(folder, _metadata(path.name, topics, span))
    return sum(topic.count for topic in topics)


def _is_complete(file: io.BufferedReader) -> bool:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - len(_MAGIC)))
    complete = size > 2 * len(_MAGIC) and file.read() == _MAGIC
    file.seek(0)
    return complete


def _count(file: io.BufferedReader) -> int:
    return sum(isinstance(record, Message) for record in StreamReader(file).records)


def _copy(file: io.BufferedReader, output: AppendFile) -> tuple[list[_Topic], tuple[int, int] | None]:
    """Copies all messages of complete chunks."""
    writer = _writer(output)
    schemas: dict[int, tuple[int, str]] = {}
    channels: dict[int, int] = {}
    topics: dict[int, _Topic] = {}
    span: tuple[int, int] | None = None
    try:
        for record in StreamReader(file).records:
            if isinstance(record, Schema) and record.id not in schemas:
                new = writer.register_schema(record.name, record.encoding, record.data)
                schemas[record.id] = new, record.name
            elif isinstance(record, Channel) and record.id not in channels:
                schema, msgtype = schemas[record.schema_id]
                channels[record.id] = writer.register_channel(
                    record.topic, record.message_encoding, schema, record.metadata
                )
                qualities = YAML(typ="safe").load(record.metadata.get("offered_qos_profiles", "[]"))
                type_hash = record.metadata.get("topic_type_hash", "")
                topics[record.id] = _Topic(record.topic, msgtype, type_hash, qualities)
            elif isinstance(record, Message):
                writer.add_message(
                    channels[record.channel_id], record.log_time, record.data, record.publish_time, record.sequence
                )
                topics[record.channel_id].count += 1
                first, last = span or (record.log_time, record.log_time)
                span = min(first, record.log_time), max(last, record.log_time)
    except (McapError, struct.error, EOFError, KeyError):
        pass  # the file was cut off here
    found = list(topics.values())
    text = _text(_metadata(output.path.name.strip(".").removesuffix(".new"), found, span))
    writer.add_metadata("rosbag2", {"serialized_metadata": text, "ROS_DISTRO": "jazzy"})
    writer.finish()
    return found, span


def _writer(file: AppendFile) -> Writer:
    writer = Writer(file, chunk_size=_CHUNK, compression=CompressionType.NONE)
    writer.start(profile="ros2", library=_LIBRARY)
    return writer


def _text(data: object) -> str:
    """As JSON, which is also YAML: a YAML writer takes 50 ms, which would delay the first frames."""
    return json.dumps(data, indent=2)


def write_metadata(folder: Path, data: Mapping[str, Any]) -> None:
    """Replaces metadata.yaml in one step."""
    path = folder / "metadata.yaml"
    temporary = folder / ".metadata.yaml.new"
    try:
        temporary.write_text(_text(data) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise write_error(path, error) from error


def _metadata(file: str, topics: list[_Topic], span: tuple[int, int] | None) -> dict[str, Any]:
    first, last = span or (0, 0)
    count = sum(topic.count for topic in topics)
    times = {"duration": {"nanoseconds": last - first}, "starting_time": {"nanoseconds_since_epoch": first}}
    listed = [
        {
            "topic_metadata": {
                "name": topic.name,
                "type": topic.msgtype,
                "serialization_format": "cdr",
                "offered_qos_profiles": topic.qualities,
                "type_description_hash": topic.type_hash,
            },
            "message_count": topic.count,
        }
        for topic in topics
    ]
    return {
        "rosbag2_bagfile_information": {
            "version": 9,
            "storage_identifier": "mcap",
            "relative_file_paths": [file],
            **times,
            "message_count": count,
            "topics_with_message_count": listed,
            "compression_format": "",
            "compression_mode": "",
            "files": [{"path": file, **times, "message_count": count}],
            "custom_data": None,
            "ros_distro": "jazzy",
        }
    }
