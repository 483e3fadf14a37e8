"""What a network file says of its precision: how it was made, and how far its poses are from single precision's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PrecisionName = Literal["fp32", "bf16", "fp16", "int8"]


class LabelError(BaseModel):
    """Mean distance to labels made by hand, in pixels of the labelled images."""

    model_config = ConfigDict(frozen=True)

    points: int = Field(ge=1)
    fp32: float = Field(ge=0)
    error: float = Field(ge=0)

    @property
    def percent(self) -> float:
        """How much worse than single precision, in percent; negative: better."""
        return 100 * (self.error / self.fp32 - 1) if self.fp32 else (0.0 if self.error == 0 else float("inf"))


class PrecisionProof(BaseModel):
    """The distance to single precision that one engine showed on frames that the calibration had not seen."""

    model_config = ConfigDict(frozen=True)

    engine: str
    library: str
    """The library, its version and its device, in words."""
    frames: int = Field(ge=1)
    on: str
    seen: int = Field(ge=1)
    """Keypoints with a confidence of at least 0.5 in one of the two precisions; the distances are theirs."""
    median: float
    p95: float
    p99: float
    worst: float
    """Distances in pixels of the network's own image."""
    worst_at: str = ""
    """The keypoint and the frame of the worst distance."""
    confidence_median: float
    confidence_worst: float
    """The change of confidence, of all keypoints."""
    labels: LabelError | None = None


class Precision(BaseModel):
    """How a file of less than single precision was made, and its proofs, one for each engine."""

    model_config = ConfigDict(frozen=True)

    name: PrecisionName
    made_from: str = ""
    """SHA-256 of the file in single precision."""
    calibration: int = 0
    """How many frames it was calibrated on."""
    calibrated_on: str = ""
    layers: int = 0
    """How many layers could be computed in less precision."""
    kept: tuple[str, ...] = ()
    """Those that stay in single precision, because they hurt."""
    within: float = 1.0
    """The largest p99 that was allowed, in pixels."""
    within_labels: float = 1.0
    """How much worse by labels was allowed, in percent."""
    proofs: tuple[PrecisionProof, ...] = ()

    def proof_of(self, engine: str) -> PrecisionProof | None:
        """The proof with this engine, if there is one."""
        return next((proof for proof in self.proofs if proof.engine == engine), None)


def inference_of(about: Precision | None, engine: str) -> dict[str, str]:
    """What a session notes of the precision that an engine computes a file in, and of its proof."""
    if about is None or (about.name == "bf16" and engine != "openvino"):
        return {"precision": "fp32"}
    proof = about.proof_of(engine)
    if proof is None:
        return {"precision": about.name, "proof": "none with this engine"}
    distances = f"median {proof.median:.3f}, p95 {proof.p95:.3f}, p99 {proof.p99:.3f}, worst {proof.worst:.3f} px"
    return {
        "precision": about.name,
        "proof": f"{distances} from single precision on {proof.frames} frames ({proof.on})",
    }


def described(about: Precision) -> list[str]:
    """The precision and its proofs, in words."""
    made = f"{about.name}"
    if about.calibration:
        made += f", calibrated on {about.calibration} frames ({about.calibrated_on})"
    if about.name != "bf16":
        made += f"; {len(about.kept)} of {about.layers} layers stay in single precision"
        made += f": {', '.join(about.kept)}" if about.kept else ""
    lines = [made]
    for proof in about.proofs:
        text = (
            f"{proof.engine}: {proof.seen} keypoints on {proof.frames} other frames ({proof.on}): median "
            f"{proof.median:.3f}, p95 {proof.p95:.3f}, p99 {proof.p99:.3f}, worst {proof.worst:.3f} px from single "
            f"precision; confidence changed by {proof.confidence_median:.4f} (median), "
            f"{proof.confidence_worst:.4f} (worst)"
        )
        if proof.labels:
            text += (
                f"; by {proof.labels.points} labels {proof.labels.error:.3f} px, in single precision "
                f"{proof.labels.fp32:.3f} ({proof.labels.percent:+.2f} %)"
            )
        lines.append(text)
    return lines
