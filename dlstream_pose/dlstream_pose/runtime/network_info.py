"""What a network file says about itself: metadata under the key `dlstream`, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dlstream_pose.runtime.distillation import Distillation
from dlstream_pose.runtime.precision import Precision
from dlstream_pose.runtime.top_down import Detector

METADATA_KEY = "dlstream"
FORMAT = 3
"""1: the graph gives `poses`. 2: a decoder may follow, or a detector come first. 3: frames may have to be fitted first.

Raised when a file of the new kind can't be read by an older dlstream; unknown extra fields are ignored.
"""


class Source(BaseModel):
    """What a network was converted from."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    tool: str
    version: str = ""


class Proof(BaseModel):
    """How the network compared with its original when it was converted."""

    model_config = ConfigDict(frozen=True)

    frames: int = Field(ge=0)
    on: str = ""
    """What the frames were: names of videos or images, or synthetic textures."""
    seen: int = Field(ge=0)
    """How many keypoints had a confidence above 0.1."""
    worst: float | None = None
    """The largest distance of a seen keypoint, in pixels; empty if none was seen."""
    worst_confidence: float = 0.0


class NetworkInfo(BaseModel):
    """What a network file says about itself."""

    model_config = ConfigDict(frozen=True)

    format: int = Field(1, ge=1, le=FORMAT)
    keypoints: tuple[str, ...] = Field(min_length=1)
    edges: tuple[tuple[int, int], ...] = ()
    """The skeleton: pairs of indices into `keypoints`."""
    individuals: tuple[str, ...] = ("individual_1",)
    stride: float = Field(gt=0)
    decoder: str
    outputs: tuple[str, ...] = ("poses",)
    """What the graph gives."""
    decoding: dict[str, Any] = {}
    """Settings of the decoder after the graph."""
    input_size: tuple[int, int] | None = None
    """Width and height, in pixels, of the images that the network was trained on."""
    scale: float | None = Field(None, gt=0, le=8)
    """Size of the images that the network was trained on, relative to the camera's; None: not stored."""
    fit: bool = False
    """Whether whole frames of another size are fitted into `input_size` first, as the network's own tool does."""
    input_range: tuple[int, int] = (0, 255)
    """The least and the greatest value in an image."""
    input_channels: str = "bgr"
    net_type: str = ""
    detector: Detector | None = None
    """For a network that looks at one animal at a time: what finds the animals."""
    source: Source
    proof: Proof | None = None
    distillation: Distillation | None = None
    """Of a network that learned from a larger one."""
    precision: Precision | None = None
    """Of a file in less than single precision; None: single precision."""

    @property
    def animals(self) -> tuple[str, ...]:
        """The names that individuals have in its poses: one, if the network does not distinguish any."""
        return self.individuals or ("individual_1",)

    @model_validator(mode="after")
    def _fits(self) -> NetworkInfo:
        if len(set(self.keypoints)) < len(self.keypoints):
            raise ValueError("a keypoint's name occurs twice")
        if any(not 0 <= index < len(self.keypoints) for edge in self.edges for index in edge):
            raise ValueError("an edge of the skeleton leads to a keypoint that does not exist")
        if self.fit and (self.input_size is None or min(self.input_size) < 1):
            raise ValueError("frames have to be fitted into a size that is not given")
        return self
