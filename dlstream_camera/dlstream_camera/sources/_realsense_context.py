"""librealsense's contexts, each with its list of devices; and what librealsense must not free."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, TypeVar

Object = TypeVar("Object")


@cache
def context() -> Any:
    """The context of connected devices."""
    return new_context()


def new_context() -> Any:
    """A context of its own, as a recording needs: it would stay in the list of connected devices."""
    import pyrealsense2 as rs

    return kept(rs.context())


def kept(item: Object) -> Object:
    """The same object, which is never freed, not even when the interpreter ends.

    librealsense 2.59.1 may crash where a context or a recording's device is freed: threads of theirs still run, or only
    start ("pure virtual method called"). It did in one of some hundred recordings, on a busy machine. What stays costs
    a sleeping thread and an open file.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))
    return item
