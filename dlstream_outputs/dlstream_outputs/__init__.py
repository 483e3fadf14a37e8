"""Outputs: devices that an experiment commands. Only the module `node` imports ROS."""

from dlstream_outputs.actions import (
    VOCABULARY,
    Action,
    Level,
    On,
    OtherAction,
    Play,
    Pulse,
    Show,
    Strength,
    Train,
)
from dlstream_outputs.outputs import (
    OUTPUTS,
    Fate,
    Output,
    OutputError,
    OutputSettings,
    Report,
    make_output,
    output_settings,
)

__all__ = [
    "OUTPUTS",
    "VOCABULARY",
    "Action",
    "Fate",
    "Level",
    "On",
    "OtherAction",
    "Output",
    "OutputError",
    "OutputSettings",
    "Play",
    "Pulse",
    "Report",
    "Show",
    "Strength",
    "Train",
    "make_output",
    "output_settings",
]
