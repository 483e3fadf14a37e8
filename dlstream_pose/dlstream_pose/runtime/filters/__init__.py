"""Filters of keypoints over time. A new one is a module here, or a class in a package of your own."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from dlstream_common import Settings
from dlstream_common.picking import a_class
from dlstream_common.plugins import Registry
from dlstream_common.tagged import Tagged, tagged
from dlstream_pose.runtime.filters._base import CONFIDENCE, IDLE, VX, VY, Filter, Filtered, FilterSettings, Floats, X, Y

FILTERS: Registry[type[Filter[Any]]] = Registry(
    "filter", __name__, __path__, a_class(Filter), group="dlstream.filters", reserved=("none",)
)


class NoFilter(Settings):
    """Keypoints stay as the network found them."""

    type: Literal["none"] = "none"
    """The filter."""


def filter_settings(name: str) -> type[FilterSettings | NoFilter]:
    """The settings class of the filter with this name, with the key `type`; that of `none` has no other key.

    Raises:
        PartError: there is no such filter, or it can't be imported.
    """
    if name == "none":
        return NoFilter
    return cast(type[FilterSettings], tagged(FILTERS.load(name).settings_type, "type", name))


AnyFilter = Annotated[
    FilterSettings | NoFilter, Tagged("type", ("none", *FILTERS), filter_settings, FILTERS, name_is_enough=True)
]
"""A filter in a settings file: its name, or a mapping with `type` and the filter's own keys."""

__all__ = [
    "CONFIDENCE",
    "FILTERS",
    "IDLE",
    "VX",
    "VY",
    "AnyFilter",
    "Filter",
    "FilterSettings",
    "Filtered",
    "Floats",
    "NoFilter",
    "X",
    "Y",
    "filter_settings",
]
