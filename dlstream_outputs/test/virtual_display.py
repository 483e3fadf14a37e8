"""A display without hardware (Xvfb), and what is seen on it."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

HAS_XVFB = shutil.which("Xvfb") is not None


class VirtualDisplay:
    """The picture of a virtual display, read from the memory of its server as a camera reads a real one."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        with file.open("rb") as opened:
            self._memory = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        header = struct.unpack(">25I", self._memory[:100])  # of the X Window Dump format
        size, self.width, self.height, self._line, colours = header[0], header[4], header[5], header[12], header[19]
        self._begin = size + colours * 12

    def picture(self) -> np.ndarray:
        """What is seen: (height, width, 3) uint8, red, green, blue."""
        content = np.frombuffer(self._memory, np.uint8, self._line * self.height, self._begin)
        return content.reshape(self.height, -1, 4)[:, : self.width, 2::-1].copy()

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        """The colour of a pixel: red, green, blue."""
        place = self._begin + y * self._line + 4 * x
        blue, green, red = self._memory[place : place + 3]
        return red, green, blue

    @contextmanager
    def watching(self, x: int, y: int) -> Iterator[list[tuple[int, tuple[int, int, int]]]]:
        """Notes each colour of a pixel, with when it was first seen, in nanoseconds since the epoch."""
        seen = [(time.time_ns(), self.pixel(x, y))]
        stopped = threading.Event()

        def watch() -> None:
            while not stopped.wait(0.0005):
                colour = self.pixel(x, y)
                if colour != seen[-1][1]:
                    seen.append((time.time_ns(), colour))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            stopped.set()
            thread.join()


@contextmanager
def virtual_display(folder: Path, size: str = "800x600") -> Iterator[VirtualDisplay]:
    """Starts a display of a size."""
    reader, writer = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writer),
        "-screen",
        "0",
        f"{size}x24",
        "-fbdir",
        str(folder),
        "-nolisten",
        "tcp",
    ]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield VirtualDisplay(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait()
