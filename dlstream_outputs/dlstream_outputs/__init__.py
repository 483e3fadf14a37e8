"""Outputs: devices that an experiment commands. Only the module `node` imports ROS."""

from dlstream_outputs.outputs import OUTPUTS, Fate, Output, OutputError, OutputSettings, make_output, output_settings

__all__ = ["OUTPUTS", "Fate", "Output", "OutputError", "OutputSettings", "make_output", "output_settings"]
