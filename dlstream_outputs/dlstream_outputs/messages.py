"""Between what the guard of an output knows and ROS messages."""

from __future__ import annotations

from dlstream_common.ros import stamp_from_message, stamp_to_message
from dlstream_msgs.msg import Command, OutputStatus
from dlstream_outputs.guard import Guard, Order


def order_of(command: Command) -> Order:
    """A command as it was received."""
    values = {item.key: item.value for item in command.values}
    sent = stamp_from_message(command.sent)
    return Order(command.source, command.id, command.action, values, sent, command.arm == Command.ARM)


def status_of(guard: Guard, stamp: int) -> OutputStatus:
    """What an output does and may do; `stamp` in nanoseconds since the epoch."""
    return OutputStatus(
        stamp=stamp_to_message(stamp),
        on=guard.on,
        state=guard.state,
        source=guard.order.source,
        id=guard.order.id,
        armed=guard.armed,
        armable=guard.armable,
        reason=guard.reason,
        limited=guard.limited,
    )
