"""The frame sources. A new one is a module here, or a class in a package of your own; nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from dlstream_camera.sources._base import (
    Capture,
    Device,
    Format,
    FrameSource,
    Notice,
    SourceSettings,
    SourceState,
)
from dlstream_common.part_faults import are_problems, guarded_settings, is_rate_or_none, is_size_or_none
from dlstream_common.picking import a_class
from dlstream_common.plugins import Registry
from dlstream_common.tagged import tagged

SOURCES: Registry[type[FrameSource[Any]]] = Registry(
    "source", __name__, __path__, a_class(FrameSource, named_by="source"), group="dlstream.sources", reserved=("topic",)
)


def source_settings(name: str) -> type[SourceSettings]:
    """The settings class of the source with this name, with the key `source`.

    Raises:
        PartError: there is no such source, or it can't be imported.
    """
    settings = guarded_settings(SOURCES.load(name).settings_type, SOURCES.author(name), _RESULTS)
    return cast(type[SourceSettings], tagged(settings, "source", name))


def _are_parameters(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


_SIZE = "width and height in pixels, such as (640, 480), or None"
_RESULTS = (
    ("image_size", is_size_or_none, _SIZE),
    ("asked_size", is_size_or_none, _SIZE),
    ("published_size", is_size_or_none, _SIZE),
    ("frame_rate", is_rate_or_none, "frames a second, such as 30.0, or None"),
    ("is_depth", lambda value: isinstance(value, bool), "True or False"),
    ("shared_device", lambda value: isinstance(value, str), "a text, such as a serial number, or ''"),
    ("beside", _are_parameters, "a mapping of this source's keys to their values"),
    ("shows_depth_of", lambda value: isinstance(value, bool), "True or False"),
    ("check_beside", are_problems, "a list of problems"),
    ("check", are_problems, "a list of problems"),
)
"""What checks ask of a source's settings."""


__all__ = [
    "SOURCES",
    "Capture",
    "Device",
    "Format",
    "FrameSource",
    "Notice",
    "SourceSettings",
    "SourceState",
    "source_settings",
]
