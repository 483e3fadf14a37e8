"""What can be set of a recorder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from dlstream_common import FILLED_IN, AnyPath, Namespace, Settings

NonNegative = Annotated[float, Field(ge=0.0)]


class SessionSettings(Settings):
    """What a session is written from, whether a node or a program writes it."""

    directory: AnyPath = Path("sessions")
    """Where the session folders are made."""
    session: str = ""
    """Name of the session folder; empty: date, time and the rig's name."""
    rig: Annotated[str, FILLED_IN] = ""
    """Name of the rig."""
    rig_file: Annotated[str, FILLED_IN] = ""
    """Rig file to copy into the session; empty: none."""
    experiment_file: Annotated[str, FILLED_IN] = ""
    """Experiment file to copy into the session; empty: none."""
    cameras: Annotated[list[Namespace], FILLED_IN] = []
    """The cameras' names, which are their namespaces without the leading slash."""
    video: Literal["lossless", "h264", "none"] = "lossless"
    """How images are recorded: bit by bit (FFVHUFF), in small files (H.264), or not at all."""
    bag: bool = True
    """Record poses, events, commands and the rest of what is said into a rosbag2 folder (MCAP)."""
    metadata: list[str] = []
    """Kept in session.json, each as key=value, e.g. subject=mouse12; keys that begin with seed are its seeds."""
    queue: Annotated[int, Field(ge=1, le=65536)] = 512
    """Megabytes of frames that may wait for the disk, for each camera."""
    min_free: NonNegative = 2.0
    """Gigabytes: no recording begins with less free space on the disk, and below it there is a warning."""

    @field_validator("metadata")
    @classmethod
    def _key_and_value(cls, lines: list[str]) -> list[str]:
        for line in lines:
            if "=" not in line:
                raise ValueError(f"key=value, but {line!r} has no =")
        return lines

    @field_validator("session")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        check_name(name)
        return name

    @field_validator("cameras")
    @classmethod
    def _different(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("names of cameras, each once")
        return names


class RecorderSettings(SessionSettings):
    """Parameters of the recorder node."""

    start: Literal["rig", "experiment", "service"] = "rig"
    """When a session is recorded: while the node is active, while the experiment runs, or when a service asks."""
    bag_images: bool = False
    """Put the images into the bag as well. It grows by all their bytes."""
    outputs: Annotated[list[str], FILLED_IN] = []
    """Names of the outputs whose commands and acknowledgements are recorded."""
    image_reliability: Literal["reliable", "best_effort"] = "reliable"
    """What is asked of the image's publisher. A best-effort publisher reaches a best-effort recorder only."""
    image_depth: Annotated[int, Field(ge=1, le=1000)] = 120
    """Frames of a camera that may wait in the middleware."""
    silence: Annotated[float, Field(gt=0.0)] = 1.0
    """Seconds without a frame, or without poses of the frames, after which that is a fault."""


def check_name(name: str) -> None:
    """Raises ValueError where a session can't have this name."""
    if "/" in name or "\0" in name or name in (".", "..") or name.startswith("."):
        raise ValueError("the name of a folder: no slash, no dot in front")
