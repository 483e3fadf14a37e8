"""Which output a node drives: a class, or what its parameter `type` names."""

from __future__ import annotations

from typing import Any

import rclpy

from dlstream_common.plugins import PartError
from dlstream_outputs.outputs import Output, OutputKind


def kind_of(output: str | type[Output[Any]], name: str, namespace: str) -> OutputKind:
    """The class itself, or what the parameter `type` says, which decides which other parameters the node has."""
    if not isinstance(output, str):
        return OutputKind.own(output)
    node = rclpy.create_node(name, namespace=namespace, start_parameter_services=False, enable_rosout=False)
    try:
        return OutputKind.registered(str(node.declare_parameter("type", output).value))
    except PartError as error:
        raise PartError("parameter type", error.found, error.expected, error.suggestion) from error
    finally:
        node.destroy_node()
