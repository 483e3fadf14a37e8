"""The sections of a rig file that are not a node's own: of parts that somebody else runs, and `stop`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from dlstream_common import Problem, Settings
from dlstream_common.node_options import NodeOptions
from dlstream_outputs import Fate


class TopicCamera(Settings):
    """A camera that somebody else's node publishes: any driver, or a bag."""

    source: Literal["topic"] = "topic"
    """Kind of the source."""
    topic: str = ""
    """Its image topic; empty: /<camera>/image_raw."""
    frozen_after: Annotated[float, Field(ge=0, le=3600)] = 2.0
    """Seconds of images that are equal bit by bit after which the camera counts as frozen: then it gives no pose until
    they differ. 0: never, as of a simulator, whose pictures have no noise."""


class TopicOutput(Settings):
    """A device of somebody else's node: it takes the commands on /outputs/<name>/command and acknowledges them."""

    type: Literal["topic"] = "topic"
    """Kind of the output."""

    def without_computer(self) -> Fate:
        """As OutputSettings.without_computer."""
        return Fate("unknown: its own node decides", ends=False)

    def check(self) -> None:
        """As OutputSettings.check: nothing is known of it."""

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        """As OutputSettings.check_command: its own node knows its commands."""
        return None


class Stop(Settings):
    """When the rig ends by itself. It also ends when a video without `loop` has ended."""

    after: Annotated[float, Field(ge=0)] = 0.0
    """Seconds after the first frame; 0: never."""
    with_experiment: bool = False
    """When the experiment has ended."""


def frame_triggers(rig: Any) -> dict[str, Any]:
    """The outputs of a rig that its cameras need: without their pulses no frame comes. No experiment commands them."""
    return {name: section for name, section in rig.outputs.items() if getattr(section, "type", "") == "frame_trigger"}


def section_of(settings: type[Settings]) -> type[Settings]:
    """A node's settings class with the options that every node of a rig has."""
    return create_model(settings.__name__, __base__=(settings, NodeOptions), __doc__=settings.__doc__)
