"""Messages as rows of events.csv."""

from __future__ import annotations

import math

from dlstream_common.event_kinds import ACKNOWLEDGEMENT, COMMAND
from dlstream_common.ros import key_values, stamp_from_message, stamp_to_message
from dlstream_msgs.msg import Acknowledgement, Command, Event
from dlstream_recorder.writers.events import EventRow


def event_row(message: Event, recorded: int) -> EventRow:
    """An event."""
    return EventRow(
        message.kind,
        message.name,
        message.camera,
        _sequence(message),
        stamp_from_message(message.frame_stamp),
        stamp_ns=stamp_from_message(message.stamp),
        recorded_ns=recorded,
        values={item.key: item.value for item in message.values},
    )


def command_row(message: Command, output: str, recorded: int) -> EventRow:
    """A command to an output."""
    decided = stamp_from_message(message.decided)
    return EventRow(
        COMMAND,
        output,
        message.camera,
        _sequence(message),
        stamp_from_message(message.frame_stamp),
        stamp_ns=decided,
        decided_ns=decided,
        sent_ns=stamp_from_message(message.sent),
        recorded_ns=recorded,
        source=message.source,
        id=message.id,
        action=message.action,
        trigger=message.trigger,
        value="" if math.isnan(message.value) else f"{message.value:.6g}",
        values={item.key: item.value for item in message.values},
    )


def acknowledgement_row(message: Acknowledgement, output: str, recorded: int) -> EventRow:
    """An output's answer; the table fills in the values of the command."""
    received, applied = stamp_from_message(message.received), stamp_from_message(message.applied)
    return EventRow(
        ACKNOWLEDGEMENT,
        output,
        stamp_ns=applied or received,
        received_ns=received,
        applied_ns=applied,
        recorded_ns=recorded,
        source=message.source,
        id=message.id,
        success="true" if message.success else "false",
        message=message.message,
    )


def event_message(row: EventRow) -> Event:
    """What the recorder noticed, as a message."""
    return Event(
        stamp=stamp_to_message(row.stamp_ns),
        kind=row.kind,
        name=row.name,
        camera=row.camera,
        values=key_values(row.values),
    )


def event_key(row: EventRow) -> tuple[int, str, str]:
    """What tells an event from every other one: its time, kind and name."""
    return row.stamp_ns, row.kind, row.name


def _sequence(message: Event | Command) -> int:
    """The frame's sequence; -1 if no frame was the cause."""
    return int(message.sequence) if message.camera else -1
