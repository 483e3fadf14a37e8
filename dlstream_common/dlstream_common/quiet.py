"""Suppresses OpenCV's own messages where dlstream reports the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Within it, OpenCV prints nothing about files that it can't open; for callers that report this themselves."""
    log: Any = getattr(cv2.utils, "logging", None)
    if log is None:  # OpenCV 4.11, as in the environment of `make dlc`: it speaks
        yield
        return
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)
