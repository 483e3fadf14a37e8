"""Outputs: devices that an experiment commands. Nothing here imports ROS; `node` does."""

from dlstream_outputs.outputs import Output, OutputError, OutputSettings, OutputType, output_type, output_types

__all__ = ["Output", "OutputError", "OutputSettings", "OutputType", "output_type", "output_types"]
