"""Filters of keypoints over time. A new one is a module here with a FILTER; nothing else has to change."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from dlstream_pose.runtime.filters._base import Filter, Filtered, FilterSettings


def filter_types() -> dict[str, type[Filter]]:
    """Every filter, by name."""
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    return {module.FILTER.name: module.FILTER for module in modules if hasattr(module, "FILTER")}


__all__ = ["Filter", "FilterSettings", "Filtered", "filter_types"]
