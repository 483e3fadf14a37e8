"""A video in a camera's place: its own times, its lost frames, and what is told of it before a run."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image

from dlstream_camera import Camera
from dlstream_camera.sources.video import VideoSettings
from dlstream_common.ros import EVENT, POSE, image_qos
from dlstream_msgs.msg import Event, FrameInfo

MODULE = "dlstream_camera.node"


def shots_of(settings: VideoSettings, notices: list) -> list:
    camera = Camera("top", settings, notices.append)
    camera.open()
    try:
        return list(iter(camera.read, None))
    finally:
        camera.close()


@pytest.fixture
def clip_with_losses(clip, tmp_path: Path) -> Path:
    """A video of 50 frames; 20 and 49 can't be decoded."""
    path, _ = clip
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for number in (20, 49):
        place, size = packets[number]
        content[place : place + size] = bytes(size)
    damaged = tmp_path / "losses.avi"
    damaged.write_bytes(content)
    return damaged


def write_stack(path: Path, pictures: list[np.ndarray]) -> Path:
    cv2.imwritemulti(str(path), pictures)
    return path


def test_a_lost_frame_is_reported_by_its_number_and_the_rest_goes_on(clip_with_losses):
    notices = []
    shots = shots_of(VideoSettings(path=clip_with_losses, pace=False), notices)
    assert [shot.frame_number for shot in shots] == [number for number in range(49) if number != 20]
    assert [shot.dropped for shot in shots] == [0] * 20 + [1] * 28
    lost = [notice for notice in notices if notice.kind == "frames_lost"]
    assert [notice.values["first_frame"] for notice in lost] == ["20", "49"]
    assert "its data is damaged" in lost[0].text


def test_the_node_tells_lost_frames_as_faults_and_counts_them_to_the_last(
    start_node, observer, wait_for, clip_with_losses
):
    infos = observer.collect(FrameInfo, "/top/frame_info", POSE)
    events = observer.collect(Event, "/experiment/events", EVENT)
    observer.collect(Image, "/top/image_raw", image_qos(100))  # last: the camera waits for this one alone
    node = start_node(MODULE, namespace="/top", source="video", path=clip_with_losses, wait_for=1)
    assert node.wait() == 0, node.output
    wait_for(lambda: infos and infos[-1].dropped == 2, "the count of both")
    wait_for(lambda: len(events) == 2, "both faults")
    assert {event.kind for event in events} == {Event.FAULT}


def test_a_picture_that_goes_is_an_event_of_the_run(start_node, observer, wait_for, tmp_path):
    right = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    path = write_stack(tmp_path / "stack.tif", [right] * 3 + [right * 0] * 4 + [right] * 3)
    events = observer.collect(Event, "/experiment/events", EVENT)
    observer.collect(Image, "/top/image_raw", image_qos(100))  # last: the camera waits for this one alone
    node = start_node(MODULE, namespace="/top", source="video", path=path, fps=10.0, wait_for=1)
    assert node.wait() == 0, node.output
    wait_for(lambda: len(events) == 2, "both events")
    assert [event.kind for event in events] == ["fault", "recovered"]
    values = [{pair.key: pair.value for pair in event.values} for event in events]
    assert "a black picture from frame 3 on" in values[0]["text"]
    assert (values[1]["first_frame"], values[1]["last_frame"], values[1]["count"]) == ("3", "6", "4")


def test_frames_come_at_their_own_times(tmp_path):
    """Never earlier than the file says, whatever the machine does; how much later is not tested."""
    path, due = tmp_path / "gap.mkv", np.array([0.0, 0.05, 0.1, 0.6, 0.65])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "bgr0"
        for seconds in due:
            frame = av.VideoFrame.from_ndarray(np.eye(64, dtype=np.uint8)[..., None].repeat(3, 2) * 200, "bgr24")
            frame = frame.reformat(format="bgr0")
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    stamps = np.array([shot.frame.stamp for shot in shots_of(VideoSettings(path=path), [])])
    waited = np.diff(stamps) / 1e9
    assert waited.sum() >= 0.65 * 0.98
    assert waited[2] >= 0.4, "the gap"


def test_a_wait_for_a_late_frame_ends_by_stop_and_the_frame_comes_afterwards(tmp_path):
    path = write_stack(tmp_path / "stack.tif", [np.eye(64, dtype=np.uint8) * 200] * 2)
    camera = Camera("top", VideoSettings(path=path, fps=0.0005))
    camera.open()
    assert camera.read() is not None
    ended = threading.Event()

    def read() -> None:
        assert camera.read() is None
        ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    while not ended.wait(0.05):
        camera.stop()
    thread.join()
    camera.close()


@pytest.mark.parametrize(
    ("pictures", "said", "times"),
    [
        ([np.zeros((64, 64), np.uint8)] * 12, "a black picture", 2),  # where it begins, and at the end
        ([np.eye(64, dtype=np.uint16) * 2600], "the brightest value is 2600 of 65535", 1),
    ],
)
def test_a_picture_that_can_not_be_right_is_told(pictures, said, times, tmp_path):
    path = write_stack(tmp_path / "stack.tif", pictures)
    [warning] = [problem for problem in VideoSettings(path=path, fps=30).check() if problem.is_warning]
    assert said in warning.found
    notices = []
    shots_of(VideoSettings(path=path, pace=False, fps=30), notices)
    assert [said in notice.text for notice in notices] == [True] * times
    assert {notice.kind for notice in notices} == {"picture"}


def test_a_picture_that_goes_and_comes_back_is_noticed_with_its_frames(tmp_path):
    right = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    path = write_stack(tmp_path / "stack.tif", [right] * 3 + [right * 0] * 4 + [right] * 2)
    notices = []
    shots_of(VideoSettings(path=path, pace=False, fps=30), notices)
    assert [notice.kind for notice in notices] == ["picture", "picture_back"]
    assert "a black picture from frame 3 on" in notices[0].text
    assert "from frame 7 on, after 4 frames" in notices[1].text
    assert notices[1].values["last_frame"] == "6"
