"""The outputs: devices that can be commanded.

To add one, write a module here or a class in a package of your own; nothing else has to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from dlstream_common import Problem
from dlstream_common.part_faults import Author, guarded_settings
from dlstream_common.picking import a_class
from dlstream_common.plugins import PartError, Registry, missing
from dlstream_common.tagged import tagged
from dlstream_outputs.actions import Action
from dlstream_outputs.outputs._base import Fate, NotNowError, Output, OutputError, OutputSettings, Report
from dlstream_outputs.outputs._guarded import GuardedOutput

OUTPUTS: Registry[type[Output[Any]]] = Registry(
    "output", __name__, __path__, a_class(Output, named_by="type"), group="dlstream.outputs", reserved=("topic",)
)


def output_settings(name: str) -> type[OutputSettings]:
    """The settings of the output of that name, with the key `type`.

    Raises:
        PartError: there is no such output, or it can't be imported.
    """
    settings = guarded_settings(OUTPUTS.load(name).settings_type, OUTPUTS.author(name), _RESULTS)
    return cast(type[OutputSettings], tagged(settings, "type", name))


@dataclass(frozen=True)
class OutputKind:
    """What an output node drives.

    Attributes:
        output: the class of the device.
        settings: that of its settings, which are the node's parameters.
        author: whose code it is.
    """

    output: type[Output[Any]]
    settings: type[OutputSettings]
    author: Author

    @staticmethod
    def registered(name: str) -> OutputKind:
        """The output of that name.

        Raises:
            PartError: there is no such output, or it lacks a library.
        """
        return OutputKind(OUTPUTS.usable(name), output_settings(name), OUTPUTS.author(name))

    @staticmethod
    def own(output: type[Output[Any]]) -> OutputKind:
        """A class that is not registered, for a node of somebody's own.

        Raises:
            PartError: it lacks a library.
        """
        author = Author(f"output {output.__name__}", output.__module__, output.__module__, is_ours=False)
        lacking = missing(output)
        if lacking:
            what, how = " and ".join(lacking), "; ".join(dict.fromkeys(lacking.values()))
            raise PartError(author.part, f"no library {what} on this machine", "it to be installed", how)
        return OutputKind(output, guarded_settings(output.settings_type, author, _RESULTS), author)

    def make(self, settings: OutputSettings, log: Callable[[str], None]) -> Output[Any]:
        """The device; a mistake in its code is a PartFault.

        Raises:
            PartFault: it can't be made.
        """
        return GuardedOutput(self.output, self.author, settings, log)


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
    "NotNowError",
    "Output",
    "OutputError",
    "OutputKind",
    "OutputSettings",
    "Report",
    "output_settings",
]
