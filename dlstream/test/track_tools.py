"""What the tests of `dlstream track` share."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import av
import cv2
from rich.console import Console

from dlstream.offline.annotated import AnnotatedVideo
from dlstream.offline.track.run import make_settings, track
from dlstream.offline.track.settings import Outcome, Settings
from dlstream_camera.arena import Arena

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "config" / "networks" / "demo_mouse.onnx"
SECOND = 1_000_000_000


def writes(command: subprocess.Popen[Any], folder: Path, pattern: str, size: int = -1) -> bool:
    """Whether a command that has not ended has written a file of this name, of more than so many bytes."""
    assert command.poll() is None, command.stdout and command.stdout.read()
    try:
        return any(path.stat().st_size > size for path in folder.glob(pattern))
    except FileNotFoundError:  # it was renamed between the two looks
        return False


def write_video(path: Path, frames: int = 20, seed: int = 3) -> Path:
    """An animal in an arena, 320x240, at 10 frames per second."""
    arena = Arena(320, 240, seed=seed, fps=4.0)
    writer = AnnotatedVideo(path, 320, 240, 0)
    for number in range(frames):
        writer.add(arena.render(number)[0], number * SECOND // 10)
    writer.close()
    return path


def write_damaged(path: Path, frames: int = 20, lost: tuple[int, ...] = (0, 8, 19)) -> Path:
    """The same as MJPEG; the frames `lost` can't be decoded."""
    arena = Arena(320, 240, seed=3)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for number in range(frames):
        writer.write(arena.render(number)[0])
    writer.release()
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for number in lost:
        place, size = packets[number]
        content[place : place + size] = bytes(size)
    path.write_bytes(content)
    return path


def console() -> Console:
    """A console without a terminal, whose text can be looked at."""
    return Console(record=True, width=300, file=io.StringIO())


def settings(out: Path, network: Path = NETWORK, **changes: Any) -> Settings:
    """Settings for the tests' videos."""
    values: dict[str, Any] = {
        "scale": 1.0,
        "fps": 0.0,
        "engine": "auto",
        "threads": 1,
        "annotate": False,
        "pictures": False,
        "sleap": False,
        **changes,
    }
    return make_settings(network, out=out, console=console(), **values)


def run(given: list[Path], out: Path, **changes: Any) -> tuple[list[Outcome], str]:
    """Tracks videos; what became of them, and what was printed."""
    screen = console()
    outcomes = track(given, settings(out, **changes), screen)
    return outcomes, screen.export_text()


def tables(out: Path) -> dict[str, bytes]:
    """The bytes of all tables."""
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.suffix in (".csv", ".h5")}
