"""The camera node: publishes the frames of one source."""

from __future__ import annotations

import array
import sys
import threading
import time
from typing import Any

import cv2
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.duration import Duration
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from dlstream_camera._wording import format_values, settings_in_words, state_values
from dlstream_camera.camera import Camera, Shot
from dlstream_camera.camera_info import CameraInfoService, info_of
from dlstream_camera.sources import Format, Notice, SourceSettings, source_settings
from dlstream_common import Meter, event_kinds, now, to_view
from dlstream_common.calibration import Calibration, load_calibration
from dlstream_common.ros import (
    EVENT,
    LATCHED,
    POSE,
    Diagnosis,
    DlstreamNode,
    Level,
    image_qos,
    image_to_message,
    key_values,
    poses_to_message,
    run_node,
    stamp_to_message,
)
from dlstream_msgs.msg import Event, FrameInfo
from dlstream_msgs.msg import FramePoses as FramePosesMsg

_SUBSCRIBER_TIMEOUT = 60.0
"""Seconds to wait for the announced subscribers, which start slowly on a busy machine."""
_ARRIVAL = 5.0
"""Seconds to wait at the end for the last messages to arrive; a subscriber that has stopped never confirms them."""
_EARLY = 0.25
"""Share of a period by which a JPEG may come early: a camera of the same rate is never quite even."""


