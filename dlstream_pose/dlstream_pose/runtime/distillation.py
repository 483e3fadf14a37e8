"""What a network file says of its distillation: which teacher it learned from, and how far it is from it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TeacherLabels(BaseModel):
    """Mean distance to labels made by hand, in pixels of the labelled images."""

    model_config = ConfigDict(frozen=True)

    points: int = Field(ge=1)
    teacher: float = Field(ge=0)
    student: float = Field(ge=0)

    @property
    def percent(self) -> float:
        """How much worse than its teacher, in percent; negative: better."""
        return 100 * (self.student / self.teacher - 1) if self.teacher else (0.0 if self.student == 0 else float("inf"))


class DistillationProof(BaseModel):
    """Student and teacher on frames that were held back from the training."""

    model_config = ConfigDict(frozen=True)

    frames: int = Field(ge=1)
    on: str
    """What the frames were."""
    sure: int = Field(ge=1)
    """Keypoints that the teacher has with a confidence of at least 0.5; the distances are theirs."""
    median: float
    p95: float
    p99: float
    worst: float
    """Distances in pixels of the video's own frames."""
    worst_at: str = ""
    """The keypoint and the frame of the worst distance."""
    far: float = Field(ge=0, le=1)
    """Share of the sure keypoints that are more than `far_from` away."""
    far_from: float = 20.0
    """Pixels of the video's own frames."""
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
        f"{proof.sure} keypoints that the teacher is sure of on {proof.frames} frames held back ({proof.on}): median "
        f"{proof.median:.2f}, p95 {proof.p95:.2f}, p99 {proof.p99:.2f}, worst {proof.worst:.1f} px from it; "
        f"{proof.far:.1%} more than {proof.far_from:g} px away",
        f"not sure of {proof.lost:.1%} of them; {proof.lost_frames} frames lost altogether",
        f"{proof.student_ms:.1f} ms a frame, the teacher {proof.teacher_ms:.1f} ms",
    ]
    if proof.labels:
        lines.append(
            f"by {proof.labels.points} labels {proof.labels.student:.3f} px, the teacher {proof.labels.teacher:.3f} "
            f"({proof.labels.percent:+.1f} %)"
        )
    return lines
