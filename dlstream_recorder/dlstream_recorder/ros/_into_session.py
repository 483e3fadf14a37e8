"""Writes the messages of a rig into a session, each kind in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import String

from dlstream_common.ros import poses_from_message, stamp_from_message
from dlstream_msgs.msg import Acknowledgement, Command, Event, FrameInfo, FramePoses, Regions, Skeleton
from dlstream_recorder.ros._event_rows import acknowledgement_row, command_row, event_row
from dlstream_recorder.ros._topics import Topic
from dlstream_recorder.session.session import Session


@dataclass(frozen=True)
class Arrived:
    """A message with its topic.

    Attributes:
        recorded: when it arrived, nanoseconds since the epoch.
        published: when it was sent; 0 if that is not known.
    """

    topic: Topic
    message: Any
    recorded: int
    published: int = 0


def add_to_session(session: Session, arrived: Arrived) -> None:
    """Writes a message's contents; a kind that only the bag has is left out."""
    add = _ADD.get(arrived.topic.type)
    if add is not None:
        add(session, arrived)


def _add_poses(session: Session, arrived: Arrived) -> None:
    poses = replace(poses_from_message(arrived.message), camera=arrived.topic.about)
    if arrived.topic.is_truth:
        session.add_ground_truth(poses)
    else:
        session.add_poses(poses, arrived.recorded, arrived.published)


def _add_status(session: Session, arrived: Arrived) -> None:
    about, message = arrived.topic.about, arrived.message
    values = {item.key: item.value for item in message.values}
    if arrived.topic.name.endswith("/inference"):
        session.set_inference(about, message.message, values)
    else:
        session.set_device(about, message.message, message.hardware_id, values)


def _add_skeleton(session: Session, arrived: Arrived) -> None:
    message = arrived.message
    edges = list(zip(message.edges[::2], message.edges[1::2], strict=False))
    session.set_network(arrived.topic.about, message.network, message.network_sha256, edges, message.individuals)


def _add_regions(session: Session, arrived: Arrived) -> None:
    message = arrived.message
    if message.camera in session.settings.cameras:
        outlines = [(region.name, list(zip(region.x, region.y, strict=False))) for region in message.regions]
        session.set_regions(message.camera, outlines)


def _add_frame_info(session: Session, arrived: Arrived) -> None:
    message = arrived.message
    stamp = stamp_from_message(message.header.stamp)
    session.add_frame_info(arrived.topic.about, message.sequence, stamp, message.dropped)


_ADD: dict[type, Callable[[Session, Arrived], None]] = {
    FramePoses: _add_poses,
    String: lambda session, arrived: session.add_journal(arrived.message.data),
    FrameInfo: _add_frame_info,
    DiagnosticStatus: _add_status,
    Event: lambda session, arrived: session.add_event(event_row(arrived.message, arrived.recorded)),
    Command: lambda session, arrived: session.add_event(
        command_row(arrived.message, arrived.topic.about, arrived.recorded)
    ),
    Acknowledgement: lambda session, arrived: session.add_event(
        acknowledgement_row(arrived.message, arrived.topic.about, arrived.recorded)
    ),
    Skeleton: _add_skeleton,
    Regions: _add_regions,
}
