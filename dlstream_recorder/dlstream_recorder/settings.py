"""The settings of a recorder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from dlstream_common import FILLED_IN, AnyPath, Namespace, Settings
from dlstream_common.plain_text import has_controls
from dlstream_recorder.metadata import metadata_of

NonNegative = Annotated[float, Field(ge=0.0)]


class SessionSettings(Settings):
    """Settings of a session, whether a node or a program writes it."""

    directory: AnyPath = Path("sessions")
    """Folder in which the session folders are created."""
    session: str = ""
    """Name of the session folder; empty: date, time and the rig's name."""
    rig: Annotated[str, FILLED_IN] = ""
    """Name of the rig."""
    rig_file: Annotated[str, FILLED_IN] = ""
    """Rig file to copy into the session; empty: none."""
    experiment_file: Annotated[str, FILLED_IN] = ""
    """Experiment file to copy into the session; empty: none."""
    cameras: Annotated[list[Namespace], FILLED_IN] = []
    """Names of the cameras: their namespaces without the leading slash."""
    video: Literal["lossless", "h264", "none"] = "lossless"
    """How images are recorded: bit for bit (lossless, FFVHUFF), in small files (h264), or not at all (none). Depth
    (16UC1) is recorded bit for bit with h264, too."""
    bag: bool = True
    """Also record poses, events, commands and the rig's other messages into a rosbag2 folder (MCAP)."""
    metadata: Annotated[list[str], FILLED_IN] = []
    """Subject and circumstances, for session.json, each as key=value, e.g. subject=M12 or subject.sex=F."""
    changes: Annotated[list[str], FILLED_IN] = []
    """Options of the command line that changed what the rig file says, for session.json."""
    queue: Annotated[int, Field(ge=1, le=65536)] = 512
    """Megabytes of frames per camera that may wait for the disk."""
    min_free: NonNegative = 2.0
    """Free disk space in gigabytes: with less, no recording starts, and a running one reports a fault."""

    @field_validator("metadata")
    @classmethod
    def _known_words(cls, lines: list[str]) -> list[str]:
        metadata_of(lines)
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
            raise ValueError("each camera's name only once")
        users: dict[str, str] = {}
        for name in names:
            other = users.setdefault(stem_of(name), name)
            if other != name:
                both = f"'{other}' and '{name}' would both write {stem_of(name)}.frames.csv"
                raise ValueError(f"cameras with files of their own: {both}. Start one of them with another namespace")
        return names


class RecorderSettings(SessionSettings):
    """Parameters of the recorder node."""

    start: Literal["rig", "experiment", "service"] = "rig"
    """When to record: with the node active (rig), during a run (experiment), or from ~/start to ~/stop (service)."""
    bag_images: bool = False
    """Also put the images into the bag, uncompressed: it grows by their full size."""
    outputs: Annotated[list[str], FILLED_IN] = []
    """Names of the outputs whose commands and acknowledgements are recorded."""
    image_transport: Literal["raw", "compressed"] = "raw"
    """Which images it takes: image_raw, or image_raw/compressed, for a camera behind a slow network."""
    image_reliability: Literal["reliable", "best_effort"] = "reliable"
    """Reliability requested from the images' publisher. A best-effort publisher only reaches a best-effort recorder."""
    image_depth: Annotated[int, Field(ge=1, le=1000)] = 120
    """Frames per camera that may wait in the middleware."""
    silence: Annotated[float, Field(gt=0.0)] = 1.0
    """Seconds without a frame, or without poses although frames arrive, after which a fault is reported."""


def stem_of(camera: str) -> str:
    """What the names of a camera's files begin with."""
    return camera.replace("/", "_")


def check_name(name: str) -> None:
    """Raises ValueError if a session can't have this name."""
    if "/" in name or name.startswith(".") or has_controls(name) or name != name.strip():
        raise ValueError(
            "the name of a folder, without a slash, a leading dot, control characters and spaces at its ends"
        )
