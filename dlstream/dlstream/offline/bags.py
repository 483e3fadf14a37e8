"""`dlstream replay BAG`: an experiment on a recorded bag, ours or anybody's, of poses or of images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from dlstream.offline.analysis import Analysis, outlines, seed_of
from dlstream.offline.analyze import Options, analyze_footage, resolve
from dlstream.offline.bag_folders import has_metadata, in_pieces, lone_piece, refuse_renamed, split_files
from dlstream.offline.bag_images import Damaged, frames_of, stamp_of
from dlstream.offline.bag_values import BagValues
from dlstream.offline.footage import Footage
from dlstream.offline.mcap_files import McapFiles, mcap_profile
from dlstream.offline.metadata import metadata_for
from dlstream.offline.outside import without_values
from dlstream.offline.used_files import copies_beside
from dlstream_common import (
    DlstreamError,
    FramePoses,
    Individual,
    suggest,
)
from dlstream_common.frame import covariance_rows
from dlstream_common.video import check_name
from dlstream_experiment import check_experiment, load_experiment
from dlstream_experiment.runtime.inputs import Value
from dlstream_recorder import OfflineSession, Summary

_POSES = "dlstream_msgs/msg/FramePoses"
_SKELETON = "dlstream_msgs/msg/Skeleton"
_IMAGE = "sensor_msgs/msg/Image"
_COMPRESSED = "sensor_msgs/msg/CompressedImage"
_ENDINGS = (".mcap", ".db3")
_SHOWN = 12
_OF_METADATA = ("metadata", "Rosbag2 version", "Storage plugin")
"""In rosbags' errors about the content of metadata.yaml."""


def is_bag(path: Path) -> bool:
    """Whether this is a rosbag2: a folder with metadata.yaml or with only its files, or one of those."""
    return (path / "metadata.yaml").is_file() or path.suffix in _ENDINGS or bool(_storages(path))


def _storages(path: Path) -> list[Path]:
    return sorted(item for item in path.glob("*") if item.suffix in _ENDINGS and item.is_file())


def replay_bag(path: Path, out: Path, options: Options, console: Console) -> Summary:
    """Runs an experiment on a bag's poses, or on its images where a network is given, into the session folder `out`.

    Raises:
        DlstreamError: the bag can't be read, or has nothing that the experiment needs.
    """
    file = options.experiment
    if options.rig is not None and file is None:
        file = resolve(options).experiment.path
    if file is None:
        raise DlstreamError("no experiment: give --experiment FILE (and --network FILE for a bag of images)")
    experiment = load_experiment(file, options.allow_python, copies=copies_beside(file))
    seed = seed_of(experiment, options.seed)
    with ExitStack() as stack:
        bag = stack.enter_context(_Bag(path))
        if bag.remark:
            console.print(f"[yellow]{escape(bag.remark)}[/]")
        if options.network is not None or (options.rig is not None and _topics_of(bag, _IMAGE, _COMPRESSED)):
            return _replay_images(bag, out, options, console)
        images = {"--scale": options.scale is not None, "--camera": options.camera != ""}
        for name in [name for name, given in images.items() if given]:
            raise DlstreamError(
                f"{name}: can't be used on a bag of poses. Leave it out, or give --network to use images"
            )
        topics = _pose_topics(bag, experiment.cameras, options.topic)
        values = BagValues(bag, experiment, topics)
        inputs = _inputs(bag, topics, values)
        early, first = _up_to_poses(inputs)
        if first is None:
            raise DlstreamError(f"{path}: found no message on {', '.join(topics)}")
        cameras = list(dict.fromkeys(topics.values()))
        individuals = _individuals(bag, [f"{topic.removesuffix('/pose')}/skeleton" for topic in topics])
        depths = None if any(one.depth is not None for one in first.individuals) else ()
        check_experiment(experiment, cameras=cameras, keypoints=first.keypoints, individuals=individuals, depths=depths)
        metadata = metadata_for(bag.session, options.rig, options.subject, options.notes)
        session = OfflineSession(out, bag.name, cameras, first.stamp, {"files": {"bag": path.name}}, metadata)
        stack.callback(session.close)
        for camera in cameras:
            session.set_regions(camera, outlines(experiment, camera))
        session.copy(experiment.path, "experiment.yaml")
        analysis = Analysis(experiment, session, seed)
        if remark := without_values(experiment, values.sources):
            console.print(f"[yellow]{escape(f'{bag.name}: {remark}')}[/]")
        for item in chain(early, [first], inputs):
            if isinstance(item, Value):
                analysis.value(item)
            else:
                analysis.add_poses(item)
        return session.finish("the bag has ended", analysis.finish("the bag has ended"))


def _inputs(bag: _Bag, topics: Mapping[str, str], values: BagValues) -> Iterator[FramePoses | Value]:
    for topic, stamp, message in bag.messages([*topics, *values.topics]):
        if topic in topics:
            yield _poses(message, topics[topic], stamp)
        else:
            yield from values.of(topic, stamp, message)


