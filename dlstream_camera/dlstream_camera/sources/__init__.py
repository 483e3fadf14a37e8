"""The frame sources. A new one is a module here with a SOURCE; nothing else has to change."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from dlstream_camera.sources.base import Capture, Format, FrameSource, Notice, SourceSettings, SourceType
from dlstream_common import SourceError, suggest


def source_types() -> dict[str, SourceType]:
    """Every kind of source, by name."""
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    types = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {kind.name: kind for kind in types}


def source_type(name: str) -> SourceType:
    """The kind of source of that name; a SourceError names the known ones where there is none."""
    types = source_types()
    if name not in types:
        raise SourceError(
            f"source: found '{name}'; expected one of {', '.join(sorted(types))}. {suggest(name, sorted(types))}"
        )
    return types[name]


__all__ = ["Capture", "Format", "FrameSource", "Notice", "SourceSettings", "SourceType", "source_type", "source_types"]
