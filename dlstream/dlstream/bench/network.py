"""A rig's network on its own cameras, without ROS: does it find the animal, and how fast?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dlstream.rig.file import Rig
from dlstream_camera import SourceSettings
from dlstream_camera.camera import Camera, Shot
from dlstream_common import DlstreamError, Frame, to_bgr
from dlstream_pose import Estimator, PoseSettings, PoseStream
from dlstream_pose.runtime.overlay import draw_overlay

PATIENCE = 20.0
"""Seconds for which a frame is waited for, as by `dlstream check --devices`."""


@dataclass(frozen=True)
class NetworkOnCamera:
    """What the network found in a camera's frames.

    Attributes:
        seen: by keypoint, the share of the frames in which its confidence was at least 0.5.
        confidence: by keypoint, the mean.
        milliseconds: of each frame after the first, from the frame to its poses.
        picture: where the surest frame was drawn; None where that was not wanted.
    """

    camera: str
    frames: int
    seen: dict[str, float]
    confidence: dict[str, float]
    milliseconds: NDArray[np.float64]
    picture: Path | None


def try_network(rig: Rig, frames: int, out: Path | None, patience: float = PATIENCE) -> Iterator[NetworkOnCamera]:
    """Opens the rig's cameras one after another and estimates poses in some frames of each.

    Args:
        out: folder for a picture of each camera.
        patience: seconds for which each frame is waited for.

    Raises:
        DlstreamError: the rig has no network, none of its cameras can be tried here, or one gives no frame.
    """
    if rig.pose is None:
        raise DlstreamError("the rig has no section 'pose', and so no network")
    pose = PoseSettings.model_validate(rig.pose.model_dump(include=set(PoseSettings.model_fields)))
    estimator = Estimator(pose.network, pose.scale, engine=pose.engine)
    own = {name: camera for name, camera in rig.cameras.items() if isinstance(camera, SourceSettings)}
    seen = {name: camera for name, camera in own.items() if not camera.is_depth()}
    if not seen:
        raise DlstreamError(
            "every camera of the rig is run by somebody else's node, or shows depth; expected one that dlstream opens. "
            "`dlstream run` and its session show what the network finds on those, and how fast"
        )
    for name, settings in seen.items():
        yield _on_camera(name, Camera(name, settings), PoseStream(estimator, pose), frames, out, patience)


def _on_camera(
    name: str, camera: Camera, stream: PoseStream, frames: int, out: Path | None, patience: float
) -> NetworkOnCamera:
    keypoints = stream.estimator.info.keypoints
    confidences: list[NDArray[np.float32]] = []
    taken: list[float] = []
    best: tuple[float, Frame, tuple[object, ...]] | None = None
    silent = threading.Event()
    camera.open()
    try:
        while len(taken) < frames and (shot := _read(camera, patience, silent)) is not None:
            begin = time.perf_counter()
            found = stream.estimate(shot.frame.image, shot.frame.encoding, shot.frame.stamp)
            taken.append((time.perf_counter() - begin) * 1e3)
            animals = [one.confidence for one in found.individuals]
            surest = np.nan_to_num(np.max(animals, axis=0)) if animals else np.zeros(len(keypoints), np.float32)
            confidences.append(surest)
            if best is None or float(surest.mean()) > best[0]:
                best = float(surest.mean()), shot.frame, found.individuals
        waiting = camera.state().waiting
    finally:
        camera.close()
    if best is None or silent.is_set():
        why = f" within {patience:g} s" if silent.is_set() else ""
        why += f": it waits for {waiting}, and none came" if waiting else ""
        what = "no frame" if best is None else f"no frame after {len(taken)}"
        raise DlstreamError(f"camera '{name}' gave {what}{why}; `dlstream camera test RIG` looks at it")
    picture = None
    if out is not None:
        picture = out / f"network_test.{name}.png"
        out.mkdir(parents=True, exist_ok=True)
        image = to_bgr(best[1].image, best[1].encoding)
        drawn = draw_overlay(image, best[2], stream.estimator.info.edges, legend=list(keypoints))  # type: ignore[arg-type]
        if not cv2.imwrite(str(picture), drawn):
            raise DlstreamError(f"{picture}: can't be written")
    table = np.array(confidences)
    return NetworkOnCamera(
        name,
        len(taken),
        dict(zip(keypoints, (table >= 0.5).mean(axis=0).tolist(), strict=True)),
        dict(zip(keypoints, table.mean(axis=0).tolist(), strict=True)),
        np.array(taken[1:] or taken),
        picture,
    )


def _read(camera: Camera, patience: float, silent: threading.Event) -> Shot | None:
    """The next frame; None at the camera's end, or where none comes in time (`silent`), as where nobody triggers it."""

    def stop() -> None:
        silent.set()
        camera.stop()

    waker = threading.Timer(patience, stop)
    waker.daemon = True
    waker.start()
    try:
        return camera.read()
    finally:
        waker.cancel()
