"""Reads a video that was cut off, and completes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dlstream_common import RecordingError
from dlstream_recorder.writers._ebml import elements, read_element
from dlstream_recorder.writers._files import AppendFile
from dlstream_recorder.writers._matroska import (
    CLUSTER,
    CUES,
    SIMPLE_BLOCK,
    TIMESTAMP,
    Cluster,
    Places,
    complete,
    find_places,
    is_cue,
)

_HEAD = 64  # bytes: more than a cluster has before the data of its frame


@dataclass(frozen=True)
class Scan:
    """The complete frames of a video file, and where the last of them ends."""

    places: Places
    clusters: Sequence[Cluster]
    end: int
    complete: bool

    @property
    def stamps(self) -> list[int]:
        """The frames' times in the container: those of acquisition, except for frames that share one."""
        return [self.places.start + cluster.pts for cluster in self.clusters]


def scan(path: Path) -> Scan:
    """Finds the offsets of the frames, without reading the frames themselves.

    Raises:
        RecordingError: it can't be read, or wasn't written by dlstream.
    """
    try:
        with path.open("rb") as file:
            places = find_places(file.read(1 << 16))
            return _scan(file, places, path.stat().st_size)
    except OSError as error:
        raise RecordingError(f"can't read {path}: {error.strerror}") from error
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error


def _scan(file: BinaryIO, places: Places, size: int) -> Scan:
    clusters: list[Cluster] = []
    offset = places.clusters
    while offset < size:
        file.seek(offset)
        head = file.read(_HEAD)
        found = read_element(head, 0)
        if found is not None and found.number == CUES and offset + found.end == size:
            return Scan(places, clusters, offset, complete=True)
        if found is None or found.number != CLUSTER or offset + found.end > size:
            break
        inside = {item.number: item for item in elements(head, found.start, min(found.end, len(head)))}
        time, block = inside[TIMESTAMP], inside[SIMPLE_BLOCK]
        pts = int.from_bytes(head[time.start : time.end], "big")
        clusters.append(Cluster(offset, pts, keyframe=bool(head[block.start + 3] & 0x80)))
        offset += found.end
    return Scan(places, clusters, offset, complete=False)


def repair(path: Path) -> Scan:
    """Cuts off an incomplete frame at the end and completes the file; leaves a complete file as it is.

    Raises:
        RecordingError: it can't be read or written, or wasn't written by dlstream.
    """
    found = scan(path)
    if not found.complete:
        with AppendFile.continue_at(path, found.end) as file:
            cues: list[Cluster] = []
            for cluster in found.clusters:
                if is_cue(cluster, cues):
                    cues.append(cluster)
            last = found.clusters[-1].pts if found.clusters else 0
            complete(file, found.places, cues, len(found.clusters), last)
    return found
