"""The settings of the pose node."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from dlstream_common import ExistingFile, Settings

CameraName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*$")]


class PoseSettings(Settings):
    """What the pose node estimates, and how it shows it."""

    network: ExistingFile
    """Network file (.onnx) as dlstream's converter writes it."""
    cameras: Annotated[list[CameraName], Field(min_length=1)] = ["top"]
    """Namespaces of the cameras to serve: of each, <camera>/image_raw is read."""
    scale: Annotated[float, Field(gt=0, le=8)] = 1.0
    """Size of the images that the network was trained on, relative to the camera's."""
    threads: Annotated[int, Field(ge=0, le=64)] = 2
    """Threads that compute one frame; 0: one for each core."""
    min_confidence: Annotated[float, Field(ge=0, le=1, json_schema_extra={"live": True})] = 0.5
    """Keypoints below it are left out of the overlay and the markers; poses keep them all."""
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
