"""Events, commands, regions and the status as ROS messages."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from dlstream_common.ros import key_values, stamp_to_message
from dlstream_experiment.effects import Cause, Command, Event, RegionStates, Status
from dlstream_experiment.experiment import Experiment
from dlstream_msgs.msg import Command as CommandMsg
from dlstream_msgs.msg import Event as EventMsg
from dlstream_msgs.msg import ExperimentStatus, Regions
from dlstream_msgs.msg import Region as RegionMsg


def _cause(cause: Cause | None) -> dict[str, object]:
    if cause is None:
        return {"camera": "", "sequence": 0, "frame_stamp": Time()}
    return {"camera": cause.camera, "sequence": cause.sequence, "frame_stamp": stamp_to_message(cause.stamp)}


def event_to_message(event: Event) -> EventMsg:
    """dlstream_msgs/Event."""
    return EventMsg(
        stamp=stamp_to_message(event.stamp),
        kind=event.kind,
        name=event.name,
        values=key_values(event.values),
        **_cause(event.cause),
    )


def command_to_message(command: Command, source: str, identity: int, decided: int) -> CommandMsg:
    """dlstream_msgs/Command, but for the time at which it is sent."""
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


def regions_to_message(states: RegionStates, experiment: Experiment) -> Regions:
    """dlstream_msgs/Regions."""
    message = Regions(camera=states.camera)
    for name, active in states.active.items():
        outline = experiment.regions[name].outline()
        region = RegionMsg(name=name, x=outline[:, 0].tolist(), y=outline[:, 1].tolist(), active=active)
        message.regions.append(region)
    return message


def status_to_message(status: Status, stamp: int) -> ExperimentStatus:
    """dlstream_msgs/ExperimentStatus."""
    return ExperimentStatus(
        stamp=stamp_to_message(stamp),
        status=status.phase.value,
        experiment=status.experiment,
        state=status.state,
        elapsed=status.elapsed,
        reason=status.reason,
        active_triggers=list(status.active_triggers),
        counts=key_values(status.counts),
    )
