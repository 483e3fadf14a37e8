"""Poses as SLEAP's own file (.slp), written by sleap-io: SLEAP opens it with its video, and so does movement."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlstream_recorder.export._optional import need

_NO_VIDEO = "no_video_was_recorded.mp4"
"""The name of a video that does not exist: sleap-io can't read a file whose video has none."""


def write_slp(
    path: Path, poses: pd.DataFrame, edges: Sequence[tuple[int, int]], video: Sequence[Path], what: str = "--sleap"
) -> None:
    """Writes a table of poses as predicted instances, each animal in a track of its own.

    A keypoint without a position is not in an instance; a frame without any has no instance.

    Args:
        poses: as `read_poses` returns it; row n is frame n of the video.
        edges: the skeleton, as pairs of keypoint indices.
        video: that the file names: a file, or the images of all rows; empty: none.
        what: needs sleap-io, for the error message.

    Raises:
        DlstreamError: sleap-io is not installed.
        OSError: the file can't be written.
    """
    sio = need("sleap_io", "sleap-io", what)
    keypoints = list(dict.fromkeys(poses.columns.get_level_values("bodyparts")))
    values = poses.to_numpy(float).reshape(len(poses), -1, len(keypoints), 3)
    names = ["animal"] * values.shape[1]
    if "individuals" in poses.columns.names:
        names = list(dict.fromkeys(poses.columns.get_level_values("individuals")))
    skeleton = sio.Skeleton(nodes=list(keypoints))
    for first, second in edges:
        skeleton.add_edge(keypoints[first], keypoints[second])
    if len(video) > 1:
        # With a backend: a list without one sleap-io writes, but can't read.
        source = sio.Video.from_filename([str(file) for file in video])
    else:
        source = sio.Video(filename=str(video[0] if video else _NO_VIDEO), open_backend=False)
    tracks = [sio.Track(name=name) for name in names]
    seen = ~np.isnan(values[..., :2]).any(axis=-1)
    frames: list[Any] = []
    for row in np.flatnonzero(seen.any(axis=(1, 2))).tolist():
        instances = []
        for index, track in enumerate(tracks):
            if not seen[row, index].any():
                continue
            confidence = np.nan_to_num(values[row, index, :, 2])
            points = np.where(seen[row, index][:, None], values[row, index, :, :2], np.nan)
            instances.append(
                sio.PredictedInstance.from_numpy(
                    points, skeleton, confidence, float(confidence[seen[row, index]].mean()), track=track
                )
            )
        frames.append(sio.LabeledFrame(video=source, frame_idx=row, instances=instances))
    labels = sio.Labels(frames, videos=[source], skeletons=[skeleton], tracks=tracks)
    sio.save_slp(labels, str(path), embed=False, verbose=False)
