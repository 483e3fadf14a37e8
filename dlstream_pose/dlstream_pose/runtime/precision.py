"""What a network file says of its precision: how it was made, and how far its poses are from single precision's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dlstream_pose.runtime._distances import ByLabels, Distances

PrecisionName = Literal["fp32", "bf16", "fp16", "int8"]


class LabelError(ByLabels):
    """Of the file, and in single precision."""

    own_field, other_field, other_in_words = "error", "fp32", "in single precision"

    fp32: float = Field(ge=0)
    error: float = Field(ge=0)


class PrecisionProof(Distances):
    """The distance to single precision that one engine showed on frames that the calibration had not seen.

    In pixels of the network's own image.
    """

    engine: str
    library: str
    """The library, its version and its device, in words."""
    seen: int = Field(ge=1)
    """Keypoints with a confidence of at least 0.5 in one of the two precisions; the distances are theirs."""
    confidence_median: float
    confidence_worst: float
    """The change of confidence, of all keypoints."""
    sure: int = Field(0, ge=0)
    """Keypoints with a confidence of at least 0.5 in single precision."""
    lost: int = Field(0, ge=0)
    """Those of them with less than that in this one."""
    lost_at: str = ""
    """The keypoint and the frame of that one of them whose confidence fell most."""
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
    where = f"{proof.frames} frames ({proof.on})"
    return {"precision": about.name, "proof": f"{proof.in_words(3)} px from single precision on {where}"}


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
            f"{proof.engine}: {proof.seen} keypoints on {proof.frames} other frames ({proof.on}): {proof.in_words(3)} "
            f"px from single precision; confidence changed by {proof.confidence_median:.4f} (median), "
            f"{proof.confidence_worst:.4f} (worst)"
        )
        lines.append(f"{text}; {proof.labels.in_words(2)}" if proof.labels else text)
    return lines
