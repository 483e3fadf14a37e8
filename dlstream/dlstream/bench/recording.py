"""Whether a recorded video holds every frame that its camera gave."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from dlstream_recorder import disk_of, summarise
from dlstream_recorder.report.tables import read_frames, segment_stems, sibling


@dataclass(frozen=True)
class RecordedCamera:
    """What was found of a camera.

    Attributes:
        text: in words.
        rate: bytes a second of its video; 0: none, or not known.
    """

    text: str
    fine: bool
    rate: float = 0.0


def check_recording(session: Path) -> Iterator[RecordedCamera]:
    """Decodes each video and compares its frames with the table of what came.

    Raises:
        RecordingError: it is no session.
    """
    summary = summarise(session)
    for name, camera in summary.cameras.items():
        stems = segment_stems(session, name)
        videos = [sibling(stem, "mkv") for stem in stems if sibling(stem, "mkv").exists()]
        decoded = sum(_frames(path) for path in videos)
        size = sum(path.stat().st_size for path in videos)
        text = f"{name}: {camera.frames_captured} frames came, {camera.frames_recorded} were recorded"
        if not camera.frames_captured:
            yield RecordedCamera(f"{name}: not a single frame came", False)
            continue
        if not videos:
            yield RecordedCamera(f"{text}; no video, as the rig says", not camera.frames_dropped)
            continue
        wrong = [stem for stem in stems if not _same_times(stem)]
        text += f", {decoded} can be read again, at {camera.fps or 0:.1f} a second"
        rate = size / camera.seconds if camera.seconds else 0.0
        if rate:
            text += f"; {rate / 1e6:.1f} MB a second"
        fine = camera.frames_recorded == camera.frames_captured == decoded and not wrong
        if camera.frames_dropped:
            text += f". {camera.frames_dropped} ARE LOST: the disk or the processor is too slow"
        elif wrong:
            text += ". The times in the video are not those of the frames"
        elif not fine:
            text += ". The video does not hold what was recorded"
        yield RecordedCamera(text, fine, rate)


def until_full(cameras: Sequence[RecordedCamera], session: Path) -> str:
    """When the disk of the session is full with all of these cameras, in a sentence; empty if nothing was measured."""
    rate = sum(camera.rate for camera in cameras)
    if not rate:
        return ""
    hours = shutil.disk_usage(session).free / rate / 3600
    return f"{rate / 1e6:.1f} MB a second in all: the disk {disk_of(session)} is full in {hours:.1f} h"


def _frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def _same_times(stem: Path) -> bool:
    """Whether each frame of the video has the time that the table says, to the nanosecond."""
    video = sibling(stem, "mkv")
    if not video.exists():
        return True
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        base = stream.time_base
        times = sorted(
            round(packet.pts * base * 1_000_000_000) for packet in container.demux(stream) if packet.pts is not None
        )
    return times == read_frames(stem)["pts_ns"].tolist()
