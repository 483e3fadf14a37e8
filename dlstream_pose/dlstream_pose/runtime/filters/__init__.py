"""Filters of keypoints over time. A new one is a module here, or a class in a package of your own."""

from __future__ import annotations

from dlstream_common.picking import a_class
from dlstream_common.plugins import Registry
from dlstream_pose.runtime.filters._base import CONFIDENCE, IDLE, VX, VY, Filter, Filtered, FilterSettings, Floats, X, Y

FILTERS: Registry[type[Filter]] = Registry("filter", __name__, __path__, a_class(Filter), group="dlstream.filters")

__all__ = ["CONFIDENCE", "FILTERS", "IDLE", "VX", "VY", "Filter", "FilterSettings", "Filtered", "Floats", "X", "Y"]
