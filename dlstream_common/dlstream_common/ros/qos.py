"""The quality of service of every topic of dlstream, in one place."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def image_qos(depth: int) -> QoSProfile:
    """Reliable images, as drivers publish them and as the recorder takes them; `depth` frames may wait.

    Best-effort subscribers (rviz, the pose node) connect to it as well.
    """
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)


LATEST_IMAGE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Images for those who want the newest only, from any publisher, reliable or not."""

POSE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Poses and frame_info: small, and each counts; a recorder that a busy machine keeps waiting must not miss any."""

EVENT = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Events and the status of the experiment."""

COMMAND = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE)
"""Commands and acknowledgements. Volatile: an output that starts late must not carry out an old command."""

HEARTBEAT = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Signs of life: only the newest counts."""

JOURNAL = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1000,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""What the engine of an experiment took in: none may be lost, not even before the recorder is connected."""

LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=16,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""The last messages are kept for those who come later: skeleton, regions (one message for each camera)."""
