"""The proof: student and teacher on frames that were held back, as a rig runs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from dlstream_common import NetworkError
from dlstream_pose.convert.distill._jumps import SURE
from dlstream_pose.convert.distill._lessons import frames_with
from dlstream_pose.convert.precision._labels import Compared, LabelDistances, compared, distances_to
from dlstream_pose.convert.progress import Tell, silent
from dlstream_pose.runtime.distillation import DistillationProof, TeacherLabels
from dlstream_pose.runtime.estimator import Estimator

FAR = 20.0
"""Pixels of the video's own frames: a keypoint so far away is somewhere else, such as on the other ear."""
_NOWHERE = 1e6
_MOST_FAR = 0.5
"""Share of far keypoints beyond which a student has learned nothing that anybody could use."""
Held = Sequence[tuple[Path, Sequence[int]]]
"""Videos, and the numbers of the frames in them that were held back."""


def prove(
    teacher: Estimator,
    student: Estimator,
    held: Held,
    by_hand: LabelDistances | None = None,
    tell: Tell = silent,
    far: float = FAR,
) -> DistillationProof:
    """Runs both on the same frames.

    Args:
        by_hand: the teacher's distances to labels made by hand, which the student is asked about, too.

    Raises:
        NetworkError: the teacher is sure of nothing there, so that nothing can be proved; or no label can be compared.
    """
    ours: list[NDArray[np.float32]] = []
    theirs: list[NDArray[np.float32]] = []
    names: list[str] = []
    times: list[tuple[float, float]] = []
    total = sum(len(numbers) for _, numbers in held)
    for video, numbers in held:
        for number, image in frames_with(video, numbers):
            tell("proving it on frames held back", len(names), total)
            start = perf_counter()
            theirs.append(_animal(teacher.detect(image), teacher))
            between = perf_counter()
            ours.append(_animal(student.detect(image), student))
            times.append((between - start, perf_counter() - between))
            names.append(f"{video.name}, frame {number}")
    milliseconds = 1000 * np.median(times[min(3, len(times) - 1) :], axis=0)
    made = compare(np.stack(theirs), np.stack(ours), names, teacher.info.keypoints, far)
    made = made.model_copy(
        update={
            "on": ", ".join(dict.fromkeys(video.name for video, _ in held)),
            "teacher_ms": round(float(milliseconds[0]), 2),
            "student_ms": round(float(milliseconds[1]), 2),
        }
    )
    if by_hand is None:
        return made
    tell("comparing both with labels", 0, 0)
    return made.model_copy(update={"labels": _by_labels(compared(distances_to(by_hand.labels, student), by_hand))})


def _by_labels(found: Compared) -> TeacherLabels:
    if not found.points:
        raise NetworkError(
            f"--labels: the student has no pose of any of the {found.lost} labelled points of which the teacher has "
            f"one, the first on {found.lost_at}, so that they can't be compared"
        )
    return TeacherLabels(
        points=found.points,
        missing=found.own_missing,
        other_missing=found.other_missing,
        teacher=found.other,
        student=found.own,
    )


def compare(
    teacher: NDArray[np.float32],
    student: NDArray[np.float32],
    names: Sequence[str],
    keypoints: Sequence[str],
    far: float = FAR,
) -> DistillationProof:
    """The distances of the keypoints that the teacher is sure of; (N, K, 3) each.

    A keypoint that the student does not have at all (NaN) counts as a million pixels away: JSON has no infinity.

    Raises:
        NetworkError: the teacher is sure of none.
    """
    sure = teacher[..., 2] >= SURE
    if not sure.any():
        raise NetworkError(
            f"on {len(teacher)} frames held back the teacher is sure of no keypoint (a confidence of {SURE} or more), "
            "so nothing can be proved; expected frames that show the animal. Give others: --proof VIDEO"
        )
    apart = np.hypot(*np.moveaxis(student[..., :2] - teacher[..., :2], -1, 0).astype(np.float64))
    apart = np.where(np.isnan(apart), _NOWHERE, apart)
    distances = apart[sure]
    frame, which = divmod(int(np.argmax(np.where(sure, apart, -1))), apart.shape[1])
    ours, theirs = student[frame, which], teacher[frame, which]
    median, p95, p99 = (float(np.percentile(distances, q, method="higher")) for q in (50, 95, 99))
    known = student[..., 2] >= SURE
    return DistillationProof(
        frames=len(teacher),
        on="",
        sure=int(sure.sum()),
        median=median,
        p95=p95,
        p99=p99,
        worst=float(distances.max()),
        worst_at=(
            f"keypoint '{keypoints[which]}' on {names[frame]}: ({ours[0]:.1f}, {ours[1]:.1f}) with confidence "
            f"{ours[2]:.2f}, the teacher ({theirs[0]:.1f}, {theirs[1]:.1f}) with {theirs[2]:.2f}"
        ),
        far=float((distances > far).mean()),
        far_from=far,
        lost=float((~known[sure]).mean()),
        lost_frames=int((sure.any(axis=1) & ~known.any(axis=1)).sum()),
        teacher_ms=0.0,
        student_ms=0.0,
    )


def _animal(poses: NDArray[np.float32], estimator: Estimator) -> NDArray[np.float32]:
    """The one animal; NaN, NaN, 0 where it was not found."""
    if len(poses):
        return np.asarray(poses[0], np.float32)
    nothing = np.full((len(estimator.info.keypoints), 3), np.nan, np.float32)
    nothing[:, 2] = 0
    return nothing


def objection(found: DistillationProof, within: float | None) -> str:
    """Why a student is not to be written; empty: it may be.

    Args:
        within: largest median distance, in pixels of the video's frames; None: any.
    """
    if within is not None and found.median > within:
        return (
            f"the student is {found.median:.2f} px (median) from its teacher on {found.frames} frames held back, "
            f"expected at most {within:g} (--within)"
        )
    if found.far > _MOST_FAR:
        return (
            f"{found.far:.0%} of the student's keypoints are more than {found.far_from:g} px from its teacher's on "
            f"{found.frames} frames held back, expected at most {_MOST_FAR:.0%}"
        )
    return ""
