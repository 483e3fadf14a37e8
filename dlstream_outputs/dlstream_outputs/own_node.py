"""An output of your own as a node of its own, beside a rig or on another computer."""

from __future__ import annotations

from typing import Any

from dlstream_common.ros import run_node
from dlstream_outputs.node import OutputNode
from dlstream_outputs.outputs import Output


def run_output(output: type[Output[Any]], name: str = "") -> int:
    """Runs an output of your own as a node until it is asked to end; returns the exit code.

    It is a node like those of the built-in outputs: armed by a run or by hand, off when the experiment is silent, every
    command acknowledged or refused. The parameters are the output's settings.

    Args:
        output: the class.
        name: of the node, in the namespace /outputs; empty: the class's in small letters.
    """
    return run_node(lambda: OutputNode(output, name=name or output.__name__.lower()))
