"""Kinds of sources, a module each: `accepts(path)`, `EXPECTED`, `requires` and `open_source(path) -> SourceNetwork`."""

from __future__ import annotations

from types import ModuleType

from dlstream_common.picking import a_module
from dlstream_common.plugins import Registry

CONVERTERS: Registry[ModuleType] = Registry("converter", __name__, __path__, a_module)
