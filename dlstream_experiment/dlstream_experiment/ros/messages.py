"""Regions and the status as ROS messages."""

from __future__ import annotations

from dlstream_common.ros import key_values, stamp_to_message
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.runtime.effects import RegionStates, Status
from dlstream_msgs.msg import ExperimentStatus, Regions
from dlstream_msgs.msg import Region as RegionMsg


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
