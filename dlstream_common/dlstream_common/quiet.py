"""OpenCV's own complaints, kept back where ours tell the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Within it OpenCV writes nothing of what it can't open; for those who report that themselves."""
    log: Any = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)
