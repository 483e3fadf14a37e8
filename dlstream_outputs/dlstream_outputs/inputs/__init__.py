"""Inputs: levers, licks, TTL lines and photodiodes at a board, stamped by it. Only the module `node` imports ROS."""

from dlstream_outputs.inputs.board_input import BoardInput, InputSettings

__all__ = ["BoardInput", "InputSettings"]
