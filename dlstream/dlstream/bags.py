"""`dlstream replay BAG`: an experiment on a recorded bag, ours or anybody's, of poses or of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from dlstream.analysis import Analysis, outlines
from dlstream.analyze import Options, analyze_footage, resolve
from dlstream.footage import Footage
from dlstream_common import DlstreamError, Frame, FramePoses, Individual, image_from_bytes
from dlstream_experiment import check_experiment, load_experiment
from dlstream_recorder import OfflineSession, Summary

_POSES = "dlstream_msgs/msg/FramePoses"
_IMAGE = "sensor_msgs/msg/Image"
_SECOND = 1_000_000_000


def is_bag(path: Path) -> bool:
    """Whether this is a rosbag2: a folder with metadata.yaml, or one of its files."""
    return (path / "metadata.yaml").is_file() or path.suffix in (".mcap", ".db3")


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
    experiment = load_experiment(file, options.allow_python)
    with ExitStack() as stack:
        reader = stack.enter_context(_open(path))
        if options.network is not None or (options.rig is not None and _images(reader)):
            return _replay_images(reader, path, out, options, console)
        topics = _pose_topics(reader, experiment.cameras)
        chosen = [item for item in reader.connections if item.topic in topics]
        messages = reader.messages(connections=chosen)
        poses = (
            _poses(reader.deserialize(raw, item.msgtype), topics[item.topic], stamp) for item, stamp, raw in messages
        )
        first = next(poses, None)
        if first is None:
            raise DlstreamError(f"{path}: found no message on {', '.join(topics)}")
        check_experiment(experiment, cameras=list(topics.values()), keypoints=first.keypoints)
        cameras = list(dict.fromkeys(topics.values()))
        session = OfflineSession(out, path.resolve().stem, cameras, first.stamp, {"files": {"bag": path.name}})
        stack.callback(session.close)
        for camera in cameras:
            session.set_regions(camera, outlines(experiment, camera))
        session.copy(experiment.path, "experiment.yaml")
        analysis = Analysis(experiment, session, options.seed or 0)
        analysis.add_poses(first)
        for one in poses:
            analysis.add_poses(one)
        return session.finish("the bag has ended", analysis.finish("the bag has ended"))


def _images(reader: AnyReader) -> list[Connection]:
    return [item for item in reader.connections if item.msgtype == _IMAGE]


def _replay_images(reader: AnyReader, path: Path, out: Path, options: Options, console: Console) -> Summary:
    resolved = resolve(options)
    camera = resolved.camera
    images = _images(reader)
    named = [item for item in images if item.topic == f"/{camera}/image_raw"]
    if not named and len(images) != 1:
        found = ", ".join(item.topic for item in images) or "no images"
        raise DlstreamError(f"{path}: found {found}; expected images on /{camera}/image_raw, or on one topic alone")
    chosen = (named or images)[0]

    def frames() -> Iterator[Frame]:
        for number, (item, stamp, raw) in enumerate(reader.messages(connections=[chosen])):
            message: Any = reader.deserialize(raw, item.msgtype)
            size = message.width, message.height, message.step
            image = image_from_bytes(message.data, *size, message.encoding, bool(message.is_bigendian))
            yield Frame(camera, number, _stamp(message.header.stamp) or stamp, image, message.encoding)

    footage = Footage(path.resolve().stem, camera, chosen.msgcount, frames)
    return analyze_footage(footage, resolved, out, options, console)


def _open(path: Path) -> AnyReader:
    try:
        return AnyReader([path], default_typestore=_types())
    except Exception as error:  # rosbags has one of its own for each kind of bag
        raise DlstreamError(f"{path}: found no rosbag that can be read ({error})") from error


def _types() -> Any:
    """Those of ROS 2 Jazzy, and ours, for bags that carry no definitions."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        for file in sorted(Path(prefix, "share", "dlstream_msgs", "msg").glob("*.msg")):
            store.register(get_types_from_msg(file.read_text(encoding="utf-8"), f"dlstream_msgs/msg/{file.stem}"))
    return store


def _pose_topics(reader: AnyReader, cameras: tuple[str, ...]) -> dict[str, str]:
    """The topics of the experiment's cameras; a topic alone is taken for the camera alone."""
    found = {item.topic for item in reader.connections if item.msgtype == _POSES}
    found = {topic for topic in found if not topic.endswith("/ground_truth")}
    named = {topic: camera for topic in found for camera in cameras if topic.strip("/") == f"{camera}/pose"}
    if not named and len(found) == 1 and len(cameras) == 1:
        named = dict.fromkeys(found, cameras[0])
    missing = [camera for camera in cameras if camera not in named.values()]
    if missing:
        there = ", ".join(sorted(found)) or "no poses"
        raise DlstreamError(
            f"the bag has {there}; expected poses ({_POSES}) on /{missing[0]}/pose. For a bag of images give --network"
        )
    return named


def _poses(message: Any, camera: str, recorded: int) -> FramePoses:
    """As `poses_from_message`, of any version of the message, without ROS."""
    return FramePoses(
        camera,
        int(message.sequence),
        _stamp(message.header.stamp) or recorded,
        tuple(message.keypoints),
        tuple(_individual(item) for item in message.individuals),
        _stamp(message.received),
        _stamp(message.inference_start),
        _stamp(message.inference_end),
        int(message.dropped),
        stale=bool(getattr(message, "stale", False)),
        predicted_to=_stamp(message.predicted_to) if hasattr(message, "predicted_to") else 0,
    )


def _individual(item: Any) -> Individual:
    covariance = _optional(item, "covariance")
    return Individual(
        item.id,
        np.asarray(item.x, np.float32),
        np.asarray(item.y, np.float32),
        np.asarray(item.confidence, np.float32),
        score=float(item.score),
        vx=_optional(item, "vx"),
        vy=_optional(item, "vy"),
        covariance=None if covariance is None else covariance.reshape(-1, 3),
        swap_risk=float(getattr(item, "swap_risk", 0.0)),
    )


def _optional(item: Any, name: str) -> NDArray[np.float32] | None:
    values = np.asarray(getattr(item, name, ()), np.float32)
    return values if values.size else None


def _stamp(time: Any) -> int:
    return int(time.sec) * _SECOND + int(time.nanosec)
