"""Experiments on poses: triggers and protocols. Nothing here imports ROS."""

from dlstream_common import Cause, Command, Event
from dlstream_experiment.checks.against_rig import KnownRig, check_experiment, load_checked
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.extension import ExtensionError
from dlstream_experiment.model.loading import load_experiment
from dlstream_experiment.runtime.effects import Effect, Phase, RegionStates, Status
from dlstream_experiment.runtime.engine import Engine
from dlstream_experiment.settings import ExperimentSettings

__all__ = [
    "Cause",
    "Command",
    "Effect",
    "Engine",
    "Event",
    "Experiment",
    "ExperimentSettings",
    "ExtensionError",
    "KnownRig",
    "Phase",
    "RegionStates",
    "Status",
    "check_experiment",
    "load_checked",
    "load_experiment",
]
