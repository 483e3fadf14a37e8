"""Experiments on poses: triggers and protocols. Nothing here imports ROS."""

from dlstream_common import Cause, Command, Event
from dlstream_experiment.check import check_experiment
from dlstream_experiment.effects import Effect, Phase, RegionStates, Status
from dlstream_experiment.engine import Engine
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.extension import ExtensionError
from dlstream_experiment.loading import load_experiment
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
    "Phase",
    "RegionStates",
    "Status",
    "check_experiment",
    "load_experiment",
]
