"""The proof of a draft: its poses with each engine, beside those of single precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dlstream_common import NetworkError
from dlstream_pose.convert._frames import Sample
from dlstream_pose.convert.precision._distance import SURE, Distance, Poses, distance, poses_of
from dlstream_pose.convert.precision._labels import Labels, error_by
from dlstream_pose.convert.progress import Tell
from dlstream_pose.runtime.engines import NotInstalled
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.precision import LabelError, PrecisionProof

SHOWN = 0.5
"""The share of frames that have to show the animal: less, and the frames are hardly those of the network."""
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
    """The file in single precision, and what it gives."""

    network: Network
    frames: list[Sample]
    poses: list[Poses]
    labels: Labels | None
    label_error: tuple[int, float] | None
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
        found = distance(info, exact.frames, exact.poses, poses_of(network, exact.frames, f"proving {engine}", tell))
        by_hand = None
        if exact.labels and exact.label_error:
            tell(f"labels, {engine}", 0, 0)
            points, error_fp32 = exact.label_error
            by_hand = LabelError(
                points=points,
                fp32=round(error_fp32, 4),
                error=round(error_by(exact.labels, Estimator(network, exact.scale))[1], 4),
            )
        if reason := _beyond(found, by_hand, limits):
            beyond.append(f"engine {engine}: {reason}")
            continue
        proofs.append(_proof(found, engine, network.engine.description, origin(exact.frames), by_hand))
    return Outcome(tuple(proofs), tuple(beyond), tuple(missing))


def origin(samples: Sequence[Sample]) -> str:
    """The files that frames are from."""
    return ", ".join(dict.fromkeys(sample.name.rpartition(", ")[0] or sample.name for sample in samples))


def _has_card() -> bool:
    return Path("/proc/driver/nvidia/version").exists()


def _proof(found: Distance, engine: str, library: str, on: str, labels: LabelError | None) -> PrecisionProof:
    values = {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(found).items()}
    return PrecisionProof(engine=engine, library=library, on=on, labels=labels, **values)


def _beyond(found: Distance, labels: LabelError | None, limits: Limits) -> str:
    if np.isinf(found.worst):
        return f"an animal is found in only one of the two precisions: {found.worst_at}; expected it in both"
    if found.p99 > limits.pixels:
        return (
            f"p99 of the distance to single precision is {found.p99:.3f} px, expected at most {limits.pixels:g} "
            f"(--within): worst {found.worst_at}: {found.worst:.2f} px apart"
        )
    if labels and labels.percent > limits.percent:
        return (
            f"by {labels.points} labels the error is {labels.error:.3f} px, in single precision {labels.fp32:.3f}: "
            f"{labels.percent:.2f} % worse, expected at most {limits.percent:g} (--within-labels); farthest from "
            f"single precision {found.worst_at}"
        )
    return ""
