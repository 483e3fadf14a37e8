"""The outputs: devices that can be commanded.

To add one, write a module here or a class in a package of your own; nothing else has to change.
"""

from __future__ import annotations

from typing import Any, cast

from dlstream_common.picking import a_class
from dlstream_common.plugins import Registry
from dlstream_common.tagged import tagged
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings

OUTPUTS: Registry[type[Output[Any]]] = Registry("output", __name__, __path__, a_class(Output), group="dlstream.outputs")


def output_settings(name: str) -> type[OutputSettings]:
    """The settings of the output of that name, with the key `type`.

    Raises:
        PartError: there is no such output, or it can't be imported.
    """
    return cast(type[OutputSettings], tagged(OUTPUTS.load(name).settings_type, "type", name))


__all__ = ["OUTPUTS", "Fate", "Output", "OutputError", "OutputSettings", "output_settings"]
