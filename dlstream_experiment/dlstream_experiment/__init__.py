"""Experiments on poses: triggers, protocols, and the outputs that they command. Nothing here imports ROS."""

from dlstream_experiment.check import check_experiment
from dlstream_experiment.effects import Cause, Command, Effect, Event, Phase, RegionStates, Status
from dlstream_experiment.engine import Engine
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.extension import ExtensionError
from dlstream_experiment.loading import load_experiment
from dlstream_outputs.outputs import Output, OutputError, OutputSettings, OutputType, output_type, output_types
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
    "Output",
    "OutputError",
    "OutputSettings",
    "OutputType",
    "Phase",
    "RegionStates",
    "Status",
    "check_experiment",
    "load_experiment",
    "output_type",
    "output_types",
]
