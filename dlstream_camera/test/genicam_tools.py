"""A GenICam camera that a test looks at."""

from __future__ import annotations

import queue

from dlstream_camera.camera import Camera, Shot
from dlstream_camera.sources import Notice
from dlstream_camera.sources._genicam_settings import GenicamSettings

SMALL = {"width": 320, "height": 240}


class Watched:
    """An open camera with what it tells."""

    def __init__(self, **keys: object) -> None:
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.camera = Camera("top", GenicamSettings.model_validate({**SMALL, **keys}), self.notices.put)
        self.format = self.camera.open()
        self.settings = {item.key: item.found for item in self.format.settings}

    def notice(self, kind: str, reads: bool = False) -> Notice:
        """The next one of that kind; `reads`: while frames are read on."""
        while True:
            while reads and self.notices.empty():
                self.camera.read()
            notice = self.notices.get()
            if notice.kind == kind:
                return notice

    def shots(self, count: int) -> list[Shot]:
        return [self.camera.read() for _ in range(count)]