class CameraNode(DlstreamNode[SourceSettings]):
    """Publishes image_raw, camera_info, frame_info and, while someone subscribes, image_raw/compressed.

    The latched topic `device` says what the camera is and what its stamps are. The namespace names the camera. The
    source's own thread reads and publishes; the executor's thread only serves parameters, life cycle and diagnostics.
    """

    default_name = "camera"
    ends_by_itself = True

    def __init__(self, **options: Any) -> None:
        super().__init__(source_settings(_source_asked_for(**options)), **options)

    def configure(self, settings: SourceSettings) -> None:
        rig = f"/{settings.rig_namespace}".rstrip("/")
        name = self.get_namespace().removeprefix(f"{rig}/").strip("/") or "camera"
        self._thread: threading.Thread | None = None
        self._lost = self._reconnects = 0
        self._outage = self._picture = ""
        self._last_info: FrameInfo | None = None
        self._events = self.create_lifecycle_publisher(Event, f"{rig}/experiment/events", EVENT)
        self._camera = Camera(name, settings, self._on_notice)
        self._format = self._camera.open()
        self.hardware_id = self._format.hardware_id
        own = self.get_namespace().strip("/").replace("/", "_") or name
        self._frame_id = settings.frame_id or f"{own}_optical_frame"
        self._info = self._camera_info(settings, self._format)
        self._images = self.create_lifecycle_publisher(
            Image,
            "image_raw",
            image_qos(settings.queue),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._topic = self._images.topic_name
        self._infos = self.create_lifecycle_publisher(CameraInfo, "camera_info", POSE)
        self._frame_infos = self.create_lifecycle_publisher(FrameInfo, "frame_info", POSE)
        self._compressed = self.create_lifecycle_publisher(
            CompressedImage, "image_raw/compressed", image_qos(settings.queue)
        )
        self._truths = self.create_lifecycle_publisher(FramePosesMsg, "ground_truth", POSE)
        self._device = self.create_lifecycle_publisher(DiagnosticStatus, "device", LATCHED)
        pixels = (self._format.width, self._format.height)
        in_file = settings.camera_name or own
        self._info_service = CameraInfoService(self, settings.calibration, in_file, pixels, self._set_info)
        self._count = self._dropped = 0
        self._next_compressed = 0.0
        asked = getattr(settings, "fps", 0.0)
        wanted = f"{asked:g} fps requested, " if asked else ""
        pace = f"{self._format.fps:g} fps delivered" if self._format.fps else "as fast as possible"
        found = settings_in_words(self._format)
        size = f"{self._format.width}x{self._format.height}"
        self.get_logger().info(f"{self._format.description}: {size}, {wanted}{pace}{f'; {found}' if found else ''}")

    def activate(self) -> None:
        self._running = True
        self._rate = Meter()  # that it was stopped is no silence
        self._publish_device()
        self._thread = threading.Thread(target=self._run, name="source")
        self._thread.start()

    def deactivate(self) -> None:
        self._running = False
        if self._thread and self._thread is not threading.current_thread():
            while self._thread.is_alive():
                self._camera.stop()  # again, since it may have come before the thread began to wait
                self._thread.join(0.1)
            self._publish_device()
            self._let_arrive()
        self._thread = None

    def cleanup(self) -> None:
        if hasattr(self, "_camera"):
            self._camera.close()
        if hasattr(self, "_info_service"):
            self._info_service.close()
            del self._info_service
        for name in ("_events", "_images", "_infos", "_frame_infos", "_compressed", "_truths", "_device"):
            if hasattr(self, name):
                self.destroy_publisher(getattr(self, name))
                delattr(self, name)

    def diagnose(self) -> Diagnosis:
        fps, silent = self._rate.per_second, self._rate.silent_for
        state = self._camera.state()
        if state.stamp_source != self._stamp_source:
            self._publish_device()
        values = {
            "fps": f"{fps:.2f}",
            "fps_nominal": f"{self._format.fps:g}",
            "frames": self._count,
            "dropped": max(self._dropped, self._lost),
            "reconnects": self._reconnects,
            "size": f"{self._format.width}x{self._format.height}",
            **state_values(state),
        }
        if self._outage:
            return Diagnosis(Level.ERROR, self._outage, values)
        if state.waiting:
            return Diagnosis(Level.OK, f"waiting for {state.waiting}, {self._count} frames so far", values)
        if silent > 1.0 + 3 / (self._format.fps or 1e9):
            return Diagnosis(Level.STALE, self._picture or f"no frame for {silent:.1f} s", values)
        if self._picture:
            return Diagnosis(Level.WARN, self._picture, values)
        if self._format.fps and self._count > self._format.fps and fps < 0.9 * self._format.fps:
            return Diagnosis(Level.WARN, f"{fps:.1f} fps instead of {self._format.fps:g}", values)
        return Diagnosis(Level.OK, f"{fps:.1f} fps", values)

    def _run(self) -> None:
        try:
            self._wait_for_subscribers()
            while self._running:
                shot = self._camera.read()
                if shot is None:
                    if self._running:  # and it was not stopped
                        self._finish()
                    return
                self._publish(shot)
                if self._count == 1 and not getattr(self.settings, "pace", True):
                    self._let_arrive()  # a subscriber that is found may not have found us yet, and would miss a burst
        except Exception as error:
            self._let_arrive()
            self.fail(error)

    def _on_notice(self, notice: Notice) -> None:
        """Logs what happened to a camera that keeps running, and publishes it as an event. On the source's thread."""
        gone, again = notice.kind == "disconnected", notice.kind == "reconnected"
        if notice.kind == "remark":
            self.get_logger().warning(notice.text)
            return
        back = again or notice.kind == "picture_back"
        self._outage = notice.text if gone else "" if again else self._outage
        if notice.kind in ("picture", "picture_back"):
            self._picture = "" if back else notice.text
        self._reconnects += again
        self._lost += int(notice.values.get("frames", "0"))
        if back:
            self.get_logger().info(notice.text)
        else:
            self.get_logger().warning(notice.text)
        self._events.publish(
            Event(
                kind=event_kinds.RECOVERED if back else event_kinds.FAULT,
                name=self.get_fully_qualified_name(),
                camera=self._camera.name,
                stamp=stamp_to_message(now()),
                values=key_values({"text": notice.text, **notice.values}),
            )
        )

    def _publish_device(self) -> None:
        """What the camera is, for whoever subscribes whenever: at the start, at the end, and when its stamps change."""
        state = self._camera.state()
        self._stamp_source = state.stamp_source
        values = {**format_values(self._format, getattr(self.settings, "fps", 0.0)), **state_values(state)}
        self._device.publish(
            DiagnosticStatus(
                level=DiagnosticStatus.OK,
                name=self._camera.name,
                message=self._format.description,
                hardware_id=self._format.hardware_id,
                values=key_values(values),
            )
        )

    def _wait_for_subscribers(self) -> None:
        wanted = self.settings.wait_for if self.settings else 0
        end = time.monotonic() + _SUBSCRIBER_TIMEOUT
        while self._running and (found := self._subscribers()) < wanted:
            if time.monotonic() > end:
                self.get_logger().warning(f"starting with {found} image_raw subscribers; expected {wanted}")
                return
            time.sleep(0.01)

    def _subscribers(self) -> int:
        outside = (self._images.get_subscription_count(), self._compressed.get_subscription_count())
        return sum(outside) + self.frames.subscribers(self._topic)

    def _publish(self, shot: Shot) -> None:
        self.frames.publish(self._topic, shot.frame, self._frame_id)
        header = Header(stamp=stamp_to_message(shot.frame.stamp), frame_id=self._frame_id)
        if not self.frames.carries(self._topic) or self._images.get_subscription_count():
            self._images.publish(image_to_message(shot.frame, self._frame_id))
        info = self._info  # the service may put another one in its place
        info.header = header
        self._infos.publish(info)
        self._last_info = FrameInfo(
            header=header,
            sequence=shot.frame.sequence,
            frame_number=shot.frame_number,
            dropped=shot.dropped,
        )
        self._frame_infos.publish(self._last_info)
        if shot.truth is not None:
            message = poses_to_message(shot.truth)
            message.header = header
            self._truths.publish(message)
        self._publish_compressed(shot, header)
        self._count += 1
        self._dropped = shot.dropped
        self._rate.tick()

    def _publish_compressed(self, shot: Shot, header: Header) -> None:
        settings = self.settings
        if settings is None or not settings.compressed_rate or not self._compressed.get_subscription_count():
            return
        clock = time.monotonic()
        period = 1 / settings.compressed_rate
        if clock < self._next_compressed - _EARLY * period:
            return
        self._next_compressed = max(self._next_compressed, clock - period) + period
        grey = shot.frame.encoding == "mono8"
        pixels = shot.frame.image if grey else to_view(shot.frame.image, shot.frame.encoding)
        done, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, settings.compressed_quality])
        if done:
            form = f"{shot.frame.encoding}; jpeg compressed {'mono8' if grey else 'bgr8'}"
            data = array.array("B", jpeg.tobytes())  # of bytes, rclpy would check each
            self._compressed.publish(CompressedImage(header=header, format=form, data=data))

    def _let_arrive(self) -> None:
        """Waits for the last frames: they travel to the recorder through memory that ends with this process."""
        end = time.monotonic() + _ARRIVAL
        for publisher in (
            self._images,
            self._compressed,
            self._infos,
            self._frame_infos,
            self._truths,
            self._events,
            self._device,
        ):
            publisher.wait_for_all_acked(Duration(seconds=max(0.0, end - time.monotonic())))

    def _finish(self) -> None:
        if self._last_info is not None and self._lost > self._last_info.dropped:  # no later frame reports these
            self._last_info.dropped = self._lost
            self._frame_infos.publish(self._last_info)
        self._let_arrive()
        self.get_logger().info(f"the source ended after {self._count} frames")
        self.end(0)

    def _camera_info(self, settings: SourceSettings, delivered: Format) -> CameraInfo:
        calibration: Calibration | None = delivered.calibration
        if settings.calibration:
            calibration = load_calibration(settings.calibration, delivered.width, delivered.height)
        return info_of(calibration, delivered.width, delivered.height)

    def _set_info(self, info: CameraInfo) -> None:
        self._info = info

    def settings_changed(self, settings: SourceSettings) -> None:
        self._next_compressed = 0.0


def _source_asked_for(name: str = "", namespace: str | None = None, **options: Any) -> str:
    """The parameter `source`, which decides what other parameters the node has."""
    node = rclpy.create_node(
        name or CameraNode.default_name, namespace=namespace, start_parameter_services=False, enable_rosout=False
    )
    try:
        return str(node.declare_parameter("source", "synthetic", ignore_override=False).value)
    finally:
        node.destroy_node()


def main() -> None:
    """Entry point of `ros2 run dlstream_camera camera`."""
    sys.exit(run_node(CameraNode))


if __name__ == "__main__":
    main()
