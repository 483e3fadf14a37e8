"""What every node of a rig has beside its own settings, and the names that a part's keys therefore can't have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from dlstream_common.settings import Settings, is_filled_in, misfit

ROS_PARAMETERS = ("use_sim_time", "qos_overrides", "start_type_description_service")
"""What rclpy declares for every node."""


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


RESERVED_KEYS = (*NodeOptions.model_fields, "autostart", *ROS_PARAMETERS)
"""Names that mean something else in a rig file, or among a node's parameters."""
