"""Cameras of RealSense recordings, played as their nodes play them."""

from __future__ import annotations

import threading
from pathlib import Path

from dlstream_camera import Camera, Shot, source_settings
from dlstream_camera.sources._format import Notice
from dlstream_camera.sources._realsense_settings import RealSenseSettings


def settings(recording: Path | None, stream: str = "color", **words) -> RealSenseSettings:
    made = source_settings("realsense")(source="realsense", recording=recording, stream=stream, **words)
    assert isinstance(made, RealSenseSettings)
    return made


def beside(*items: RealSenseSettings) -> list[RealSenseSettings]:
    """Cameras of one device, with what the rig fills in."""
    return [
        item.model_copy(update=dict(item.beside([other for other in items if other is not item]))) for item in items
    ]


def play(*items: RealSenseSettings) -> tuple[list[list[Shot]], list[list[Notice]]]:
    """Reads cameras of one recording to its end, each in a thread as its node does; what each got and told."""
    told: list[list[Notice]] = [[] for _ in items]
    cameras = [Camera(item.request.name, item, told[place].append) for place, item in enumerate(beside(*items))]
    got: list[list[Shot]] = [[] for _ in items]

    def read(place: int) -> None:
        while (shot := cameras[place].read()) is not None:
            got[place].append(shot)

    for camera in cameras:
        camera.open()
    threads = [threading.Thread(target=read, args=(place,)) for place in range(len(items))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for camera in cameras:
        camera.close()
    return got, told
