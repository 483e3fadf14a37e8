"""A folder for the wizard, and the page that serves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from rig_tools import RigUnderTest, command

from dlstream_camera.arena import Arena

SIZE = (320, 240)
_FRAMES, _TIMES, _FPS = 60, 60, 5
"""A video of twelve minutes, long enough for a busy machine: the run is ended on the page."""


def make_folder(place: Path) -> Path:
    """A folder with a video of the synthetic animal, and a file of somebody else."""
    place.mkdir()
    arena = Arena(*SIZE, seed=1)
    pictures = [arena.render(number)[0] for number in range(_FRAMES)]
    writer = cv2.VideoWriter(str(place / "mouse.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), _FPS, SIZE)
    for picture in pictures * _TIMES:
        writer.write(picture)
    writer.release()
    (place / "theirs.yaml").write_text("of somebody else\n")
    return place


@contextmanager
def serve(folder: Path) -> Iterator[RigUnderTest]:
    """`dlstream panel` on the folder, without any rig."""
    server = RigUnderTest(command("panel", str(folder), "--port", "0"), folder)
    try:
        server.saw("[panel] open http")
        yield server
    finally:
        server.clear()
