"""What all dlstream nodes share: base class, parameters, quality of service and message conversion."""

from dlstream_common.ros._parent import WITH_PARENT
from dlstream_common.ros.diagnostics import ENDS_BECAUSE, LIFECYCLE, TOLD_TO_END, Diagnosis, Level
from dlstream_common.ros.endpoints import in_words, publishers_of
from dlstream_common.ros.event_messages import command_to_message, event_to_message
from dlstream_common.ros.host_clocks import Ahead, HostClocks
from dlstream_common.ros.local import LocalFrames
from dlstream_common.ros.messages import (
    fill_image,
    frame_from_compressed,
    frame_from_message,
    image_to_message,
    key_values,
    poses_from_message,
    poses_to_message,
    stamp_from_message,
    stamp_to_message,
)
from dlstream_common.ros.node import DlstreamNode
from dlstream_common.ros.parameters import declare_settings, read_settings
from dlstream_common.ros.qos import (
    COMMAND,
    EVENT,
    HEARTBEAT,
    HEARTBEAT_HEARD,
    JOURNAL,
    LATCHED,
    LATEST_IMAGE,
    POSE,
    image_qos,
)
from dlstream_common.ros.running import run_node, run_nodes

__all__ = [
    "COMMAND",
    "ENDS_BECAUSE",
    "EVENT",
    "HEARTBEAT",
    "HEARTBEAT_HEARD",
    "JOURNAL",
    "LATCHED",
    "LATEST_IMAGE",
    "LIFECYCLE",
    "POSE",
    "TOLD_TO_END",
    "WITH_PARENT",
    "Ahead",
    "Diagnosis",
    "DlstreamNode",
    "HostClocks",
    "Level",
    "LocalFrames",
    "command_to_message",
    "declare_settings",
    "event_to_message",
    "fill_image",
    "frame_from_compressed",
    "frame_from_message",
    "image_qos",
    "image_to_message",
    "in_words",
    "key_values",
    "poses_from_message",
    "poses_to_message",
    "publishers_of",
    "read_settings",
    "run_node",
    "run_nodes",
    "stamp_from_message",
    "stamp_to_message",
]
