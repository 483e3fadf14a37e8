"""The proof of a draft: its poses with each engine, beside those of single precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dlstream_common import NetworkError
from dlstream_pose.convert._frames import Sample
from dlstream_pose.convert.precision._distance import SURE, Distance, Poses, distance, no_number, poses_of
from dlstream_pose.convert.precision._labels import Compared, LabelDistances, compared, distances_to
from dlstream_pose.convert.progress import Tell
from dlstream_pose.runtime.engines import NotInstalled
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.precision import LabelError, PrecisionProof

SHOWN = 0.5
"""The share of frames that have to show the animal: less, and the frames are hardly those of the network."""
MOST_LOST = 0.01
"""The share of the keypoints that single precision is sure of, of which less precision may not be: triggers wait for
those."""
FOR_CARDS = ("cuda", "openvino_gpu", "tensorrt")
"""Engines that nobody misses on a machine without such a card or graphics unit."""


@dataclass(frozen=True)
class Limits:
    """What the proof allows: p99 of the distance in pixels of the network's image, and percent worse by labels."""

    pixels: float = 1.0
    percent: float = 1.0


HARMLESS = Limits()
"""What is allowed if nothing else is said."""


@dataclass(frozen=True)
class Exact:
    """The file in single precision, and what it gives.

    Attributes:
        by_hand: its distances to labels made by hand; None: there are none.
        scale: of the labelled images.
    """

    network: Network
    frames: list[Sample]
    poses: list[Poses]
    by_hand: LabelDistances | None
    scale: float | None


@dataclass(frozen=True)
class Outcome:
    """What the engines showed.

    Attributes:
        proofs: of the engines that stayed within the limits.
        beyond: of those that ran it and did not, in words.
        missing: of those that do not run it here, in words.
    """

    proofs: tuple[PrecisionProof, ...]
    beyond: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """Why engines are not among the proofs."""
        return [*self.beyond, *self.missing]


def check_shown(poses: Sequence[Poses], samples: Sequence[Sample], what: str) -> None:
    """Frames in which single precision finds no animal neither calibrate nor prove anything.

    Raises:
        NetworkError: half of the keypoints of an animal are seen surely on too few frames.
    """
    shown = sum(any((animal[:, 2] >= SURE).mean() >= 0.5 for animal in found) for found in poses)
    if shown < SHOWN * len(samples):
        raise NetworkError(
            f"on {shown} of the {len(samples)} frames {what} ({origin(samples)}) single precision is sure of an animal "
            f"(at least half of its keypoints, with a confidence of {SURE} or more); expected at least {SHOWN:.0%}. "
            "Give frames of the animal and the scene that the network was trained for, in the size that it was trained "
            "on (--scale). Nothing was written"
        )


def prove(draft: Path, exact: Exact, limits: Limits, engines: Sequence[str], tell: Tell) -> Outcome:
    """Compares a draft with single precision, with each of the engines."""
    proofs, beyond, missing = [], [], []
    info = exact.network.info
    for engine in engines:
        try:
            network = Network(draft, 1, engine)
        except NotInstalled as error:
            if engine not in FOR_CARDS or (engine != "openvino_gpu" and _has_card()):
                missing.append(str(error))
            continue
        except NetworkError as error:
            missing.append(f"engine {engine} does not load it: {str(error).removeprefix(f'{draft}: ')}")
            continue
        poses = poses_of(network, exact.frames, f"proving {engine}", tell)
        if at := no_number(info, exact.frames, poses):
            beyond.append(f"engine {engine}: a confidence is not a number: {at}")
            continue
        found = distance(info, exact.frames, exact.poses, poses)
        by_labels = None
        if exact.by_hand:
            tell(f"labels, {engine}", 0, 0)
            own = distances_to(exact.by_hand.labels, Estimator(network, exact.scale))
            by_labels = compared(own, exact.by_hand)
        if reason := _beyond(found, by_labels, limits):
            beyond.append(f"engine {engine}: {reason}")
            continue
        proofs.append(_proof(found, engine, network.engine.description, origin(exact.frames), by_labels))
    return Outcome(tuple(proofs), tuple(beyond), tuple(missing))


def origin(samples: Sequence[Sample]) -> str:
    """The files that frames are from."""
    return ", ".join(dict.fromkeys(sample.name.rpartition(", ")[0] or sample.name for sample in samples))


def _has_card() -> bool:
    return Path("/proc/driver/nvidia/version").exists()


def _proof(found: Distance, engine: str, library: str, on: str, by_labels: Compared | None) -> PrecisionProof:
    values = {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(found).items()}
    labels = _error(by_labels) if by_labels else None
    return PrecisionProof(engine=engine, library=library, on=on, labels=labels, **values)


def _error(by_labels: Compared) -> LabelError:
    return LabelError(
        points=by_labels.points,
        missing=by_labels.own_missing,
        other_missing=by_labels.other_missing,
        fp32=round(by_labels.other, 4),
        error=round(by_labels.own, 4),
    )


def _beyond(found: Distance, by_labels: Compared | None, limits: Limits) -> str:
    if np.isinf(found.worst):
        return f"an animal is found in only one of the two precisions: {found.worst_at}; expected it in both"
    if found.p99 > limits.pixels:
        return (
            f"p99 of the distance to single precision is {found.p99:.3f} px, expected at most {limits.pixels:g} "
            f"(--within): worst {found.worst_at}: {found.worst:.2f} px apart"
        )
    if by_labels and (reason := _beyond_labels(found, by_labels, limits)):
        return reason
    if found.lost > max(1, MOST_LOST * found.sure):
        return (
            f"{found.lost} of the {found.sure} keypoints with a confidence of {SURE} or more in single precision have "
            f"less, expected at most {MOST_LOST:.0%}: most of all {found.lost_at}"
        )
    return ""


def _beyond_labels(found: Distance, by_labels: Compared, limits: Limits) -> str:
    had = by_labels.points + by_labels.lost
    if not by_labels.points or 100 * by_labels.lost > limits.percent * had:
        return (
            f"it has no pose of {by_labels.lost} of the {had} labelled points of which single precision has one, the "
            f"first on {by_labels.lost_at}; expected at most {limits.percent:g} % (--within-labels)"
        )
    labels = _error(by_labels)
    if labels.percent > limits.percent:
        return (
            f"by {labels.points} labels the error is {labels.error:.3f} px, in single precision {labels.fp32:.3f}: "
            f"{labels.percent:.2f} % worse, expected at most {limits.percent:g} (--within-labels); farthest from "
            f"single precision {found.worst_at}"
        )
    return ""
