"""The settings of the pose node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from dlstream_common import FILLED_IN, ExistingFile, Namespace, SettingsWithFormerKeys, former
from dlstream_pose.runtime.engines import AnyEngine, settings_of_engine
from dlstream_pose.runtime.filters import FILTERS, AnyFilter, NoFilter
from dlstream_pose.runtime.missing import Missing


def _pairs(value: Any) -> Any:
    """Turns a rig file's mapping into a list of name=name, which a ROS parameter can hold."""
    return [f"{name}={other}" for name, other in value.items()] if isinstance(value, Mapping) else value


_Pairs = BeforeValidator(_pairs, json_schema_input_type=dict[str, str] | list[str])


class PoseSettings(SettingsWithFormerKeys):
    """What the pose node estimates, and how it displays it."""

    network: ExistingFile
    """Network file (.onnx), written by dlstream's converter."""
    cameras: Annotated[list[Namespace], Field(min_length=1), FILLED_IN] = ["top"]
    """Namespaces of the cameras to serve; the node reads each one's <camera>/image_raw."""
    scale: Annotated[float | None, Field(gt=0, le=8)] = None
    """Size of the images that the network was trained on, relative to the camera's, such as 0.5. Left out: the scale
    stored in the network file, else 1."""
    engine: AnyEngine = settings_of_engine("auto")
    """What runs the network: a name, or a mapping with `type` and the engine's keys. auto: the graphics card if ONNX
    Runtime finds one (cuda), else the processor (onnx); for a file of less than single precision the fastest of the
    engines that it was proved for, by a measurement of two seconds that is reported and remembered."""
    max_age: Annotated[float, Field(ge=0, le=3600, json_schema_extra={"live": True})] = 0.0
    """Seconds after acquisition from which a pose is published as stale; 0: never."""
    crop: Annotated[int, Field(ge=0, le=8192)] = 0
    """Side of a square window around the animals, in pixels of the camera's image; 0: look at the whole frame."""
    crop_refresh: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """Seconds between looks at the whole frame; 0: only when an animal is lost."""
    crop_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """An animal counts as lost when fewer than half of its keypoints reach this confidence."""
    crop_agility: Annotated[float, Field(gt=0, le=1e6)] = 1000.0
    """How much an animal's velocity changes within a second, in px/s; the window leaves room for it."""
    identity: bool = True
    """Keep each animal's id from frame to frame; no effect on a network for one animal."""
    filter: AnyFilter = NoFilter()
    """Filter for each keypoint over time: a name, or a mapping with `type` and the filter's keys."""
    predict: Literal["none", "now", "ahead"] = "none"
    """Publish predicted positions (needs a filter). now: at the time of publishing; ahead: after predict_ahead."""
    predict_ahead: Annotated[float, Field(ge=0, le=10)] = 0.03
    """Seconds after acquisition for which `ahead` predicts."""
    predict_limit: Annotated[float, Field(gt=0, le=10)] = 0.1
    """Predictions reach at most this many seconds after acquisition."""
    missing: Missing = "keep"
    """Keypoints below min_confidence. keep: unchanged; nan: no position; null: position 0, 0; reset: the whole animal
    has no position; skip: the animal is left out of the frame."""
    min_confidence: Annotated[float, Field(ge=0, le=1, json_schema_extra={"live": True})] = 0.5
    """Keypoints with a lower confidence are not drawn, and `missing` says what becomes of them in poses."""
    depth: Annotated[list[str], _Pairs] = []
    """Which depth camera sees what a camera sees, pixel for pixel, such as {top: top_depth}: its poses then have the
    depth of each keypoint, for triggers of type depth. Left out: RealSense cameras that are aligned to one another."""
    depth_window: Annotated[int, Field(ge=1, le=99)] = 5
    """Side of the square around a keypoint whose median is its depth, in pixels (odd); half of it must be measured."""
    overlay_rate: Annotated[float, Field(gt=0, le=240, json_schema_extra={"live": True})] = 15.0
    """Overlay images and markers per second, at most; drawn only while someone subscribes."""
    legend: Annotated[bool, Field(json_schema_extra={"live": True})] = True
    """List the keypoints and their colours in the overlay image."""

    frozen_after: Annotated[list[str], _Pairs, FILLED_IN] = []
    """Cameras that are watched for a frozen picture, with the seconds of equal images after which it is one, such as
    {top: 2}: those with `source: topic`, as the others watch themselves."""
    image_transport: Literal["raw", "compressed"] = "raw"
    """Which images it takes: image_raw, or image_raw/compressed, for a camera behind a slow network."""
    image_reliability: Literal["best_effort", "reliable"] = "best_effort"
    """Reliability requested from the images' publisher. best_effort: the newest image, of any publisher. reliable: what
    the network loses is sent again; so it is by itself where a camera of the rig is on another host."""

    # Keys of dlstream 0.1, when engines and filters had no settings of their own.
    threads: Annotated[int | None, Field(ge=0, le=64, exclude=True), former("engine.threads")] = None
    """Former name of engine.threads."""
    filter_noise: Annotated[float | None, Field(gt=0, le=1000, exclude=True), former("filter.noise")] = None
    """Former name of filter.noise."""
    filter_agility: Annotated[
        float | None, Field(gt=0, le=1e6, exclude=True), former("filter.agility", "crop_agility")
    ] = None
    """Former name of filter.agility and crop_agility."""
    filter_gap: Annotated[float | None, Field(ge=0, le=60, exclude=True), former("filter.gap")] = None
    """Former name of filter.gap."""
    filter_confidence: Annotated[float | None, Field(ge=0, le=1, exclude=True), former("filter.min_confidence")] = None
    """Former name of filter.min_confidence."""
    filter_cutoff: Annotated[float | None, Field(gt=0, le=1000, exclude=True), former("filter.cutoff")] = None
    """Former name of filter.cutoff."""
    filter_beta: Annotated[float | None, Field(ge=0, le=100, exclude=True), former("filter.beta")] = None
    """Former name of filter.beta."""

    @field_validator("cameras")
    @classmethod
    def _each_once(cls, cameras: list[str]) -> list[str]:
        twice = sorted({name for name in cameras if cameras.count(name) > 1})
        if twice:
            raise ValueError(f"each camera once, but {', '.join(twice)} occurs twice")
        return cameras

    @field_validator("depth")
    @classmethod
    def _names(cls, pairs: list[str]) -> list[str]:
        cameras = [name for name, _, _ in (pair.partition("=") for pair in pairs)]
        if not all(name and other for name, _, other in (pair.partition("=") for pair in pairs)):
            raise ValueError("for each camera the name of its depth camera, such as {top: top_depth}")
        if len(set(cameras)) < len(cameras):
            raise ValueError("each camera once")
        return pairs

    @field_validator("frozen_after")
    @classmethod
    def _seconds(cls, pairs: list[str]) -> list[str]:
        for name, _, seconds in (pair.partition("=") for pair in pairs):
            try:
                known = 0 <= float(seconds) <= 3600
            except ValueError:
                known = False
            if not name or not known:
                raise ValueError("for each camera 0 to 3600 seconds, such as {top: 2}")
        return pairs

    @field_validator("depth_window")
    @classmethod
    def _has_a_middle(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError("an odd number of pixels, so that the keypoint is in the middle")
        return window

    @model_validator(mode="after")
    def _can_predict(self) -> PoseSettings:
        if self.predict != "none" and isinstance(self.filter, NoFilter):
            raise ValueError(f"predict: {self.predict} needs a velocity: filter: {' or '.join(FILTERS)}")
        return self

    @property
    def watched_cameras(self) -> dict[str, float]:
        """The seconds after which a picture is frozen by the name of the camera, of those that are watched."""
        return {name: float(seconds) for name, _, seconds in (pair.partition("=") for pair in self.frozen_after)}

    @property
    def depth_cameras(self) -> dict[str, str]:
        """The name of the depth camera by the name of the camera whose keypoints it measures."""
        return {name: other for name, _, other in (pair.partition("=") for pair in self.depth)}
