"""The topics that a recorder subscribes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from dlstream_common.ros import COMMAND, EVENT, JOURNAL, LATCHED, POSE, image_qos
from dlstream_msgs.msg import (
    Acknowledgement,
    Command,
    Event,
    ExperimentStatus,
    FrameInfo,
    FramePoses,
    Regions,
    Skeleton,
)
from dlstream_recorder.settings import RecorderSettings
from dlstream_recorder.writers.bag import Quality

EVENTS = "/experiment/events"
STATUS = "/experiment/status"
REGIONS = "/experiment/regions"
EXPERIMENT_JOURNAL = "/experiment/journal"


@dataclass(frozen=True)
class Topic:
    """A topic; `about` is the name of its camera or output."""

    name: str
    type: type[Any]
    qos: QoSProfile
    about: str = ""
    into_bag: bool = True

    @property
    def msgtype(self) -> str:
        """The type's name in a bag."""
        return f"{self.type.__module__.split('.')[0]}/msg/{self.type.__name__}"

    @property
    def latched(self) -> bool:
        """Whether late subscribers get the last message, which holds until the next one."""
        return self.into_bag and bool(self.qos.durability == DurabilityPolicy.TRANSIENT_LOCAL)

    @property
    def quality(self) -> Quality:
        """The quality of service as a bag stores it."""
        return Quality(self.qos.depth, self.qos.reliability == ReliabilityPolicy.RELIABLE, self.latched)


Handler = Callable[[Topic, Any, int], None]
"""Called with the topic, the message and the time of its arrival."""


def topics(settings: RecorderSettings) -> Iterator[Topic]:
    """All topics except the images."""
    of_driver = image_qos(POSE.depth)  # other drivers offer camera_info with the reliability of their images
    if settings.image_reliability == "best_effort":
        of_driver.reliability = ReliabilityPolicy.BEST_EFFORT
    for camera in settings.cameras:
        yield Topic(f"/{camera}/camera_info", CameraInfo, of_driver, camera)
        yield Topic(f"/{camera}/frame_info", FrameInfo, POSE, camera)
        yield Topic(f"/{camera}/device", DiagnosticStatus, LATCHED, camera)
        yield Topic(f"/{camera}/inference", DiagnosticStatus, LATCHED, camera)
        yield Topic(f"/{camera}/ground_truth", FramePoses, POSE, camera)
        yield Topic(f"/{camera}/pose", FramePoses, POSE, camera)
        yield Topic(f"/{camera}/skeleton", Skeleton, LATCHED, camera)
    yield Topic(EVENTS, Event, EVENT)
    yield Topic(STATUS, ExperimentStatus, EVENT)
    yield Topic(REGIONS, Regions, LATCHED)
    yield Topic(EXPERIMENT_JOURNAL, String, JOURNAL, into_bag=False)
    for output in settings.outputs:
        yield Topic(f"/outputs/{output}/command", Command, COMMAND, output)
        yield Topic(f"/outputs/{output}/acknowledgement", Acknowledgement, COMMAND, output)


def image_topic(settings: RecorderSettings, camera: str) -> Topic:
    """The topic of a camera's images."""
    qos = image_qos(settings.image_depth)
    if settings.image_reliability == "best_effort":
        qos.reliability = ReliabilityPolicy.BEST_EFFORT
    return Topic(f"/{camera}/image_raw", Image, qos, camera, settings.bag_images)
