"""The cameras that are connected to this computer, of every kind that can list them."""

from __future__ import annotations

from collections.abc import Iterator

from dlstream_camera.sources import SOURCES, Device, FrameSource
from dlstream_common import DlstreamError
from dlstream_common.plugins import PartError, missing


def connected() -> Iterator[tuple[str, list[Device], str]]:
    """Each source that can list its devices, with these, or a sentence that says why it can't."""
    for name in SOURCES:
        try:
            kind = SOURCES.load(name)
        except PartError as error:
            yield name, [], str(error)
            continue
        if kind.devices.__func__ is FrameSource.devices.__func__:  # type: ignore[attr-defined]
            continue  # a video, a simulation: nothing to list
        lacking = missing(kind)
        if lacking:
            yield name, [], "; ".join(f"needs {what}: {how}" for what, how in lacking.items())
            continue
        try:
            yield name, list(kind.devices()), ""
        except (DlstreamError, OSError) as error:
            yield name, [], str(error)
        except Exception as error:  # of a maker's library or a package of somebody's own: the others are listed
            yield name, [], f"its devices can't be listed: {error!r}"
