"""What the pose node publishes for one camera, and what it knows about it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from dlstream_common import Frame, FramePoses, Meter, to_view
from dlstream_common.middles import Middles
from dlstream_common.ros import LATCHED, POSE, Level, fill_image, image_qos, key_values, poses_to_message
from dlstream_msgs.msg import FramePoses as FramePosesMsg
from dlstream_msgs.msg import Regions, Skeleton
from dlstream_pose.ros.annotations import annotation_messages, annotations_of
from dlstream_pose.ros.markers import markers_of
from dlstream_pose.runtime.network import Network
from dlstream_pose.runtime.overlay import OverlayRegion, draw_overlay
from dlstream_pose.runtime.precision import inference_of
from dlstream_pose.runtime.settings import PoseSettings

_SECOND = 1_000_000_000


class CameraView:
    """The publishers of one camera's poses.

    Attributes:
        meter: rate of the poses and time of their inference.
        refused: images that could not be used.
        error: why the last image could not be used; empty if it could.
        depth_error: the same for the images of its depth camera; or that there is none for a frame.
    """

    def __init__(self, node: LifecycleNode, camera: str, network: Network, settings: PoseSettings) -> None:
        self.camera, self.settings = camera, settings
        self._node, self._network = node, network
        self._poses = node.create_lifecycle_publisher(FramePosesMsg, f"{camera}/pose", POSE)
        self._skeletons = node.create_lifecycle_publisher(Skeleton, f"{camera}/skeleton", LATCHED)
        self._inferences = node.create_lifecycle_publisher(DiagnosticStatus, f"{camera}/inference", LATCHED)
        self._overlays = node.create_lifecycle_publisher(Image, f"{camera}/image_pose", image_qos(1))
        self._markers = node.create_lifecycle_publisher(MarkerArray, f"{camera}/markers", image_qos(1))
        self._foxglove = annotation_messages()
        self._annotations: Any = None
        if self._foxglove is not None:
            kind = self._foxglove.ImageAnnotations
            self._annotations = node.create_lifecycle_publisher(kind, f"{camera}/annotations", image_qos(1))
        self._regions: tuple[OverlayRegion, ...] = ()
        self._middles = Middles()

    def begin(self) -> None:
        """Starts counting, and publishes the skeleton."""
        self.meter = Meter()
        self.refused = 0
        self.error = self.depth_error = ""
        self._first_stamp = 0
        self._next_show = 0.0
        self._dropped_before = self._lost_before = 0
        info = self._network.info
        self._skeletons.publish(
            Skeleton(
                network=self._network.path.name,
                network_sha256=self._network.sha256,
                keypoints=list(info.keypoints),
                individuals=list(info.individuals),
                edges=[index for edge in info.edges for index in edge],
            )
        )
        engine = self._network.engine
        self._inferences.publish(
            DiagnosticStatus(
                name=f"/{self.camera}/inference",
                message=engine.description,
                hardware_id=self._network.sha256,
                values=key_values({"engine": engine.name, **inference_of(info.precision, engine.name)}),
            )
        )

    def close(self) -> None:
        """Ends the publishers."""
        for publisher in (self._poses, self._skeletons, self._inferences, self._overlays, self._markers):
            self._node.destroy_publisher(publisher)
        if self._annotations is not None:
            self._node.destroy_publisher(self._annotations)

    def set_regions(self, message: Regions) -> None:
        """Takes the experiment's regions, for drawing."""
        self._regions = tuple(
            OverlayRegion(item.name, np.stack([np.asarray(item.x), np.asarray(item.y)], axis=1), item.active)
            for item in message.regions
            if len(item.x) == len(item.y)
        )

    def set_middles(self, points: Mapping[str, Mapping[str, float]]) -> None:
        """Takes the experiment's virtual keypoints, for drawing."""
        self._middles = Middles.among(points, self._network.info.keypoints)

    def publish(self, poses: FramePoses, header: Header) -> None:
        """The poses of a frame; their header is the image's."""
        message = poses_to_message(poses)
        message.header = header
        self._poses.publish(message)
        self.meter.tick((poses.inference_end - poses.inference_start) / 1e6)

    def show(self, frame: Frame, poses: FramePoses, header: Header) -> None:
        """The overlay image, the markers and Foxglove's annotations, if someone subscribes and the next one is due."""
        kinds = (self._overlays, self._markers, self._annotations)
        looked_at = [kind is not None and kind.get_subscription_count() for kind in kinds]
        clock = time.monotonic()
        self._first_stamp = self._first_stamp or frame.stamp
        if not any(looked_at) or clock < self._next_show:
            return
        interval = 1 / self.settings.overlay_rate
        self._next_show = max(self._next_show + interval, clock + 0.5 * interval)
        edges, middles = self._network.info.edges, self._middles
        drawn = replace(
            poses, individuals=tuple(middles.add(poses.individuals)), keypoints=(*poses.keypoints, *middles.names)
        )
        if looked_at[0]:
            picture = draw_overlay(
                to_view(frame.image, frame.encoding),
                drawn.individuals,
                edges,
                self._regions,
                min_confidence=self.settings.min_confidence,
                caption=self._caption(poses),
                legend=drawn.keypoints if self.settings.legend else (),
            )
            image = Image(header=header)
            fill_image(image, picture, "bgr8")
            self._overlays.publish(image)
        if looked_at[1]:
            self._markers.publish(markers_of(drawn, header, edges, self.settings.min_confidence))
        if looked_at[2]:
            least = self.settings.min_confidence
            self._annotations.publish(annotations_of(self._foxglove, drawn, header, edges, self._regions, least))

    def state(self, dropped: int, lost: int, publishers: str, patience: float, wrong: str = "") -> tuple[Level, str]:
        """How bad this camera's state is, and what is wrong; empty where nothing is. Called once a second.

        Args:
            publishers: the nodes that publish its images, where they are several.
            patience: seconds without a frame that are no silence.
            wrong: what is wrong with its images otherwise.
        """
        lately, self._dropped_before = dropped - self._dropped_before, dropped
        lost_lately, self._lost_before = lost - self._lost_before, lost
        if self.error:
            return Level.ERROR, self.error
        if wrong:
            return Level.STALE, wrong
        if self.meter.silent_for > patience:
            return Level.STALE, f"no frame for {self.meter.silent_for:.1f} s"
        if publishers:
            return Level.WARN, f"several publishers of its images, {publishers}, expected one"
        if self.depth_error:
            return Level.WARN, f"no depth: {self.depth_error}"
        if lost_lately > 0:
            return Level.WARN, f"{lost_lately} frames lost on the way"
        if lately > 0:
            return Level.WARN, f"{lately} frame{'s' if lately > 1 else ''} left out"
        return Level.OK, ""

    @property
    def rate(self) -> str:
        """Poses a second and the time of the network for each, for people."""
        return f"{self.meter.per_second:.1f} fps, {self.meter.milliseconds:.1f} ms"

    def _caption(self, poses: FramePoses) -> str:
        """Time since the first frame, rate, and the time from acquisition to pose."""
        seconds = max(0, poses.stamp - self._first_stamp) / _SECOND
        clock = f"{int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{seconds % 60:04.1f}"
        latency = (poses.inference_end - poses.stamp) / 1e6
        waited = f"   {latency:.0f} ms" if 0 <= latency < 10_000 else ""
        return f"{clock}   {self.meter.per_second:.1f} fps{waited}"
