"""The sections of a rig file that are not a node's own: what any node may have, and parts that somebody else runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from dlstream_common import Problem, Settings, is_filled_in, misfit
from dlstream_common.plugins import PartError
from dlstream_outputs import Fate


class NodeOptions(Settings):
    """What the rig file may say of every node, beside the node's own parameters."""

    on_failure: Literal["stop", "restart", "continue"] = "stop"
    """When the node dies: stop the whole rig (and fail), start the node again, or go on without it."""
    host: str = ""
    """On which of the rig's `hosts` the node runs; empty: on the first of them."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_of_the_rig(cls, data: Any) -> Any:
        """Refuses the node's parameters that the rig itself fills in: with others, its nodes would not fit together."""
        given = data if isinstance(data, Mapping) else {}
        for name, field in cls.model_fields.items():
            if name in given and is_filled_in(field):
                raise misfit(name, "this key to be left out: the rig itself fills it in")
        return data


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


def section_of(settings: type[Settings]) -> type[Settings]:
    """A node's settings class with the options that every node of a rig has.

    Raises:
        PartError: it has one of these options as a key of its own, which a file could never set.
    """
    for key in NodeOptions.model_fields:
        if key in settings.model_fields:
            found = f"the key '{key}' in {settings.__name__} of {settings.__module__.partition('.')[0]}"
            raise PartError("settings", found, f"another name: every node of a rig has '{key}'", "Ask its makers.")
    return create_model(settings.__name__, __base__=(settings, NodeOptions), __doc__=settings.__doc__)