def _up_to_poses(inputs: Iterable[FramePoses | Value]) -> tuple[list[Value], FramePoses | None]:
    """The first poses, and the values that were recorded before them."""
    early: list[Value] = []
    for item in inputs:
        if not isinstance(item, Value):
            return early, item
        early.append(item)
    return early, None


def _topics_of(bag: _Bag, *types: str) -> list[str]:
    return sorted(topic for topic, kind in bag.topics.items() if kind in types)


def _individuals(bag: _Bag, topics: Sequence[str]) -> list[str] | None:
    """The animals that the networks behind the poses tell apart, by their skeletons; None: the bag does not say."""
    if any(bag.topics.get(topic) != _SKELETON or not bag.count(topic) for topic in topics):
        return None
    names = [getattr(message, "individuals", ()) for _, _, message in bag.messages(topics)]
    return list(dict.fromkeys(name for each in names for name in each)) if all(names) else None


def _replay_images(bag: _Bag, out: Path, options: Options, console: Console) -> Summary:
    resolved = resolve(options)
    topic = _image_topic(bag, resolved.camera, options.topic)

    frames = partial(frames_of, bag, topic, resolved.camera, lambda text: console.print(f"[yellow]{escape(text)}[/]"))
    values = BagValues(bag, resolved.experiment, [topic]).all(bag)
    footage = Footage(bag.name, resolved.camera, bag.count(topic), frames, values=values)
    return analyze_footage(footage, resolved, out, options, console)


def _image_topic(bag: _Bag, camera: str, wanted: str) -> str:
    """The requested topic, or the camera's, raw or else compressed, or the only one of its kind."""
    raw, compressed = _topics_of(bag, _IMAGE), _topics_of(bag, _COMPRESSED)
    if wanted:
        return _found(bag, wanted, [*raw, *compressed], "images")
    for topic in (f"/{camera}/image_raw", f"/{camera}/image_raw/compressed"):
        if topic in (*raw, *compressed):
            return topic
    for topics in (raw, compressed):
        if len(topics) == 1:
            return topics[0]
    there = ", ".join([*raw, *compressed]) or f"no images (it has {bag.contents})"
    hint = ". Choose one with --topic TOPIC" if raw or compressed else ""
    raise DlstreamError(
        f"{bag.path}: found {there}; expected images on /{camera}/image_raw, or on a single topic{hint}"
    )


def _found(bag: _Bag, wanted: str, topics: Sequence[str], what: str) -> str:
    topic = f"/{wanted.lstrip('/')}"
    if topic not in topics:
        raise DlstreamError(f"{bag.path}: found no {what} on '{topic}'. {suggest(topic, topics)}".rstrip())
    return topic


class _Bag:
    """A rosbag2 whose errors are raised as DlstreamError.

    Attributes:
        topics: each with its type.
        name: of the folder or file, without its ending.
        remark: what a person should know of what is there; or empty.
    """

    def __init__(self, path: Path) -> None:
        check_name(path)
        self.remark = ""
        self.path, self.name = path, path.resolve().stem
        found = _storages(path) if path.is_dir() else []
        if found and not has_metadata(path):
            storages, self.remark = split_files(path, found), lone_piece(path, found)
        else:
            refuse_renamed(path, found)
            storages = [path]
        self._types = _types()
        there = in_pieces(storages if storages[0].is_file() else _storages(path))
        foreign = any(mcap_profile(item) not in ("ros2", None) for item in there if item.suffix == ".mcap")
        try:
            if foreign:
                self._reader: Any = McapFiles(there)
            else:
                self._reader = AnyReader(storages, default_typestore=self._types)
                self._reader.open()
        except DlstreamError:
            raise
        except Exception as error:  # rosbags has one of its own for each kind of bag
            raise self._unreadable(error) from error
        self.topics: Mapping[str, str] = {item.topic: item.msgtype for item in self._reader.connections}

    def __enter__(self) -> _Bag:
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.close()

    @property
    def contents(self) -> str:
        """What is in it, in words."""
        topics = [f"{topic} ({kind.rpartition('/')[2]})" for topic, kind in sorted(self.topics.items())]
        return ", ".join(topics[:_SHOWN]) + (f" and {len(topics) - _SHOWN} more" if len(topics) > _SHOWN else "") or (
            "nothing"
        )

    def knows(self, kind: str) -> bool:
        """Whether messages of this type can be read."""
        return kind in self._reader.typestore.types or kind in self._types.types

    def count(self, topic: str) -> int:
        """The messages of a topic."""
        return sum(item.msgcount for item in self._reader.connections if item.topic == topic)

    def messages(self, topics: Iterable[str], damaged: bool = False) -> Iterator[tuple[str, int, Any]]:
        """Topic, time of the recording and message, in the order of their recording.

        Args:
            damaged: a message that is none of its type is given as a `Damaged`.

        Raises:
            DlstreamError: the bag is damaged, or a message is none of its type.
        """
        chosen = [item for item in self._reader.connections if item.topic in set(topics)]
        messages = self._reader.messages(connections=chosen) if chosen else iter(())
        while True:
            try:
                item, stamp, raw = next(messages)
            except StopIteration:
                return
            except Exception as error:
                raise self._unreadable(error) from error
            store = self._reader.typestore if item.msgtype in self._reader.typestore.types else self._types
            try:
                message = store.deserialize_cdr(raw, item.msgtype)
            except Exception as error:
                if not damaged:
                    raise self._unreadable(error) from error
                message = Damaged(bytes(raw))
            yield item.topic, stamp, message

    @property
    def session(self) -> Path | None:
        """The session folder to which it belongs, if it belongs to one."""
        folder = self.path.resolve().parent
        return folder if (folder / "session.json").exists() else None

    def _unreadable(self, error: Exception) -> DlstreamError:
        if session := self.session:
            hint = f"dlstream recover {session} repairs the bag of a session whose recorder was killed"
        elif any(words in str(error) for words in _OF_METADATA):
            hint = "Without its metadata.yaml the files are read by themselves: move it away if it is damaged"
        elif any(item.suffix == ".db3" for item in (self.path, *_storages(self.path))):
            hint = "If it was cut off: sqlite3 FILE.db3 .recover | sqlite3 WHOLE.db3, and replay WHOLE.db3"
        else:
            hint = "If it was cut off: mcap recover FILE.mcap -o WHOLE.mcap, and replay WHOLE.mcap"
        return DlstreamError(f"{self.path}: found no rosbag2 that can be read ({error}). {hint}")


