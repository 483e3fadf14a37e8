"""Events and commands as ROS messages."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from dlstream_common.events import Cause, Command, Event
from dlstream_common.ros.messages import key_values, stamp_to_message
from dlstream_msgs.msg import Command as CommandMsg
from dlstream_msgs.msg import Event as EventMsg


def event_to_message(event: Event) -> EventMsg:
    """The event as dlstream_msgs/Event."""
    return EventMsg(
        stamp=stamp_to_message(event.stamp),
        kind=event.kind,
        name=event.name,
        values=key_values(event.values),
        **_cause(event.cause),
    )


def command_to_message(command: Command, source: str, identity: int, decided: int) -> CommandMsg:
    """The command as dlstream_msgs/Command, without the time of sending."""
    return CommandMsg(
        source=source,
        id=identity,
        action=command.action,
        values=key_values(command.values),
        decided=stamp_to_message(decided),
        trigger=command.trigger,
        value=command.value,
        **_cause(command.cause),
    )


def _cause(cause: Cause | None) -> dict[str, object]:
    if cause is None:
        return {"camera": "", "sequence": 0, "frame_stamp": Time()}
    return {"camera": cause.camera, "sequence": cause.sequence, "frame_stamp": stamp_to_message(cause.stamp)}
