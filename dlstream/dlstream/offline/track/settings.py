"""What is to be done with each video."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SUFFIX = ".track.json"
"""The ending of a record, which says of which video and network results are."""


@dataclass(frozen=True)
class Settings:
    """How videos are tracked. The first group decides what comes out.

    Attributes:
        sha256: of the network file.
        scale: of images; None: as the network file says.
        fps: in place of the files' own times; 0: those.
        engine: see `dlstream parts engine`.
        run_by: the engine that is opened: `engine`, or what `auto` came to where the command was given, if the network
            is one of less than single precision: engines differ more there, and each worker might measure another one
            as the fastest.
        version: of dlstream, where the command was given.
        out: folder of the results.
        annotate, pictures: whether to write the annotated video, and the pictures of trajectory and occupancy.
        sleap: whether to write SLEAP's file as well.
        threads: how many cores the network uses, each for a frame of its own; 0: all of them.
    """

    network: Path
    sha256: str
    scale: float
    fps: float
    engine: str
    run_by: str
    version: str
    out: Path
    annotate: bool = True
    pictures: bool = True
    sleap: bool = False
    threads: int = 0

    @property
    def scorer(self) -> str:
        """DeepLabCut's word for the network, in the tables and in the names of files."""
        return f"DLC_{self.network.stem}"

    def decisive(self) -> dict[str, Any]:
        """What two runs must have in common to give the same tables."""
        return {"network": self.sha256, "scale": self.scale, "fps": self.fps, "engine": self.engine}

    def base(self, name: str) -> str:
        """How the names of a video's results begin, as DeepLabCut has it: VIDEO + SCORER."""
        return f"{name}{self.scorer}"

    def endings(self) -> list[str]:
        """The endings of the files to write for each video."""
        endings = [".csv", ".h5"]
        if self.annotate:
            endings.append("_labeled.mp4")
        if self.pictures:
            endings += ["_trajectory.png", "_occupancy.png"]
        if self.sleap:
            endings.append(".slp")
        return endings


@dataclass(frozen=True)
class Outcome:
    """What became of a video.

    Attributes:
        state: "tracked", "complete" (it was already) or "failed".
        frames, lost: of the video, with the lost ones.
        with_pose: frames in which an animal was found; known of a video that was just tracked.
        reason: why it failed; or why it was done again.
    """

    name: str
    path: Path
    state: str
    frames: int = 0
    lost: int = 0
    reason: str = ""
    remarks: tuple[str, ...] = ()
    with_pose: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "path": str(self.path)}
