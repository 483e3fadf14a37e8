"""MCAP files whose profile is not `ros2`, as MCAP's own tools write them, with ROS 2 messages in them all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcap.reader import make_reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from dlstream_common import DlstreamError

_ENCODINGS = ("cdr", "ros2msg")


@dataclass(frozen=True)
class McapConnection:
    """A topic."""

    topic: str
    msgtype: str
    msgcount: int


def mcap_profile(path: Path) -> str | None:
    """The profile of an MCAP file; None where its beginning can't be read."""
    try:
        with path.open("rb") as file:
            return str(make_reader(file).get_header().profile)
    except Exception:  # whoever opens the file next says what is wrong with it
        return None


class McapFiles:
    """Reads such files, the pieces of one bag in order, as rosbags' reader reads a bag.

    Raises:
        DlstreamError: their messages are not those of ROS 2.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.typestore: Any = get_typestore(Stores.EMPTY)
        self.connections: list[McapConnection] = []
        self._readers: list[Any] = []
        with ExitStack() as stack:
            for path in paths:
                self._readers.append(make_reader(stack.enter_context(path.open("rb"))))
                self._connect(path, self._readers[-1])
            self._open = stack.pop_all()

    def _connect(self, path: Path, reader: Any) -> None:
        summary = reader.get_summary()
        if summary is None:
            raise ValueError("its index is missing")
        counts = summary.statistics.channel_message_counts if summary.statistics else {}
        for channel in summary.channels.values():
            schema = summary.schemas.get(channel.schema_id)
            encodings = (channel.message_encoding, schema.encoding if schema else "")
            if schema is None or encodings != _ENCODINGS:
                raise DlstreamError(
                    f"{path}: found messages in '{encodings[0]}' with definitions in '{encodings[1]}' on "
                    f"{channel.topic} (the file's profile is '{reader.get_header().profile}'); expected "
                    f"those of ROS 2, '{_ENCODINGS[0]}' and '{_ENCODINGS[1]}'"
                )
            types = get_types_from_msg(schema.data.decode(), schema.name)
            self.typestore.register({name: kind for name, kind in types.items() if name not in self.typestore.types})
            self.connections.append(McapConnection(channel.topic, schema.name, counts.get(channel.id, 0)))

    def messages(self, connections: Sequence[McapConnection]) -> Iterator[tuple[McapConnection, int, bytes]]:
        """Connection, time of the recording and bytes, in the order of the recording."""
        chosen = {item.topic: item for item in connections}
        for reader in self._readers:
            for _, channel, message in reader.iter_messages(topics=list(chosen)):
                yield chosen[channel.topic], message.log_time, message.data

    def close(self) -> None:
        """Closes the files."""
        self._open.close()
