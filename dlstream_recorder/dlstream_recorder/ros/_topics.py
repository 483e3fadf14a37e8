"""The topics that a recorder subscribes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
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

EVENTS = "experiment/events"
STATUS = "experiment/status"
REGIONS = "experiment/regions"
EXPERIMENT_JOURNAL = "experiment/journal"


_BEST_EFFORT = "Set `recorder: {image_reliability: best_effort}` in the rig file"


@dataclass(frozen=True)
class Topic:
    """A topic with its full name; `about` is the name of its camera or output."""

    name: str
    type: type[Any]
    qos: QoSProfile
    about: str = ""
    into_bag: bool = True

    @property
    def remedy(self) -> str:
        """What makes the recorder hear every publisher of the topic."""
        of_driver = self.is_image or self.type is CameraInfo
        return _BEST_EFFORT if of_driver and self.qos.reliability == ReliabilityPolicy.RELIABLE else ""

    @property
    def msgtype(self) -> str:
        """The type's name in a bag."""
        return f"{self.type.__module__.split('.')[0]}/msg/{self.type.__name__}"

    @property
    def is_image(self) -> bool:
        """Whether it carries a camera's frames."""
        return self.type in (Image, CompressedImage)

    @property
    def is_truth(self) -> bool:
        """Whether its poses are those of a synthetic camera, not of a network."""
        return self.name.endswith("/ground_truth")

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


def topics(settings: RecorderSettings, namespace: str) -> Iterator[Topic]:
    """All topics except the images; `namespace` is that of the rig, as ROS gives it."""
    rig = namespace.rstrip("/")
    of_driver = image_qos(POSE.depth)  # other drivers offer camera_info with the reliability of their images
    if settings.image_reliability == "best_effort":
        of_driver.reliability = ReliabilityPolicy.BEST_EFFORT
    for camera in settings.cameras:
        yield Topic(f"{rig}/{camera}/camera_info", CameraInfo, of_driver, camera)
        yield Topic(f"{rig}/{camera}/frame_info", FrameInfo, POSE, camera)
        yield Topic(f"{rig}/{camera}/device", DiagnosticStatus, LATCHED, camera)
        yield Topic(f"{rig}/{camera}/inference", DiagnosticStatus, LATCHED, camera)
        yield Topic(f"{rig}/{camera}/ground_truth", FramePoses, POSE, camera)
        yield Topic(f"{rig}/{camera}/pose", FramePoses, POSE, camera)
        yield Topic(f"{rig}/{camera}/skeleton", Skeleton, LATCHED, camera)
    yield Topic(f"{rig}/{EVENTS}", Event, EVENT)
    yield Topic(f"{rig}/{STATUS}", ExperimentStatus, EVENT)
    yield Topic(f"{rig}/{REGIONS}", Regions, LATCHED)
    yield Topic(f"{rig}/{EXPERIMENT_JOURNAL}", String, JOURNAL, into_bag=False)
    for output in settings.outputs:
        yield Topic(f"{rig}/outputs/{output}/command", Command, COMMAND, output)
        yield Topic(f"{rig}/outputs/{output}/acknowledgement", Acknowledgement, COMMAND, output)


def image_topic(settings: RecorderSettings, camera: str, namespace: str) -> Topic:
    """The topic of a camera's images."""
    qos = image_qos(settings.image_depth)
    if settings.image_reliability == "best_effort":
        qos.reliability = ReliabilityPolicy.BEST_EFFORT
    name = f"{namespace.rstrip('/')}/{camera}/image_raw"
    if settings.image_transport == "compressed":
        return Topic(f"{name}/compressed", CompressedImage, qos, camera, settings.bag_images)
    return Topic(name, Image, qos, camera, settings.bag_images)
