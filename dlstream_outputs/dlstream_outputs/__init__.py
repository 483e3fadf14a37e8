"""Outputs: devices that an experiment commands. Nothing here imports ROS; `node` does."""

from dlstream_outputs.outputs import Fate, Output, OutputError, OutputSettings, OutputType, output_type, output_types

__all__ = ["Fate", "Output", "OutputError", "OutputSettings", "OutputType", "output_type", "output_types"]
