"""The sign of life that each host of a rig sends twenty times a second, on `<namespace>/dlstream/hosts`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

TOPIC = "dlstream/hosts"
PERIOD = 0.05
BEAT_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Not repeated: after a cut link only what is true now counts."""

State = Literal["waits", "runs", "ends"]


@dataclass(frozen=True)
class Beat:
    """What a host says of itself.

    Attributes:
        state: it waits for the others, it runs its share, or it ends it.
        reason: why it ends.
        failed: whether that is a failure.
        at_once: whether somebody asked for it: see Ending.
        files: what must be the same on every host, such as the rig file, each with its hash.
        left: the full names of its nodes that have not ended, including those that have not started yet.
        sent: when, by its own clock, in nanoseconds since the epoch.
        uptime: when, in nanoseconds since its computer was started; 0: not known.
        heard: of each other host: the newest beat's `sent`, and when it came here by this host's clock.
    """

    rig: str
    host: str
    state: State = "waits"
    reason: str = ""
    failed: bool = False
    at_once: bool = False
    files: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    sent: int = 0
    heard: dict[str, list[int]] = field(default_factory=dict)
    uptime: int = 0

    def text(self) -> str:
        """As it is sent."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Beat | None:
        """A beat; None where it is none, as of another version or of a stranger's."""
        try:
            data: dict[str, Any] = json.loads(text)
            beat = cls(**data)
            heard = {str(host): [int(sent), int(came)] for host, (sent, came) in beat.heard.items()}
            files = {str(name): str(value) for name, value in beat.files.items()}
            left = [str(name) for name in beat.left]
            named = isinstance(beat.rig, str) and isinstance(beat.host, str)
            if not named or beat.state not in ("waits", "runs", "ends"):
                return None
            reason, failed, at_once = str(beat.reason), bool(beat.failed), bool(beat.at_once)
            sent, uptime = int(beat.sent), int(beat.uptime)
            return cls(beat.rig, beat.host, beat.state, reason, failed, at_once, files, left, sent, heard, uptime)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return None
