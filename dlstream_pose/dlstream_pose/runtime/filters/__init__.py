"""Filters of keypoints over time. A new one is a module here, or a class in a package of one's own."""

from __future__ import annotations

from dlstream_common.plugins import Registry, a_class
from dlstream_pose.runtime.filters._base import Filter, Filtered, FilterSettings

FILTERS: Registry[type[Filter]] = Registry("filter", __name__, __path__, a_class(Filter), group="dlstream.filters")

__all__ = ["FILTERS", "Filter", "FilterSettings", "Filtered"]
