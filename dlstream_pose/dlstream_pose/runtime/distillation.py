"""What a network file says of its distillation: which teacher it learned from, and how far it is from it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from dlstream_pose.runtime._distances import ByLabels, Distances


class TeacherLabels(ByLabels):
    """Of the student, and of its teacher."""

    own_field, other_field, other_in_words = "student", "teacher", "the teacher"

    teacher: float = Field(ge=0)
    student: float = Field(ge=0)


class DistillationProof(Distances):
    """Student and teacher on frames that were held back from the training.

    In pixels of the video's own frames.
    """

    sure: int = Field(ge=1)
    """Keypoints that the teacher has with a confidence of at least 0.5; the distances are theirs."""
    far: float = Field(ge=0, le=1)
    """Share of the sure keypoints that are more than `far_from` away."""
    far_from: float = 20.0
    lost: float = Field(ge=0, le=1)
    """Share of the sure keypoints of which the student is not sure."""
    lost_frames: int = Field(ge=0)
    """Frames in which the teacher is sure of a keypoint, and the student of none."""
    teacher_ms: float
    student_ms: float
    """Median time for a frame, in the engine `onnx`, by turns."""
    labels: TeacherLabels | None = None


class Distillation(BaseModel):
    """How a network was distilled from a larger one."""

    model_config = ConfigDict(frozen=True)

    teacher: str
    """The teacher's file."""
    teacher_sha256: str
    size: str
    frames: int = Field(ge=1)
    """How many frames it was trained on."""
    on: str
    """The videos that they are from."""
    maps: bool
    """Whether it learned from the teacher's heat maps; else from its points only."""
    left_out: int = Field(ge=0)
    """Sure keypoints of the teacher that jumped, and were not learned from."""
    minutes: float = Field(ge=0)
    """How long it was trained."""
    processor_minutes: float = Field(0.0, ge=0)
    """How much time of processor cores that took, altogether: on a busy machine less than one would expect."""
    proof: DistillationProof


def described(about: Distillation) -> list[str]:
    """The distillation and its proof, in words."""
    proof = about.proof
    lines = [
        f"{about.size}, learned from {about.teacher} on {about.frames} frames ({about.on}) in {about.minutes:.1f} min "
        f"({about.processor_minutes:.1f} min of processor time), "
        f"from its {'heat maps' if about.maps else 'points'}; {about.left_out} keypoints that jumped left out",
        f"{proof.sure} keypoints that the teacher is sure of on {proof.frames} frames held back ({proof.on}): "
        f"{proof.in_words(2, 1)} px from it; {proof.far:.1%} more than {proof.far_from:g} px away",
        f"not sure of {proof.lost:.1%} of them; {proof.lost_frames} frames lost altogether",
        f"{proof.student_ms:.1f} ms a frame, the teacher {proof.teacher_ms:.1f} ms",
    ]
    return [*lines, proof.labels.in_words(1)] if proof.labels else lines