def _types() -> Any:
    """Those of ROS 2 Jazzy, and ours, for bags that carry no definitions."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        for file in sorted(Path(prefix, "share", "dlstream_msgs", "msg").glob("*.msg")):
            store.register(get_types_from_msg(file.read_text(encoding="utf-8"), f"dlstream_msgs/msg/{file.stem}"))
    return store


def _pose_topics(bag: _Bag, cameras: tuple[str, ...], wanted: str) -> dict[str, str]:
    """The topics of the experiment's cameras; a single topic, or the requested one, is the only camera's."""
    found = [topic for topic in _topics_of(bag, _POSES) if not topic.endswith("/ground_truth")]
    if wanted:
        if len(cameras) > 1:
            raise DlstreamError(f"--topic: the experiment has the cameras {', '.join(cameras)}; expected only one")
        return {_found(bag, wanted, _topics_of(bag, _POSES), "poses"): cameras[0]}
    named = {topic: camera for topic in found for camera in cameras if topic.strip("/") == f"{camera}/pose"}
    if not named:  # of a rig with a namespace
        within = {camera: [topic for topic in found if topic.endswith(f"/{camera}/pose")] for camera in cameras}
        before = {topics[0].removesuffix(f"/{camera}/pose") for camera, topics in within.items() if len(topics) == 1}
        if len(before) == 1 and all(len(topics) == 1 for topics in within.values()):
            named = {topics[0]: camera for camera, topics in within.items()}
    if not named and len(found) == 1 and len(cameras) == 1:
        named = dict.fromkeys(found, cameras[0])
    missing = [camera for camera in cameras if camera not in named.values()]
    if missing:
        there = ", ".join(found) or f"no poses (it has {bag.contents})"
        hint = ". Choose one with --topic TOPIC" if found and len(cameras) == 1 else ""
        if not found:
            hint = ". For a bag of images give --network"
        raise DlstreamError(f"{bag.path}: the bag has {there}; expected poses ({_POSES}) on /{missing[0]}/pose{hint}")
    return named


def _poses(message: Any, camera: str, recorded: int) -> FramePoses:
    """As `poses_from_message`, of any version of the message, without ROS."""
    return FramePoses(
        camera,
        int(message.sequence),
        stamp_of(message.header.stamp) or recorded,
        tuple(message.keypoints),
        tuple(_individual(item) for item in message.individuals),
        stamp_of(message.received),
        stamp_of(message.inference_start),
        stamp_of(message.inference_end),
        int(message.dropped),
        stale=bool(getattr(message, "stale", False)),
        predicted_to=stamp_of(message.predicted_to) if hasattr(message, "predicted_to") else 0,
    )


def _individual(item: Any) -> Individual:
    return Individual(
        item.id,
        np.asarray(item.x, np.float32),
        np.asarray(item.y, np.float32),
        np.asarray(item.confidence, np.float32),
        score=float(item.score),
        vx=_optional(item, "vx"),
        vy=_optional(item, "vy"),
        covariance=covariance_rows(np.asarray(getattr(item, "covariance", ()), np.float32), len(item.x)),
        swap_risk=float(getattr(item, "swap_risk", 0.0)),
        depth=_optional(item, "depth"),
    )


def _optional(item: Any, name: str) -> NDArray[np.float32] | None:
    values = np.asarray(getattr(item, name, ()), np.float32)
    return values if values.size else None
