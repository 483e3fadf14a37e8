"""The quality of service of all dlstream topics."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def image_qos(depth: int) -> QoSProfile:
    """Reliable images, as drivers publish and the recorder subscribes to them; `depth` frames may wait.

    Best-effort subscribers (rviz, the pose node) can connect to it, too.
    """
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)


LATEST_IMAGE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Only the newest image, from any publisher, reliable or not."""

POSE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Poses and frame_info: small, and each one counts. A recorder on a busy machine must not miss any."""

EVENT = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Events and the status of the experiment."""

COMMAND = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE)
"""Commands and acknowledgements. Volatile: an output that starts late must not carry out an old command."""

HEARTBEAT = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Heartbeats: only the newest counts."""

HEARTBEAT_HEARD = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""As outputs hear them: none is repeated, and none waits for one that was lost."""

JOURNAL = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1000,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""The journal of an experiment's engine: nothing may be lost, not even before the recorder is connected."""

LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=16,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""The last messages are kept for late subscribers: skeleton, regions (one message for each camera)."""
