"""The outputs: devices that can be commanded.

To add one, write a module here or a class in a package of your own; nothing else has to change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from dlstream_common import Problem
from dlstream_common.part_faults import guarded_settings
from dlstream_common.picking import a_class
from dlstream_common.plugins import Registry
from dlstream_common.tagged import tagged
from dlstream_outputs.actions import Action
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings, Report
from dlstream_outputs.outputs._guarded import GuardedOutput

OUTPUTS: Registry[type[Output[Any]]] = Registry("output", __name__, __path__, a_class(Output), group="dlstream.outputs")


def output_settings(name: str) -> type[OutputSettings]:
    """The settings of the output of that name, with the key `type`.

    Raises:
        PartError: there is no such output, or it can't be imported.
    """
    settings = guarded_settings(OUTPUTS.load(name).settings_type, OUTPUTS.author(name), _RESULTS)
    return cast(type[OutputSettings], tagged(settings, "type", name))


def make_output(settings: OutputSettings, log: Callable[[str], None]) -> Output[Any]:
    """The output that the settings are of; a mistake in its code is a PartFault.

    Raises:
        PartError, PartFault: it can't be used.
    """
    name = str(getattr(settings, "type", ""))
    return GuardedOutput(OUTPUTS.usable(name), OUTPUTS.author(name), settings, log)


def _is_fate(value: Any) -> bool:
    return isinstance(value, Fate) and isinstance(value.text, str) and isinstance(value.ends, bool)


_RESULTS = (
    ("check", lambda value: value is None, "None, or an OutputError raised"),
    ("read", lambda value: isinstance(value, (Action, Problem)), "an Action, or a Problem"),
    ("check_action", lambda value: value is None or isinstance(value, Problem), "a Problem, or None"),
    ("check_command", lambda value: value is None or isinstance(value, Problem), "a Problem, or None"),
    ("without_computer", _is_fate, "a Fate with text and ends"),
)
"""What checks ask of an output's settings."""

__all__ = [
    "OUTPUTS",
    "Fate",
    "GuardedOutput",
    "Output",
    "OutputError",
    "OutputSettings",
    "Report",
    "make_output",
    "output_settings",
]
