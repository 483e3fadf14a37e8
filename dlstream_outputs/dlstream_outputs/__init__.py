"""Outputs: devices that an experiment commands. Nothing here imports ROS; `node` does."""

from dlstream_outputs.outputs import OUTPUTS, Fate, Output, OutputError, OutputSettings, output_settings

__all__ = ["OUTPUTS", "Fate", "Output", "OutputError", "OutputSettings", "output_settings"]
