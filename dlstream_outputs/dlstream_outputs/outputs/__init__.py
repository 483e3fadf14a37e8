"""The outputs: devices that can be commanded. A new one is a module here with an OUTPUT; nothing else has to change."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from dlstream_common import suggest
from dlstream_outputs.outputs._base import Fate, Output, OutputError, OutputSettings, OutputType


def output_types() -> dict[str, OutputType]:
    """Every kind of output, by name."""
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    types = [module.OUTPUT for module in modules if hasattr(module, "OUTPUT")]
    return {kind.name: kind for kind in types}


def output_type(name: str) -> OutputType:
    """The kind of output of that name; an OutputError names the known ones where there is none."""
    types = output_types()
    if name not in types:
        found = f"'{name}'" if name else "nothing"
        raise OutputError(f"type: found {found}; expected one of {', '.join(types)}. {suggest(name, list(types))}")
    return types[name]


__all__ = ["Fate", "Output", "OutputError", "OutputSettings", "OutputType", "output_type", "output_types"]
