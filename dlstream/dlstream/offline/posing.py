"""Poses of recorded frames, estimated beside their decoding, several frames at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from dlstream.offline.footage import Lost
from dlstream_common import DlstreamError, Frame, FramePoses
from dlstream_common.video import ahead
from dlstream_pose import Estimator, PoseSettings, PoseStream
from dlstream_pose.runtime.engines import ENGINES

Detection = NDArray[np.float32]


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Poser:
    """Crop, network, identity and filter of the pose node; without latency there is nothing to predict up to `now`.

    It uses `settings.engine.threads` cores (0: all). Where nobody waits for a frame, a core computes a whole frame by
    itself: two frames at a time on two cores are done sooner than one after the other on both, and the poses are the
    same on any number of cores. With `crop`, where to look depends on the frame before: then they share each frame.

    Attributes:
        estimator: the network, and the scale of its images.
        at_once: how many threads may call `detect` at a time.

    Raises:
        NetworkError: as `Estimator`.
        PartError: there is no such engine, or it is not installed.
    """

    def __init__(self, settings: PoseSettings) -> None:
        threads = settings.engine.threads or cores()
        self.at_once = 1 if settings.crop or not _is_parallel(settings.engine.type) else threads
        engine = settings.engine.model_copy(update={"threads": threads // self.at_once})
        self.estimator = Estimator(settings.network, settings.scale, engine=engine, at_once=self.at_once)
        self._stamp = 0
        self._stream = PoseStream(self.estimator, settings, lambda: self._stamp)

    def detect(self, frame: Frame) -> Detection | None:
        """What the network finds in a frame, in any thread; None where `poses` has to ask it.

        Raises:
            EncodingError, NetworkError: see `Estimator.estimate`.
        """
        return self.estimator.detect(frame.image, frame.encoding) if self.at_once > 1 else None

    def poses(self, frame: Frame, detected: Detection | None) -> FramePoses:
        """The poses of the next frame, from what was detected in it.

        Raises:
            EncodingError, NetworkError: see `Estimator.estimate`.
        """
        self._stamp = frame.stamp
        found = self._stream.estimate(frame.image, frame.encoding, frame.stamp, detected)
        return FramePoses(
            frame.camera,
            frame.sequence,
            frame.stamp,
            self.estimator.info.keypoints,
            found.individuals,
            predicted_to=found.predicted_to,
        )


def _is_parallel(engine: str) -> bool:
    return engine == "auto" or bool(ENGINES.load(engine).parallel)  # auto takes none but those that are


def posed_ahead(
    frames: Iterator[Frame | Lost], poser: Poser, only: frozenset[int] | None = None
) -> Generator[tuple[Frame | Lost, FramePoses | None], None, None]:
    """Each frame with its poses, in order; those that are lost, or not in `only` by their stamps, have none."""
    return ahead(_posed(frames, poser, only))


def first_frame(frames: Iterator[Frame | Lost], name: str) -> tuple[list[Lost], Frame]:
    """The first frame that could be decoded, and those before it that could not.

    Raises:
        DlstreamError: there is none.
    """
    lost: list[Lost] = []
    for frame in frames:
        if isinstance(frame, Frame):
            return lost, frame
        lost.append(frame)
    raise DlstreamError(f"{name}: found no frame in it that can be decoded; expected a video")


def _posed(
    frames: Iterator[Frame | Lost], poser: Poser, only: frozenset[int] | None
) -> Iterator[tuple[Frame | Lost, FramePoses | None]]:
    waiting: deque[tuple[Frame | Lost, Future[Detection | None] | None]] = deque()

    def oldest() -> tuple[Frame | Lost, FramePoses | None]:
        frame, detected = waiting.popleft()
        if isinstance(frame, Lost) or detected is None:
            return frame, None
        return frame, poser.poses(frame, detected.result())

    pool = ThreadPoolExecutor(poser.at_once, "network")
    try:
        for frame in frames:
            wanted = frame if isinstance(frame, Frame) and (only is None or frame.stamp in only) else None
            waiting.append((frame, pool.submit(poser.detect, wanted) if wanted else None))
            if len(waiting) > poser.at_once + 1:  # one more than can be looked at: no thread waits for this one
                yield oldest()
        while waiting:
            yield oldest()
    finally:
        pool.shutdown(cancel_futures=True)
