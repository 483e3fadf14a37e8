"""Outputs: devices that an experiment commands. Only the modules `node` and `own_node` import ROS."""

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
    "output_settings",
]
