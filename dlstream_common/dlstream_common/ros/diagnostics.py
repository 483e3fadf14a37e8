"""What a node reports about itself once a second on /diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from dlstream_common.ros.messages import key_values

TOLD_TO_END = "told_to_end"
"""Key of a diagnosis, `True` from the moment at which a signal tells the node to end, or it gives up by itself."""

ENDS_BECAUSE = "ends_because"
"""Key of a diagnosis beside the one above: why the node gives up, where no signal told it to."""

LIFECYCLE = "lifecycle"
"""Key of a diagnosis: the node's lifecycle state while it is not active, such as "inactive"."""


class Level(Enum):
    """The levels of diagnostic_msgs/DiagnosticStatus."""

    OK = DiagnosticStatus.OK
    WARN = DiagnosticStatus.WARN
    ERROR = DiagnosticStatus.ERROR
    STALE = DiagnosticStatus.STALE


@dataclass(frozen=True)
class Diagnosis:
    """The state of a node: a level, one sentence, and named values."""

    level: Level
    message: str
    values: Mapping[str, object] = field(default_factory=dict)


def diagnosis_to_message(diagnosis: Diagnosis, name: str, hardware_id: str, stamp: Time) -> DiagnosticArray:
    """One diagnosis as the array that is published on /diagnostics."""
    status = DiagnosticStatus(
        level=diagnosis.level.value,
        name=name,
        message=diagnosis.message,
        hardware_id=hardware_id,
        values=key_values(diagnosis.values),
    )
    array = DiagnosticArray(status=[status])
    array.header.stamp = stamp
    return array
