"""Poses of recorded frames, estimated beside their decoding."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from dlstream.offline.footage import Lost
from dlstream_common import DlstreamError, Frame, FramePoses
from dlstream_common.video import ahead
from dlstream_pose import Estimator, PoseSettings, PoseStream


class Poser:
    """Crop, network, identity and filter of the pose node; without latency there is nothing to predict up to `now`."""

    def __init__(self, estimator: Estimator, settings: PoseSettings) -> None:
        self._keypoints, self._stamp = estimator.info.keypoints, 0
        self._stream = PoseStream(estimator, settings, lambda: self._stamp)

    def __call__(self, frame: Frame) -> FramePoses:
        """The poses of the next frame.

        Raises:
            EncodingError, NetworkError: see `Estimator.estimate`.
        """
        self._stamp = frame.stamp
        found = self._stream.estimate(frame.image, frame.encoding, frame.stamp)
        return FramePoses(
            frame.camera,
            frame.sequence,
            frame.stamp,
            self._keypoints,
            found.individuals,
            predicted_to=found.predicted_to,
        )


def posed_ahead(
    frames: Iterator[Frame | Lost], poses_of: Callable[[Frame], FramePoses], only: frozenset[int] | None = None
) -> Generator[tuple[Frame | Lost, FramePoses | None], None, None]:
    """Each frame with its poses, estimated in a thread of its own; those that are lost, or not in `only`, have none."""
    return ahead(_posed(frames, poses_of, only))


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
    frames: Iterator[Frame | Lost], poses_of: Callable[[Frame], FramePoses], only: frozenset[int] | None
) -> Iterator[tuple[Frame | Lost, FramePoses | None]]:
    for frame in frames:
        if isinstance(frame, Lost) or (only is not None and frame.sequence not in only):
            yield frame, None
        else:
            yield frame, poses_of(frame)
