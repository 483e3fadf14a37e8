"""The pose node: one loaded network for every camera of a rig."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

from dlstream_common import (
    DeepCheck,
    DlstreamError,
    EncodingError,
    Frame,
    FramePoses,
    Individual,
    NetworkError,
    RawImage,
)
from dlstream_common.bits import BitsCheck
from dlstream_common.frame_numbers import FrameNumbers
from dlstream_common.middles import middles_of_course
from dlstream_common.ros import (
    LATCHED,
    LATEST_IMAGE,
    Ahead,
    Diagnosis,
    DlstreamNode,
    HostClocks,
    Level,
    frame_from_compressed,
    frame_from_message,
    image_qos,
    in_words,
    publishers_of,
    run_node,
    stamp_to_message,
)
from dlstream_msgs.msg import Regions
from dlstream_pose.ros.frozen_cameras import FrozenCameras
from dlstream_pose.ros.view import CameraView
from dlstream_pose.runtime.depth import DepthImages
from dlstream_pose.runtime.estimator import Estimator
from dlstream_pose.runtime.frame_queue import LatestFrameQueue, QueuedFrame
from dlstream_pose.runtime.scale import scale_doubt
from dlstream_pose.runtime.settings import PoseSettings
from dlstream_pose.runtime.stream import Estimate, PoseStream

_SILENCE = 2.0
"""Seconds without a frame after which a camera counts as stale."""
_ON_THE_WAY = 120
"""Frames of a camera on another host that may arrive at once, after the network has repaired a loss."""
_BEST_EFFORT = "Set `pose: {image_reliability: best_effort}` in the rig file"
_REGIONS, _PROTOCOL = "experiment/regions", "experiment/protocol"
_REGIONS_QOS = QoSProfile(
    history=LATCHED.history, depth=16, reliability=LATCHED.reliability, durability=LATCHED.durability
)


class PoseNode(DlstreamNode[PoseSettings]):
    """Reads <camera>/image_raw of every camera; publishes its pose, skeleton, image_pose and markers.

    The executor's thread only receives messages; worker threads estimate and publish, each a frame of another camera.
    The newest frame of each camera waits between them: while the workers are busy, a newer frame replaces the older
    one.
    """

    default_name = "pose"

    def __init__(self, **options: Any) -> None:
        super().__init__(PoseSettings, **options)
        self._clocks = HostClocks(self, self.get_namespace())
        self._views: dict[str, CameraView] = {}
        self._workers: list[threading.Thread] = []
        self._warming = threading.Lock()
        self._unheard: dict[str, str] = {}

    def configure(self, settings: PoseSettings) -> None:
        at_once = min(len(settings.cameras), settings.engine.threads or os.cpu_count() or 1)
        self._estimator = Estimator(settings.network, settings.scale, engine=settings.engine, at_once=at_once)
        network = self._estimator.network
        self._at_once = at_once if network.engine.parallel else 1
        width, height = network.info.input_size or (320, 240)
        scale = self._estimator.scale
        self._estimator.warm_up(round(width / scale), round(height / scale))
        self._streams = {
            name: PoseStream(self._estimator, settings, partial(self._time_at, name)) for name in settings.cameras
        }
        self._warm: frozenset[tuple[int, int]] = frozenset()
        self.hardware_id = f"{network.path.name} {network.sha256[:12]}"
        self._depth_cameras = {
            name: other for name, other in settings.depth_cameras.items() if name in settings.cameras
        }
        self._depths = {name: DepthImages(settings.depth_window) for name in self._depth_cameras}
        self._views = {name: CameraView(self, name, network, settings) for name in settings.cameras}
        self._frozen = FrozenCameras(self, settings.watched_cameras)
        self.get_logger().info(
            f"{network.path.name} ({network.info.net_type or network.info.decoder}): "
            f"{', '.join(network.info.keypoints)}; engine {network.engine.name}: {network.engine.description}; "
            f"scale {scale:g}; cameras {', '.join(settings.cameras)}, {self._at_once} at a time"
        )
        if doubt := scale_doubt(network.info, settings.scale):
            self.get_logger().warning(f"{network.path.name}: {doubt}")

    def activate(self) -> None:
        self._queue: LatestFrameQueue[tuple[Frame, Header]] = LatestFrameQueue(self._views, self._gets_all)
        count = self.count_publishers
        self._numbers = {name: FrameNumbers(partial(count, self._images_of(name))) for name in self._views}
        self._deep = {name: DeepCheck() for name in self._views}
        self._bits = {name: BitsCheck() for name in self._views}
        for name, view in self._views.items():
            view.begin()
            self._streams[name].reset()
        self._workers = [threading.Thread(target=self._work, name=f"estimator {n + 1}") for n in range(self._at_once)]
        for worker in self._workers:
            worker.start()
        self._inputs = [self._listen(name, self._on_frame, self._on_image, self._compressed) for name in self._views]
        for name, depth_camera in self._depth_cameras.items():
            self._depths[name].clear()
            on_frame, on_image = partial(self._on_depth, name), partial(self._on_depth_image, name)
            self._inputs.append(self._listen(depth_camera, on_frame, on_image))
        regions = self.create_subscription(Regions, _REGIONS, self._on_regions, _REGIONS_QOS)
        course = self.create_subscription(String, _PROTOCOL, self._on_protocol, LATCHED)
        self._inputs += [partial(self.destroy_subscription, one) for one in (regions, course)]

    def deactivate(self) -> None:
        for end in self._inputs:
            end()
        self._queue.close()
        for worker in self._workers:
            if worker is not threading.current_thread():
                worker.join()
        self._workers = []

    def cleanup(self) -> None:
        for view in self._views.values():
            view.close()
        if self._views:
            self._frozen.close()
        self._views = {}

    def settings_changed(self, settings: PoseSettings) -> None:
        for name, view in self._views.items():
            view.settings = self._streams[name].settings = settings

    def diagnose(self) -> Diagnosis:
        level, messages, values = Level.OK, [], {}
        for name, view in self._views.items():
            dropped = self._queue.dropped(name)
            lost = self._queue.lost(name)
            found, trouble = view.state(
                dropped, lost, self._several_publishers(name), _SILENCE, self._frozen.said(name)
            )
            unheard = self._unheard.get(self._images_of(name))
            if unheard and found == Level.STALE:
                trouble = f"{trouble}: {unheard}"
            level = max(level, found, key=[Level.OK, Level.WARN, Level.STALE, Level.ERROR].index)
            rate = [view.rate] if found in (Level.OK, Level.WARN) else []
            messages.append(f"{name}: {'; '.join([trouble, *rate] if trouble else rate)}")
            values[f"{name}/level"] = found.name.lower()
            values[f"{name}/trouble"] = trouble
            values[f"{name}/fps"] = f"{view.meter.per_second:.2f}"
            values[f"{name}/inference_ms"] = f"{view.meter.milliseconds:.2f}"
            values[f"{name}/poses"] = str(view.meter.count)
            values[f"{name}/dropped"] = str(dropped)
            values[f"{name}/lost"] = str(lost)
            values[f"{name}/refused"] = str(view.refused)
        return Diagnosis(level, "; ".join(messages), values)

    def on_unmatched(self, topic: str, text: str, deaf: bool) -> None:
        super().on_unmatched(topic, text, deaf)
        if deaf:
            self._unheard[topic] = text

    def _several_publishers(self, camera: str) -> str:
        """The nodes that publish a camera's images, where they are several; logs once that images of them come."""
        name = self._images_of(camera)
        found = publishers_of(self, name)
        if self._numbers[camera].news() == "several":
            self.get_logger().error(
                f"{name}: images of several publishers come by turns: {in_words(found)}; expected one. "
                "End all but one, or give each a topic of its own: poses are of either's images"
            )
        return in_words(found) if len(found) > 1 else ""

    # Frames, from their arrival to their poses.

    @property
    def _compressed(self) -> bool:
        return self.settings is not None and self.settings.image_transport == "compressed"

    @property
    def _gets_all(self) -> bool:
        return self.settings is not None and self.settings.image_reliability == "reliable"

    def _images_of(self, camera: str) -> str:
        """The full name of a camera's image topic."""
        last = "/compressed" if self._compressed else ""
        return str(self.resolve_topic_name(f"{camera}/image_raw{last}"))

    def _listen(
        self,
        camera: str,
        on_frame: Callable[[str, Frame, str], None],
        on_image: Callable[[str, Any, dict[str, int]], None],
        compressed: bool = False,
    ) -> Callable[[], object]:
        """Subscribes to a camera's frames, within this process or by ROS; call the result to unsubscribe."""
        topic = self.resolve_topic_name(f"{camera}/image_raw")
        if self.frames.carries(topic):
            return self.frames.subscribe(topic, partial(on_frame, camera))
        subscription = self.create_subscription(
            CompressedImage if compressed else Image,
            self._images_of(camera) if compressed else topic,
            partial(on_image, camera),
            image_qos(_ON_THE_WAY) if self._gets_all else LATEST_IMAGE,
            remedy=_BEST_EFFORT if self._gets_all else "",
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        return partial(self.destroy_subscription, subscription)

    def _on_frame(self, camera: str, frame: Frame, frame_id: str) -> None:
        header = Header(stamp=stamp_to_message(frame.stamp), frame_id=frame_id)
        self._queue.put(camera, (frame, header), frame.sequence + 1, self._arrival(frame.stamp))

    def _on_image(self, camera: str, message: Image | CompressedImage, info: dict[str, int]) -> None:
        number = self._numbers[camera].add(info.get("publication_sequence_number", 0)) + 1
        try:
            read = frame_from_compressed if self._compressed else frame_from_message
            frame = read(message, camera, number - 1)
            if said := self._few_bits(camera, frame, message):
                self.get_logger().warning(f"{self._images_of(camera)}: {said}")
        except EncodingError as error:
            self._queue.pass_over(camera, number)  # counted as refused, and only once
            self._refuse(self._views[camera], error)
            return
        if self._frozen.holds(camera, frame.image):
            self._queue.skip(camera, number)
        else:
            self._queue.put(camera, (frame, message.header), number, self._arrival(frame.stamp))

    def _few_bits(self, camera: str, frame: Frame, message: Image | CompressedImage) -> str:
        """What is wrong, once, where the first images of 16 bits use only some of them."""
        if frame.image.dtype == np.uint16:
            self._bits[camera].add(frame.image)
            return self._bits[camera].certain()
        return "" if self._compressed else self._deep[camera].add(RawImage.of(message))

    def _arrival(self, stamp: int) -> int:
        """Now. Simulated time comes in steps, and may still be behind the newest frame: never before its stamp."""
        return max(self.now(), stamp) if self.in_simulated_time else self.now()

    def _on_depth(self, camera: str, depth_camera: str, frame: Frame, frame_id: str) -> None:
        """Keeps an image of the depth camera of `camera`."""
        try:
            self._depths[camera].add(frame)
        except EncodingError as error:
            self._refuse_depth(camera, depth_camera, error)

    def _on_depth_image(self, camera: str, depth_camera: str, message: Image, info: dict[str, int]) -> None:
        try:
            frame = frame_from_message(message, depth_camera, info.get("publication_sequence_number", 1) - 1)
        except EncodingError as error:
            self._refuse_depth(camera, depth_camera, error)
            return
        self._on_depth(camera, depth_camera, frame, "")

    def _with_depth(self, view: CameraView, frame: Frame, found: Estimate) -> tuple[Individual, ...]:
        if view.camera not in self._depths:
            return found.individuals
        depths, depth_camera = self._depths[view.camera], self._depth_cameras[view.camera]
        image = depths.at(frame.stamp)
        if image is not None:
            try:
                measured = depths.measure(found.individuals, frame, image, found.places)
            except EncodingError as error:
                self._refuse_depth(view.camera, depth_camera, error)
            else:
                view.depth_error = ""
                return measured
        elif not view.depth_error:
            view.depth_error = f"camera '{depth_camera}' has no image within 50 ms of the frame's"
        return depths.measure(found.individuals, frame, None)

    def _refuse_depth(self, camera: str, depth_camera: str, error: EncodingError) -> None:
        view = self._views[camera]
        if view.depth_error != str(error):
            view.depth_error = str(error)
            self.get_logger().error(f"{self.resolve_topic_name(f'{depth_camera}/image_raw')}: {error}")

    def _on_regions(self, message: Regions) -> None:
        if message.camera in self._views:
            self._views[message.camera].set_regions(message)

    def _on_protocol(self, message: String) -> None:
        points = middles_of_course(message.data)
        for view in self._views.values():
            view.set_middles(points)

    def _work(self) -> None:
        try:
            while (queued := self._queue.get()) is not None:
                self._serve(queued)
                self._queue.done(queued)
        except Exception as error:
            self.fail(error)

    def _serve(self, queued: QueuedFrame[tuple[Frame, Header]]) -> None:
        view = self._views[queued.camera]
        frame, header = queued.message
        try:
            stream = self._streams[queued.camera]
            self._warm_up(stream, frame.image.shape[1], frame.image.shape[0])
            start, begun = max(self.now(), queued.received), time.monotonic_ns()
            found = stream.estimate(frame.image, frame.encoding, frame.stamp)
            individuals = self._with_depth(view, frame, found)
            end = start + time.monotonic_ns() - begun
        except (EncodingError, NetworkError) as error:
            self._refuse(view, error)
            return
        ahead = self._ahead(queued.camera)
        poses = FramePoses(
            camera=queued.camera,
            sequence=queued.sequence,
            stamp=frame.stamp,
            keypoints=self._estimator.info.keypoints,
            individuals=individuals,
            received=queued.received,
            inference_start=start,
            inference_end=end,
            dropped=queued.dropped,
            frame_id=header.frame_id,
            stale=0 < view.settings.max_age * 1e9 < end - frame.stamp + ahead.nanoseconds + ahead.uncertainty,
            predicted_to=found.predicted_to,
        )
        view.publish(poses, header)
        if view.error:
            view.error = ""
            self.get_logger().info(f"{queued.camera}: images can be used again")
        view.show(frame, poses, header)

    def _ahead(self, camera: str) -> Ahead:
        """How the clock of a camera's host, which stamps its frames, is ahead of this one's."""
        return self._clocks.of(f"{self.get_namespace().rstrip('/')}/{camera}/camera")

    def _time_at(self, camera: str) -> int:
        """Now, by the clock that stamps a camera's frames."""
        return self.now() + self._ahead(camera).nanoseconds

    def _warm_up(self, stream: PoseStream, width: int, height: int) -> None:
        """The first frame of a size lets the engine prepare for it; a later one is served instead, if it comes."""
        if (width, height) in self._warm:
            return
        with self._warming:
            if (width, height) not in self._warm:
                stream.warm_up(width, height)
                self._warm = frozenset([*list(self._warm)[:15], (width, height)])

    def _refuse(self, view: CameraView, error: DlstreamError) -> None:
        """An unusable image gives no pose. It is logged once, and shown in the diagnostics until images can be used."""
        view.refused += 1
        if view.error != str(error):
            view.error = str(error)
            self.get_logger().error(f"{self._images_of(view.camera)}: {error}")


def main() -> None:
    """Entry point of `ros2 run dlstream_pose pose`."""
    sys.exit(run_node(PoseNode))


if __name__ == "__main__":
    main()
