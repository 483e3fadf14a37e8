"""The frame sources. A new one is a module here, or a class in a package of your own; nothing else changes."""

from __future__ import annotations

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
from dlstream_common.picking import a_class
from dlstream_common.plugins import Registry
from dlstream_common.tagged import tagged

SOURCES: Registry[type[FrameSource[Any]]] = Registry(
    "source", __name__, __path__, a_class(FrameSource), group="dlstream.sources"
)


def source_settings(name: str) -> type[SourceSettings]:
    """The settings class of the source with this name, with the key `source`.

    Raises:
        PartError: there is no such source, or it can't be imported.
    """
    return cast(type[SourceSettings], tagged(SOURCES.load(name).settings_type, "source", name))


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
