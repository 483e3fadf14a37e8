"""Definitions of message types, which a bag contains so that it can be read anywhere."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from dlstream_common import RecordingError


@cache
def _jazzy() -> Typestore:
    return get_typestore(Stores.ROS2_JAZZY)


class MessageTypes:
    """Looks up definitions: those of ROS 2 Jazzy, and those of the packages in AMENT_PREFIX_PATH."""

    def __init__(self) -> None:
        self.store = _jazzy()

    def definition(self, msgtype: str) -> tuple[str, str]:
        """The definition of `package/msg/Name` with those of all types in it, and its type hash (REP 2011).

        Raises:
            RecordingError: no such type is known.
        """
        if msgtype not in self.store.types:
            self._load(msgtype)
        text, _ = self.store.generate_msgdef(msgtype, ros_version=2)
        return text, self.store.hash_rihs01(msgtype)

    def _load(self, msgtype: str) -> None:
        package = msgtype.split("/")[0]
        prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
        folders = [Path(prefix) / "share" / package / "msg" for prefix in prefixes if prefix]
        for folder in folders:
            found = {}
            for path in folder.glob("*.msg"):
                found.update(get_types_from_msg(path.read_text(encoding="utf-8"), f"{package}/msg/{path.stem}"))
            if msgtype in found:
                self.store.register({name: kind for name, kind in found.items() if name not in self.store.types})
                return
        looked = ", ".join(str(folder) for folder in folders) or "nowhere: AMENT_PREFIX_PATH is empty"
        raise RecordingError(f"message type {msgtype}: no definition found (looked in {looked})")
