"""Network cameras: damaged frames, streams that end or fall silent, and what is told of each."""

from __future__ import annotations

import base64
import queue
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from network_camera import HEIGHT, WIDTH, NetworkCamera, jpeg, network_camera
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters

from dlstream_camera.camera import Camera, Shot
from dlstream_camera.sources._base import Notice
from dlstream_camera.sources._connection import Connection, DisconnectedError, Taken
from dlstream_camera.sources._live import LiveReader
from dlstream_camera.sources.opencv import OpenCVSettings
from dlstream_common import SourceError, now
from dlstream_common.ros import EVENT, POSE
from dlstream_msgs.msg import Event, FrameInfo

GARBAGE = b"\xff\xd8" + bytes(4000) + b"\xff\xd9"
CUT_OFF = jpeg(0)[:400]
ZEROS = jpeg(0)[:-100] + bytes(100)
CUT_OFF_WITH_ITS_END = CUT_OFF + b"\xff\xd9"


@pytest.fixture
def server() -> Iterator[NetworkCamera]:
    with network_camera() as camera:
        yield camera


class Watched:
    """An open camera with what it tells."""

    def __init__(self, **settings: object) -> None:
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.camera = Camera("top", OpenCVSettings.model_validate(settings), self.notices.put)
        self.format = self.camera.open()

    def notice(self) -> Notice:
        """The next one, while frames are read on."""
        while self.notices.empty():
            self.camera.read()
        return self.notices.get()

    def told(self, *ignored: str) -> Notice:
        """The next one of another kind than these, while no frames are read."""
        while (notice := self.notices.get()).kind in ignored:
            pass
        return notice

    def shots_until_dropped(self, count: int) -> list[Shot]:
        shots = [self.camera.read()]
        while shots[-1].dropped < count:
            shots.append(self.camera.read())
        return shots


@pytest.fixture
def watch() -> Iterator[object]:
    opened: list[Watched] = []

    def make(**settings: object) -> Watched:
        opened.append(Watched(**settings))
        return opened[-1]

    yield make
    for one in opened:
        one.camera.close()


@pytest.mark.parametrize(
    "damaged", [GARBAGE, CUT_OFF, CUT_OFF_WITH_ITS_END, ZEROS], ids=["garbage", "cut", "cut, ended", "zeros"]
)
def test_one_damaged_frame_is_one_lost_frame_told_with_its_number(server, watch, damaged):
    watched = watch(device=server.url)
    assert (watched.format.width, watched.format.height) == (WIDTH, HEIGHT)
    watched.camera.read()
    server.send(damaged)
    shots = watched.shots_until_dropped(1)
    notice = watched.notice()
    (number,) = server.odd
    assert notice.kind == "frames_lost"
    assert f"frame {number} is lost: it can't be decoded" in notice.text
    assert notice.values == {
        "frames": "1",
        "first_frame": str(number),
        "last_frame": str(number),
        "how": "damaged",
    }
    assert watched.camera.state().lost == {"damaged": 1}
    assert (shots[-1].frame_number, shots[-1].dropped) == (number + 1, 1)
    assert [shot.frame.sequence for shot in shots] == list(range(1, len(shots) + 1))
    assert abs(float(shots[-1].frame.image[2].mean()) - (40 + number + 1)) < 3, "each number is that of its picture"
    assert server.connections == 1


def test_a_frame_of_another_size_is_one_lost_frame(server, watch):
    watched = watch(device=server.url)
    watched.camera.read()
    server.send(jpeg(0, 32, 48))
    shots = watched.shots_until_dropped(1)
    notice = watched.notice()
    (number,) = server.odd
    assert notice.kind == "frames_lost"
    assert f"frame {number} is lost: it is 32x48; expected {WIDTH}x{HEIGHT}, as the first frame" in notice.text
    assert (shots[-1].frame_number, shots[-1].dropped) == (number + 1, 1)
    assert all(shot.frame.image.shape[:2] == (HEIGHT, WIDTH) for shot in shots)


def test_many_damaged_frames_are_told_together(server, watch):
    watched = watch(device=server.url)
    watched.camera.read()
    for number in range(60):
        server.send(GARBAGE[: 500 + number])  # one fault, whatever the number of bytes
    watched.shots_until_dropped(60)
    told, notices = 0, 0
    while told < 60:
        told, notices = told + int(watched.notice().values["frames"]), notices + 1
    assert told == 60
    assert notices < 30


