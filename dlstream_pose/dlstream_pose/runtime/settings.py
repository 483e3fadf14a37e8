"""The settings of the pose node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from dlstream_common import FILLED_IN, ExistingFile, Namespace, Settings
from dlstream_common.plugins import names_of
from dlstream_pose.runtime.engines import ENGINES
from dlstream_pose.runtime.filters import FILTERS, FilterSettings
from dlstream_pose.runtime.missing import Missing

if TYPE_CHECKING:
    EngineName = str
    FilterName = str
else:  # known by name, imported when they are used
    EngineName, FilterName = names_of(ENGINES, "auto"), names_of(FILTERS, "none")


class PoseSettings(Settings):
    """What the pose node estimates, and how it shows it."""

    network: ExistingFile
    """Network file (.onnx) as dlstream's converter writes it."""
    cameras: Annotated[list[Namespace], Field(min_length=1), FILLED_IN] = ["top"]
    """Namespaces of the cameras to serve: of each, <camera>/image_raw is read."""
    scale: Annotated[float | None, Field(gt=0, le=8)] = None
    """Size of the images that the network was trained on, relative to the camera's; left out: what the network
    file notes, else 1."""
    threads: Annotated[int, Field(ge=0, le=64)] = 2
    """Threads that compute the network, and frames of how many cameras at a time; 0: one for each core."""
    engine: EngineName = "auto"
    """What computes the network. auto: a graphics card if ONNX Runtime finds one (cuda), else the processor (onnx)."""
    max_age: Annotated[float, Field(ge=0, le=3600, json_schema_extra={"live": True})] = 0.0
    """Seconds from acquisition after which a pose is published as stale; 0: never."""
    crop: Annotated[int, Field(ge=0, le=8192)] = 0
    """Look only at a window of this side around the animals, in pixels of the camera's image; 0: at the whole frame."""
    crop_refresh: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """Seconds after which the whole frame is looked at again; 0: only when an animal is lost."""
    crop_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """An animal is lost where fewer than half of its keypoints have this confidence."""
    identity: bool = True
    """Keep the ids of several animals over frames; without effect on a network for one."""
    filter: FilterName = "none"
    """Filter of each keypoint over time."""
    filter_noise: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """kalman: how far off a keypoint of confidence 1 is, in pixels (standard deviation)."""
    filter_agility: Annotated[float, Field(gt=0, le=1e6)] = 1000.0
    """kalman, crop: by how much a keypoint's velocity changes within a second, in pixels a second."""
    filter_gap: Annotated[float, Field(ge=0, le=60)] = 0.3
    """Seconds over which a keypoint that isn't seen goes on by its velocity."""
    filter_confidence: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Keypoints below it count as not seen."""
    filter_cutoff: Annotated[float, Field(gt=0, le=1000)] = 2.0
    """one_euro: cut-off frequency at rest, in hertz; less is smoother."""
    filter_beta: Annotated[float, Field(ge=0, le=100)] = 0.02
    """one_euro: by how much the cut-off rises with speed, in hertz for each pixel a second; more lags less."""
    predict: Literal["none", "now", "ahead"] = "none"
    """Positions as they will be: now, as the pose is published, or predict_ahead after the acquisition; by a filter."""
    predict_ahead: Annotated[float, Field(ge=0, le=10)] = 0.03
    """Seconds from the acquisition for predict: ahead."""
    predict_limit: Annotated[float, Field(gt=0, le=10)] = 0.1
    """Seconds from the acquisition beyond which nothing is predicted."""
    missing: Missing = "keep"
    """Keypoints below min_confidence: keep them, give them no place (nan) or 0, 0 (null), give the whole animal none
    (reset), or leave the animal out of the frame (skip)."""
    min_confidence: Annotated[float, Field(ge=0, le=1, json_schema_extra={"live": True})] = 0.5
    """Keypoints below it are left out of the overlay and the markers, and treated in poses as `missing` says."""
    overlay_rate: Annotated[float, Field(gt=0, le=240, json_schema_extra={"live": True})] = 15.0
    """Overlay images and markers a second, at most; they are drawn only while someone subscribes."""
    legend: Annotated[bool, Field(json_schema_extra={"live": True})] = True
    """List the keypoints with their colours in the overlay image."""

    @field_validator("cameras")
    @classmethod
    def _each_once(cls, cameras: list[str]) -> list[str]:
        twice = sorted({name for name in cameras if cameras.count(name) > 1})
        if twice:
            raise ValueError(f"each camera once, but {', '.join(twice)} occurs twice")
        return cameras

    @model_validator(mode="after")
    def _can_predict(self) -> PoseSettings:
        if self.predict != "none" and self.filter == "none":
            raise ValueError(f"predict: {self.predict} needs a velocity: filter: {' or '.join(FILTERS)}")
        return self

    def filter_settings(self) -> FilterSettings:
        """What the filter is set by."""
        return FilterSettings(
            noise=self.filter_noise,
            agility=self.filter_agility,
            gap=self.filter_gap,
            min_confidence=self.filter_confidence,
            cutoff=self.filter_cutoff,
            beta=self.filter_beta,
        )
