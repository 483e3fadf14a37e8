"""The parameters of the experiment node."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dlstream_common import FILLED_IN, ExistingFile, Settings
from dlstream_common.names import NAME


def _sizes(items: list[str]) -> list[str]:
    for item in items:
        if not re.fullmatch(rf"{NAME[1:-1]}=[1-9]\d*x[1-9]\d*", item):
            raise ValueError(f"image sizes as camera=WIDTHxHEIGHT, but one of them is '{item}'")
    return items


class ExperimentSettings(Settings):
    """The experiment node's parameters. A rig fills in what it knows, so that more can be checked."""

    file: ExistingFile
    """The experiment file."""
    autostart_run: bool = False
    """Start one run as soon as poses come and the outputs answer; false: a service or action starts it. In a rig
    it is true unless the rig file says false."""
    cameras: Annotated[list[str], FILLED_IN] = []
    """The cameras of the rig; empty: not known."""
    outputs: Annotated[list[str], FILLED_IN] = []
    """The outputs of the rig; empty: not known."""
    keypoints: Annotated[list[str], FILLED_IN] = []
    """The keypoints of the poses; empty: taken from the first pose."""
    image_sizes: Annotated[list[str], AfterValidator(_sizes), FILLED_IN] = []
    """The cameras' image sizes, each as camera=WIDTHxHEIGHT; empty: not known."""
    allow_python: Annotated[bool, FILLED_IN] = False
    """Import the Python files that the experiment file names; only the person who starts it can set this, not a rig."""
    acknowledgement_timeout: Annotated[float, Field(gt=0, le=60, json_schema_extra={"live": True})] = 1.0
    """Seconds within which an output must acknowledge a command; after that it is a fault."""
    listeners: Annotated[int, Field(ge=1, le=100), FILLED_IN] = 1
    """Subscribers to wait for before the first command to an output: the output, and a recorder if there is one."""
    start_timeout: Annotated[float, Field(ge=0, le=600, json_schema_extra={"live": True})] = 10.0
    """Seconds that a run waits for outputs that do not answer; then that is a fault, and the run does not begin."""
    output_timeout: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Seconds without a status of an output in a run until that is a fault."""
    on_output_loss: Literal["again", "stop"] = "again"
    """When an output went off by itself in a run, or lost a command: send the command again, or stop the run."""

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """The image sizes by camera: width and height."""
        pairs = (item.split("=") for item in self.image_sizes)
        return {camera: (int(size.split("x")[0]), int(size.split("x")[1])) for camera, size in pairs}