def test_a_stream_that_ends_is_connected_again(server, watch):
    watched = watch(device=server.url, reconnect=0.05)
    last = watched.camera.read()
    server.send(None)
    gone, back = watched.notice(), watched.notice()
    assert gone.kind == "disconnected"
    assert "the stream has ended" in gone.text
    assert "reconnecting every 0.05 s" in gone.text
    assert back.kind == "reconnected"
    after = watched.camera.read()
    assert after.frame.sequence > last.frame.sequence
    assert after.frame_number > last.frame_number
    assert server.connections == 2


def test_it_is_tried_until_the_camera_is_back(server, watch):
    watched = watch(device=server.url, reconnect=0.05)
    watched.camera.read()
    server.refuse = True
    server.send(None)
    threading.Thread(target=_forgive, args=(server, 4)).start()
    assert watched.notice().kind == "disconnected"
    why = watched.notice()
    assert why.kind == "remark"
    assert "can't be reconnected yet: " in why.text
    back = watched.notice()
    assert back.kind == "reconnected", "a reason is told once"
    assert int(back.values["attempts"]) >= 3


def _forgive(server: NetworkCamera, connections: int) -> None:
    while server.connections < connections:
        threading.Event().wait(0.01)
    server.refuse = False


def test_a_stream_that_falls_silent_is_connected_again(server, watch):
    watched = watch(device=server.url, reconnect=0.05, silence=0.3)
    watched.camera.read()
    server.running.clear()
    gone = watched.told("frames_lost")  # which nobody reads here
    server.running.set()
    assert gone.kind == "disconnected"
    assert "the stream is silent: no data came for 0.3 s" in gone.text
    assert watched.told("frames_lost", "remark").kind == "reconnected", "at once, or after a remark where it was slow"


def test_without_reconnect_the_end_of_the_stream_is_an_error(server, watch):
    watched = watch(device=server.url, reconnect=0)
    watched.camera.read()
    server.send(None)
    with pytest.raises(SourceError, match=r"the stream has ended.* With `reconnect: 2`"):
        list(iter(watched.camera.read, None))


def test_reconnecting_is_the_default_for_urls_alone():
    assert OpenCVSettings(device="rtsp://camera/1").reconnect_every == 2.0
    assert OpenCVSettings(device="0").reconnect_every == 0.0
    assert OpenCVSettings(device="0", reconnect=3.0).reconnect_every == 3.0


def test_stop_wakes_a_read_that_waits_and_reading_can_begin_again(server, watch):
    watched = watch(device=server.url, silence=60.0)
    watched.camera.read()
    server.running.clear()
    ended: list[object] = []
    thread = threading.Thread(target=lambda: ended.append(list(iter(watched.camera.read, None))))
    thread.start()
    while thread.is_alive():
        watched.camera.stop()
        thread.join(0.05)
    server.running.set()
    assert isinstance(watched.camera.read(), Shot)


def test_frames_from_before_the_run_are_not_given(server, watch, wait_for):
    watched = watch(device=server.url)
    server.send(GARBAGE)
    wait_for(lambda: server.odd and server.sent > server.odd[0] + 50, "frames after the odd one")
    shot = watched.camera.read()
    assert shot.frame_number > server.odd[0]
    assert (shot.frame.sequence, shot.dropped) == (0, 0)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1/", "Connection refused"),
        ("nonsense://127.0.0.1/", "Protocol not found"),
    ],
)
def test_a_camera_that_is_not_there_is_refused_with_the_reason(url, told):
    with pytest.raises(SourceError, match=rf"can't be opened \({told}\).*Is the camera on"):
        Camera("top", OpenCVSettings(device=url)).open()


def test_a_file_is_no_camera(tmp_path):
    file = tmp_path / "mouse.avi"
    file.write_bytes(b"RIFF")
    with pytest.raises(SourceError, match="For a video: `source: video`"):
        Camera("top", OpenCVSettings(device=str(file))).open()


class Device(Connection):
    """A camera on a cable."""

    name, fps = "device", 30.0
    plugged_in = True

    def read(self) -> Taken:
        threading.Event().wait(0.001)
        if not self.plugged_in:
            raise DisconnectedError("the camera was unplugged: /dev/video0 is gone")
        return Taken(np.zeros((HEIGHT, WIDTH, 3), np.uint8), now())

    def close(self) -> None:
        pass


