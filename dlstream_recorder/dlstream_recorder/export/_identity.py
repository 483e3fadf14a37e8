"""By what an NWB file is told from every other one."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from dlstream_recorder.export.recorded import Recorded
from dlstream_recorder.session.archive import is_dated


def identifier(recorded: Recorded) -> str:
    """The same at each export of a session, and another one for each session.

    No two live sessions begin in the same nanosecond. The analyses of two videos may, as those without a date all begin
    on 2000-01-01: there it also depends on what was found in the video, and with what.
    """
    known = f"dlstream:{recorded.name}:{recorded.start}"
    if recorded.about.get("offline"):
        known += f":{_digest(recorded)}"
    return str(uuid5(NAMESPACE_URL, known))


def undated(recorded: Recorded) -> list[str]:
    """A sentence on a session whose footage had no date."""
    if is_dated(recorded.about):
        return []
    start = datetime.fromtimestamp(recorded.start / 1e9, timezone.utc)
    return [
        f"the stamps are no dates: found {start:%Y-%m-%d} as session_start_time, from which the times count; "
        "archives expect the true one. Analyse a video again with --recorded-at, or write it into "
        "/session_start_time of the NWB file, such as by h5py"
    ]


def _digest(recorded: Recorded) -> str:
    digest = hashlib.sha256(str(recorded.about.get("hashes", {}).get("experiment.yaml", "")).encode())
    for camera in recorded.cameras:
        digest.update(f"\n{camera.name}\n{camera.sha256}\n{','.join(camera.keypoints)}\n".encode())
        digest.update(np.ascontiguousarray(camera.stamps, "<i8").tobytes())
        for animal in camera.animals:
            digest.update(f"\n{animal.name}\n".encode())
            digest.update(np.ascontiguousarray(animal.values, "<f8").tobytes())
    return digest.hexdigest()
