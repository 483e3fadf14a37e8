"""What every node of a rig has beside its own settings, and the names that a part's keys therefore can't have."""

from __future__ import annotations

from typing import Literal

from dlstream_common.settings import Settings

ROS_PARAMETERS = ("use_sim_time", "qos_overrides", "start_type_description_service")
"""What rclpy declares for every node."""


class NodeOptions(Settings):
    """What the rig file may say of every node, beside the node's own parameters."""

    on_failure: Literal["stop", "restart", "continue"] = "stop"
    """When the node dies: stop the whole rig (and fail), start the node again, or go on without it."""
    host: str = ""
    """On which of the rig's `hosts` the node runs; empty: on the first of them."""


RESERVED_KEYS = (*NodeOptions.model_fields, "autostart", *ROS_PARAMETERS)
"""Names that mean something else in a rig file, or among a node's parameters."""