def test_an_unplugged_camera_is_told_as_such_and_taken_up_again_where_that_is_asked_for():
    device, told = Device(), queue.SimpleQueue()

    def connect() -> Device:
        if not device.plugged_in:
            raise SourceError("no such camera")
        return device

    reader = LiveReader("0", connect, 0.01, told.put)
    reader.open()
    reader.read()
    device.plugged_in = False
    gone = told.get()
    assert gone.kind == "disconnected"
    assert "the camera was unplugged: /dev/video0 is gone" in gone.text
    why = told.get()
    assert (why.kind, why.text) == ("remark", "camera '0': can't be reconnected yet: no such camera")
    device.plugged_in = True
    assert told.get().kind == "reconnected"
    assert reader.read() is not None
    reader.close()


@pytest.mark.slow
def test_the_node_tells_it_as_events_and_in_diagnostics(server, start_node, observer, wait_for):
    events = observer.collect(Event, "/experiment/events", EVENT)
    infos = observer.collect(FrameInfo, "/top/frame_info", POSE)
    reports = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node("dlstream_camera.node", namespace="/top", source="opencv", device=server.url, reconnect=0.1)

    def told() -> list[tuple[Event, dict[str, str]]]:
        """Its events with their values, but for frames that a busy machine was too slow for."""
        found = [(event, {pair.key: pair.value for pair in event.values}) for event in list(events)]
        return [(event, values) for event, values in found if values.get("how") not in ("slow", "skipped")]

    wait_for(lambda: infos, "a frame")
    server.send(GARBAGE)
    wait_for(told, "the lost frame's event")
    server.send(None)
    wait_for(lambda: len(told()) >= 3, "the events of the reconnection")
    kinds = [(event.kind, event.name, event.camera) for event, _ in told()]
    assert kinds == [(kind, "/top/camera", "top") for kind in ("fault", "fault", "recovered")]
    texts = [values["text"] for _, values in told()]
    assert f"frame {server.odd[0]} is lost" in texts[0]
    assert "the stream has ended" in texts[1]
    assert "reconnected" in texts[2]

    def values() -> dict[str, str]:
        return {pair.key: pair.value for pair in reports[-1].status[0].values} if reports else {}

    wait_for(
        lambda: (values().get("lost_damaged"), values().get("reconnects")) == ("1", "1"), "both in the diagnostics"
    )
    assert int(values()["dropped"]) >= 1
    wait_for(lambda: infos[-1].dropped >= 1, "the loss in frame_info")
    server.running.clear()
    assert node.end() == 0, node.output


def test_a_password_goes_to_the_camera_and_nowhere_else(server, start_node, observer, wait_for):
    told = observer.collect(ParameterEvent, "/parameter_events", 1000)
    reports = observer.collect(DiagnosticArray, "/diagnostics", 10)
    events = observer.collect(Event, "/experiment/events", EVENT)
    server.needs_password = True
    url = server.url.replace("http://", "http://operator:Hunter2!@")
    shown = server.url.replace("http://", "http://operator:***@")
    node = start_node(
        "dlstream_camera.node", namespace="/top", source="opencv", device=url, reconnect=0.1, silence=60.0
    )
    wait_for(lambda: reports and reports[-1].status[0].hardware_id == shown, "the masked URL in the diagnostics")
    request = GetParameters.Request(names=["device"])
    assert observer.call(GetParameters, "/top/camera/get_parameters", request).values[0].string_value == shown
    server.send(None)
    wait_for(lambda: len(events) >= 2, "the reconnection")
    assert node.end() == 0
    given = {base64.b64decode(item.removeprefix("Basic ")) for item in server.authorizations if item}
    assert given == {b"operator:Hunter2!"}, "FFmpeg asks without a password first, each time"
    assert shown in node.output
    assert "Hunter2" not in node.output + "".join(map(str, [*told, *reports, *events]))


def test_a_url_whose_password_was_left_out_is_refused():
    with pytest.raises(SourceError, match=r"found \*\*\* in place of the password"):
        Camera("top", OpenCVSettings(device="rtsp://operator:***@127.0.0.1/cam")).open()
