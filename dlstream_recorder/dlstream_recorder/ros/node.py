"""The recorder node: writes what a rig's nodes publish into a session folder."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String
from std_srvs.srv import Trigger

from dlstream_common import DlstreamError, EncodingError, Frame, RawImage, image_from_compressed, image_of_any
from dlstream_common.event_kinds import FAULT, RECOVERED, TOPIC_ENDED
from dlstream_common.ros import (
    EVENT,
    Diagnosis,
    DlstreamNode,
    Level,
    image_to_message,
    run_node,
)
from dlstream_msgs.msg import (
    Acknowledgement,
    Command,
    Event,
    ExperimentStatus,
    FramePoses,
    Regions,
)
from dlstream_msgs.srv import StartRecording
from dlstream_recorder.ros._event_rows import event_key, event_message, event_row
from dlstream_recorder.ros._gathering import Gathering, OnMessage, received
from dlstream_recorder.ros._into_session import Arrived, add_to_session
from dlstream_recorder.ros._last_words import FINAL_WAIT, LastWords
from dlstream_recorder.ros._silence import SilenceMonitor
from dlstream_recorder.ros._sources import ImageSources
from dlstream_recorder.ros._topics import EVENTS, STATUS, Topic, image_topic, topics
from dlstream_recorder.session.session import Session
from dlstream_recorder.settings import RecorderSettings
from dlstream_recorder.writers._files import disk_of, free_bytes, in_gigabytes
from dlstream_recorder.writers._message_types import MessageTypes

_TICK = 0.1
_STARTUP_TIMEOUT = 15.0
_RECENT = 5.0
_LOSS_PERIOD = 1.0  # seconds between two reports of lost frames
_BEFORE = 1_000_000_000  # nanoseconds: events and commands up to this long before a session are recorded, too
_KEPT_BEFORE = (Acknowledgement, Command, Event, ExperimentStatus, String)


class RecorderNode(DlstreamNode[RecorderSettings]):
    """Records while it is active, while the experiment runs, or from `~/start` to `~/stop`.

    Every subscription is raw: the bag stores the bytes as they are, and images are read without a copy.
    """

    default_name = "recorder"
    linger = 3.0

    def __init__(self, **options: Any) -> None:
        super().__init__(RecorderSettings, **options)
        self._session: Session | None = None
        self._failure = ""
        self._created: list[Callable[[], Any]] = []

    # The life cycle.

    def configure(self, settings: RecorderSettings) -> None:
        self.hardware_id = str(settings.directory)
        self._failure = ""
        self._types = MessageTypes()
        self._latched: dict[tuple[str, str], tuple[Topic, bytes]] = {}
        self._recent: deque[tuple[int, Topic, bytes]] = deque()
        self._published: set[tuple[int, str, str]] = set()
        self._complained: set[tuple[str, str]] = set()
        self._refused, self._refused_at = 0, -1e9
        self._stop_at: float | None = None
        self._last_words = LastWords()
        self._events = self.create_publisher(Event, EVENTS, EVENT)
        self._created = [partial(self.destroy_publisher, self._events)]
        self._gathering = Gathering(self)
        self._topics = list(topics(settings, self.get_namespace()))
        self._image_topics = [image_topic(settings, camera, self.get_namespace()) for camera in settings.cameras]
        self._sources = ImageSources(self, self._image_topics)
        for topic in self._topics:
            self._subscribe(topic, partial(self._on_message, topic))
        for topic in self._image_topics:
            full_name = self.resolve_topic_name(topic.name.removesuffix("/compressed"))
            if self.frames.carries(full_name):
                self._created.append(self.frames.subscribe(full_name, partial(self._on_frame, topic)))
            else:
                self._subscribe(topic, partial(self._on_image, topic))
        for service, kind, callback in (("start", StartRecording, self._on_start), ("stop", Trigger, self._on_stop)):
            server = self.create_service(kind, f"~/{service}", callback)
            self._created.append(partial(self.destroy_service, server))
        timer = self.create_timer(_TICK, self._tick)
        self._created.append(partial(self.destroy_timer, timer))

    def activate(self) -> None:
        if self.settings is not None and self.settings.start == "rig":
            self._start()

    def deactivate(self) -> None:
        self._finish("the recorder was deactivated")

    def is_needed(self) -> bool:
        """As long as the experiment runs: its last commands and events belong in the session."""
        return self.count_publishers(STATUS) > 0

    def cleanup(self) -> None:
        self._finish("the recorder was cleaned up")
        for destroy in self._created:
            destroy()
        self._created = []

    def _subscribe(self, topic: Topic, callback: OnMessage) -> None:
        self._created.append(self._gathering.subscribe(topic, callback))

    # Sessions.

    def _start(self, name: str = "", metadata: Mapping[str, str] | None = None) -> Session:
        assert self.settings is not None
        begun = self.now()
        session = Session(self.settings, name, metadata, self.now)
        self._failure, self._refused, self._refused_at, self._stop_at = "", 0, -1e9, None
        self._losses_at = time.monotonic()
        self._published.clear()
        self._sources.begin(session)
        self._watch = SilenceMonitor(self.settings.silence, _STARTUP_TIMEOUT, time.monotonic)
        for topic in self._image_topics:
            self._watch.add(topic.name)
            self._watch.add(f"{topic.name.rpartition('/image_raw')[0]}/pose", required=False, source=topic.name)
        for topic in (*self._topics, *self._image_topics):
            if topic.into_bag and self.settings.bag:
                session.add_topic(topic.name, topic.msgtype, topic.quality)
        self._session = session
        for topic, data in self._latched.values():  # published before the session, and still valid
            self._record(session, topic, data, self.now())
        while self._recent:  # the event that started it may have arrived before the status that did
            recorded, topic, data = self._recent.popleft()
            if self.settings.start == "experiment" and begun - recorded < _BEFORE:
                self._record(session, topic, data, recorded)
        self.get_logger().info(f"recording to {session.folder}")
        return session

    def _finish(self, reason: str) -> str:
        if self._session is not None:
            self._gathering.handle()
        session, self._session = self._session, None
        self._stop_at = None
        if session is None:
            return ""
        summary = session.finish(reason, self.get_logger().info)
        self._publish_faults(session)
        if session.failure or summary is None:
            self._failure = f"recording to {session.folder} stopped: {session.failure}"
            self.get_logger().error(self._failure)
            return self._failure
        text = (
            f"session {session.folder}: {summary.frames_recorded} frames recorded, {summary.frames_dropped} dropped, "
            f"{summary.frames_with_pose} with a pose, {summary.faults} fault{'' if summary.faults == 1 else 's'}"
        )
        self.get_logger().info(text)
        return text

    def _on_start(self, request: StartRecording.Request, response: StartRecording.Response) -> Any:
        if not self.is_active:
            response.message = "the recorder is not active; activate it first"
        elif self._session is not None:
            response.message = f"a session is already running: {self._session.folder}. Stop it first"
        else:
            try:
                session = self._start(request.name, {item.key: item.value for item in request.metadata})
            except DlstreamError as error:
                self.get_logger().error(str(error))
                response.message = str(error)
            else:
                response.success, response.session = True, str(session.folder)
                response.message = f"recording to {session.folder}"
        return response

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Any:
        if self._session is None:
            response.message = "no session is running"
        else:
            self._last_words.wait(self._gathering.handle)
            response.message = self._finish("the service stop was called")
            response.success = not self._failure
        return response

    # Messages.

    def _on_image(self, topic: Topic, data: bytes, info: Mapping[str, Any]) -> None:
        recorded = self._arrival(info)
        number = self._sources.number(topic.about, info)
        session = self._session
        if session is None:
            return
        self._watch.heard(topic.name)
        message: Any = self._types.store.deserialize_cdr(data, topic.msgtype)
        try:
            image, encoding = _image_of(message)
        except EncodingError as error:
            self._complain(session, topic, str(error))
            return
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        session.add_frame(Frame(topic.about, number, stamp, image, encoding), recorded)
        if topic.into_bag:
            session.add_message(topic.name, data, recorded)

    def _on_frame(self, topic: Topic, frame: Frame, frame_id: str) -> None:
        """Queues a frame of a camera in this process; called in the camera's thread."""
        recorded = self.now()
        session = self._session
        if session is None:
            return
        self._watch.heard(topic.name)
        session.add_frame(frame, recorded)
        if topic.into_bag:
            session.add_message(topic.name, serialize_message(image_to_message(frame, frame_id)), recorded)

    def _arrival(self, info: Mapping[str, Any]) -> int:
        """When a message reached this process, in the node's time: the middleware knows only the computer's."""
        return self.now() if self.in_simulated_time else received(info)

    def on_unmatched(self, topic: str, text: str, deaf: bool) -> None:
        super().on_unmatched(topic, text, deaf)
        if deaf:
            self._sources.unheard(topic, text, self._session)

    def _complain(self, session: Session, topic: Topic, text: str) -> None:
        """Reports images that can't be recorded: each kind once per session."""
        if (session.folder.name, text) not in self._complained:
            self._complained.add((session.folder.name, text))
            session.fault(topic.name, f"not recorded: {text}", {}, topic.about)

    def _on_message(self, topic: Topic, data: bytes, info: Mapping[str, Any]) -> None:
        recorded = self._arrival(info)
        if topic.latched:
            camera = deserialize_message(data, Regions).camera if topic.type is Regions else ""
            self._latched[topic.name, camera] = topic, data
        if topic.type is ExperimentStatus:
            status = deserialize_message(data, ExperimentStatus)
            self._last_words.heard(status.status == ExperimentStatus.RUNNING)
            self._on_status(status)
        if self._session is not None:
            published = 0 if self.in_simulated_time else int(info.get("source_timestamp", 0))
            self._record(self._session, topic, data, recorded, published)
        elif topic.type in _KEPT_BEFORE:
            self._recent.append((recorded, topic, data))

    def _record(self, session: Session, topic: Topic, data: bytes, recorded: int, published: int = 0) -> None:
        if topic.into_bag:
            session.add_message(topic.name, data, recorded)
        if topic.type is CameraInfo:
            return
        message: Any = deserialize_message(data, topic.type)
        if topic.type is FramePoses and not topic.is_truth:
            self._watch.heard(topic.name)
        if topic.type is Event and event_key(event_row(message, recorded)) in self._published:
            return
        add_to_session(session, Arrived(topic, message, recorded, published))

    def _on_status(self, message: ExperimentStatus) -> None:
        """Starts and stops with the experiment, if `start` is `experiment`."""
        if not self.is_active or self.settings is None or self.settings.start != "experiment":
            return
        running = message.status == ExperimentStatus.RUNNING
        if running and self._session is None and not self._failure:
            try:
                self._start()
            except DlstreamError as error:
                self._failure = str(error)
                self.get_logger().error(self._failure)
        elif running:
            self._stop_at = None  # a run that begins before the last one's session is closed belongs in it
        else:
            self._failure = "" if self._session is None else self._failure
            if self._session is not None and self._stop_at is None:
                self._stop_at = time.monotonic() + FINAL_WAIT

    # What it notices.

    def _tick(self) -> None:
        session = self._session
        if session is None:
            oldest = self.now() - _BEFORE
            while self._recent and self._recent[0][0] < oldest:
                self._recent.popleft()
            return
        for change in self._watch.changes():
            camera = next(topic.about for topic in (*self._topics, *self._image_topics) if topic.name == change.topic)
            publishers = self.count_publishers(self.resolve_topic_name(change.topic))
            values = {"seconds": f"{change.seconds:.3f}", "publishers": str(publishers)}
            if change.silent and not publishers:  # its node has ended properly
                session.notice(TOPIC_ENDED, change.topic, "has ended", values, camera)
            elif change.silent:
                session.notice(FAULT, change.topic, f"silent for {change.seconds:.1f} s", values, camera)
            else:
                session.notice(RECOVERED, change.topic, f"back after {change.seconds:.1f} s", values, camera)
        self._sources.look(session)
        if session.refused > self._refused:
            self._refused, self._refused_at = session.refused, time.monotonic()
        if time.monotonic() - self._losses_at > _LOSS_PERIOD:
            self._losses_at = time.monotonic()
            session.report_losses()
        self._publish_faults(session)
        if session.error is not None:
            gives_up = self.settings is not None and self.settings.start != "service"
            if gives_up:  # outputs do not wait for what finishing takes
                self.tell_that_it_ends(str(session.error))
            self._finish("the session could not be written any more")
            if gives_up:
                self._give_up()
        elif self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._finish("the experiment has ended")

    def _give_up(self) -> None:
        """Ends the node, as nothing more can be recorded: its `on_failure` decides whether the rig stops, too."""
        self._publish_diagnosis()
        for publisher in (self._events, self._diagnostics):
            publisher.wait_for_all_acked(Duration(seconds=1))
        self.end(1)

    def _publish_faults(self, session: Session) -> None:
        for row in session.take_faults():
            text = f"{row.name}: {row.values.get('text', '')}"
            if row.kind == FAULT:
                self.get_logger().error(text)
            else:
                self.get_logger().info(text)
            self._published.add(event_key(row))
            self._events.publish(event_message(row))

    def diagnose(self) -> Diagnosis:
        session, settings = self._session, self.settings
        assert settings is not None
        free = free_bytes(settings.directory)
        values: dict[str, object] = {"disk": disk_of(settings.directory), "disk_free": in_gigabytes(free)}
        level, message = Level.OK, "waiting for a session"
        if session is not None:
            status = session.status()
            values |= {
                "session": session.folder,
                "seconds": f"{status.seconds:.1f}",
                "frames_recorded": status.frames_recorded,
                "frames_dropped": status.frames_dropped,
                "poses": status.poses,
                "queue_fill": f"{100 * status.queue_fill:.0f} %",
                "refused": status.refused,
            }
            message = f"recording {session.folder.name}: {status.frames_recorded} frames"
            if status.frames_dropped:
                level, message = Level.WARN, f"{message}, {status.frames_dropped} dropped"
            if status.queue_fill > 0.5:
                level, message = Level.WARN, f"the queue is filling: {100 * status.queue_fill:.0f} %"
            if self._sources.wrong:
                level, message = Level.WARN, f"images of several publishers: {self._sources.wrong}"
            if silent := self._watch.silent:
                level, message = Level.WARN, f"silent: {', '.join(silent)}"
        if free < settings.min_free * 1e9:
            level, message = Level.WARN, f"the disk is nearly full: {in_gigabytes(free)} free"
        if time.monotonic() - self._refused_at < _RECENT:
            level, message = Level.ERROR, f"the queue is full: {self._refused} frames or messages lost"
        if self._failure:
            level, message = Level.ERROR, self._failure
        return Diagnosis(level, message, values)


def _image_of(message: Any) -> tuple[NDArray[Any], str]:
    """The image and encoding of a sensor_msgs/Image or CompressedImage."""
    if hasattr(message, "format"):
        return image_from_compressed(message.data, message.format)
    return image_of_any(RawImage.of(message))


def main() -> None:
    """Entry point of `ros2 run dlstream_recorder recorder`."""
    sys.exit(run_node(RecorderNode))


if __name__ == "__main__":
    main()
