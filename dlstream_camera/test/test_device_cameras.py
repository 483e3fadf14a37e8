"""What all cameras with a library of their own share: numbers, stamps, waiting, silence, and what was asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_camera.connected import connected
from dlstream_camera.sources import SOURCES, Device, Notice, SourceState
from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_camera.sources._device import DeviceSettings, DeviceSource, read_back, the_device
from dlstream_camera.sources._device_stamps import DeviceStamps
from dlstream_camera.sources._frame_numbers import FrameNumbers
from dlstream_camera.sources._live import LiveReader
from dlstream_common import SourceError, now

IMAGE = np.zeros((48, 64, 3), np.uint8)
MS = 10**6
PATIENCE = 60.0


class Scripted(Connection):
    """A connection that delivers what a test put into `script`, then nothing."""

    name, hardware_id, size = "made up", "0815", (64, 48)

    def __init__(self, script: Sequence[object], waits_for: str = "", silence: float = 0.0) -> None:
        self.script: queue.SimpleQueue[object] = queue.SimpleQueue()
        for item in script:
            self.script.put(item)
        self.waits_for, self.silence = waits_for, silence
        self.closed = False

    def read(self) -> Taken | None:
        try:
            item = self.script.get(timeout=0.01)
        except queue.Empty:
            return None
        if isinstance(item, Exception):
            raise item
        assert isinstance(item, Taken)
        return item

    def close(self) -> None:
        self.closed = True


class ScriptedSource(DeviceSource[DeviceSettings]):
    connections: ClassVar[list[Connection]] = []

    def connect(self) -> Connection:
        if not self.connections:
            raise SourceError("no such camera")
        return self.connections.pop(0)


def taken(missed: int = 0, skipped: int = 0) -> Taken:
    return Taken(IMAGE, now(), missed, skipped)


@pytest.fixture
def opened() -> Iterator[object]:
    sources: list[ScriptedSource] = []

    def make(*connections: Connection, **settings: object) -> tuple[ScriptedSource, queue.SimpleQueue[Notice]]:
        source = ScriptedSource(DeviceSettings.model_validate(settings))
        source.connections[:] = connections
        told: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        source.on_notice = told.put
        sources.append(source)
        return source, told

    yield make
    for source in sources:
        source.close()


def begin(source: ScriptedSource) -> None:
    """Waits until the run has begun: frames from before are thrown away."""
    threading.Thread(target=source.read, daemon=True).start()
    while not source._reader._wanted:
        threading.Event().wait(0.001)


def test_losses_are_counted_apart_and_each_is_told(opened):
    connection = Scripted([taken()])
    source, told = opened(connection)
    source.open()
    begin(source)
    for item in (
        taken(missed=3),
        DamagedFrameError("2 of 30 packets are missing", "failed", missed=1),
        taken(skipped=2),
        DamagedFrameError("no JPEG", "damaged"),
        taken(),
    ):
        connection.script.put(item)
    captures = [source.read()]
    while captures[-1].dropped < 8:
        captures.append(source.read())
    assert source.state().lost == {"missed": 4, "failed": 1, "skipped": 2, "damaged": 1}
    numbers = [capture.frame_number for capture in captures]
    assert numbers[-1] - 1 == 1 + 3 + 1 + 1 + 1 + 2 + 1 + 1 - 1, "every frame of the camera has its number"
    texts: list[Notice] = []
    while sum(int(notice.values["frames"]) for notice in texts) < 8:
        texts.append(told.get(timeout=PATIENCE))
    assert {notice.values["how"] for notice in texts} == {"missed", "failed", "skipped", "damaged"}
    assert any("it came incomplete (2 of 30 packets are missing)" in notice.text for notice in texts)


def test_waiting_for_a_trigger_is_a_state_and_no_error(opened):
    connection = Scripted([], waits_for="a trigger on Line1", silence=0.02)
    source, told = opened(connection)
    delivered = source.open()
    assert (delivered.width, delivered.height) == (64, 48), "known without a first frame"
    assert source.state().waiting == "a trigger on Line1"
    begin(source)
    threading.Event().wait(0.2)
    assert source.state().waiting == "a trigger on Line1"
    assert told.empty()
    for _ in range(3):
        connection.script.put(taken())
    assert source.read() is not None


@pytest.mark.parametrize("filling", [None, DamagedFrameError("2 packets are missing", "failed")])
def test_no_good_frame_and_no_error_has_a_limit(opened, filling):
    connection = Scripted([taken()], silence=1.0)
    source, _ = opened(connection)
    source.open()
    stop = threading.Event()

    def fill() -> None:
        while filling is not None and not stop.wait(0.01):
            connection.script.put(filling)

    threading.Thread(target=fill, daemon=True).start()
    what = "no frame and no error" if filling is None else r"only frames that can't be used \(2 packets are missing\)"
    try:
        with pytest.raises(SourceError, match=rf"has delivered {what} for 1 s.*With `reconnect: 2`"):
            list(iter(source.read, None))
    finally:
        stop.set()


def test_a_camera_that_opens_and_never_delivers_is_refused(opened):
    connection = Scripted([], silence=0.1)
    source, _ = opened(connection)
    with pytest.raises(SourceError, match=r"opened, but found no image .*no frame and no error for"):
        source.open()
    assert connection.closed


def test_unplugged_is_told_and_the_run_goes_on_when_the_camera_is_back(opened):
    first, second = Scripted([taken()], silence=5), Scripted([taken(), taken()], silence=5)
    source, told = opened(first, second, reconnect=0.01)
    source.open()
    begin(source)
    first.script.put(DisconnectedError("it was unplugged"))
    assert source.read() is not None
    assert [told.get().kind, told.get().kind] == ["disconnected", "reconnected"]
    assert first.closed


def test_an_attempt_that_fails_in_any_way_is_told_once_and_not_the_last_one():
    """A maker's library raises errors of its own, as while a device is only coming back."""
    camera, told = Scripted([taken()]), queue.SimpleQueue()
    hung = [SourceError(f"it sent nothing for 5.{tenths} s") for tenths in range(3)]
    attempts: list[object] = [camera, RuntimeError("failed to set power state"), *hung, Scripted([taken()])]

    def connect() -> Connection:
        answer = attempts.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Connection)
        return answer

    reader = LiveReader("0815", connect, 0.01, told.put)
    reader.open()
    camera.script.put(DisconnectedError("it was unplugged"))
    notices = [told.get(timeout=PATIENCE) for _ in range(4)]
    assert [notice.kind for notice in notices] == ["disconnected", "remark", "remark", "reconnected"]
    assert "RuntimeError('failed to set power state')" in notices[1].text
    assert "it sent nothing for 5.0 s" in notices[2].text
    assert notices[3].values["attempts"] == "5"
    reader.close()


def test_a_kind_whose_devices_cant_be_listed_hides_no_other(monkeypatch):
    def failing(cls: type) -> Sequence[Device]:
        raise RuntimeError("failed to set power state")

    monkeypatch.setattr(SOURCES.load("opencv"), "devices", classmethod(failing))
    listed = {name: problem for name, _, problem in connected()}
    assert listed["opencv"] == "its devices can't be listed: RuntimeError('failed to set power state')"
    assert set(listed) >= {"basler", "genicam", "realsense"}


def test_unplugged_ends_the_run_unless_the_rig_says_otherwise(opened):
    source, _ = opened(Scripted([taken(), DisconnectedError("it was unplugged")]))
    source.open()
    with pytest.raises(SourceError, match="it was unplugged, after 1 frames"):
        list(iter(source.read, None))


@given(st.integers(1, 64), st.sampled_from([0, 1]), st.lists(st.integers(1, 500), max_size=30), st.data())
def test_gaps_in_a_devices_numbers_are_found_across_wraps(bits, first, steps, data):
    period = 2**bits - first
    steps = [min(step, max(1, period // 2)) for step in steps]
    numbers = FrameNumbers(bits, first)
    place = data.draw(st.integers(0, period - 1))
    assert numbers.missed(place + first) == 0
    for step in steps:
        place = (place + step) % period
        expected = step - 1 if 0 < step % period <= period // 2 else 0
        assert numbers.missed(place + first) == expected


def test_a_device_that_counts_anew_has_lost_nothing():
    numbers = FrameNumbers(64)
    assert [numbers.missed(it) for it in (10**12, 10**12 + 1, 0, 1, 5, 5)] == [0, 0, 0, 0, 3, 0]


def test_a_frame_without_its_number_is_not_missing_later():
    numbers = FrameNumbers(16, first=1)
    numbers.missed(65535)
    numbers.count_one()
    assert numbers.missed(2) == 0
    assert numbers.missed(4) == 1


def test_stamps_are_the_devices_own_and_in_order():
    told: list[Notice] = []
    stamps = DeviceStamps("exposure", told.append, delay_bound=10 * MS)
    random = np.random.default_rng(3)
    given, at = [], now()
    for number in range(500):
        exposed = at + number * 2 * MS
        given.append(
            stamps.stamp(77 * 10**9 + number * 2 * MS, exposed + 5 * MS + int(random.exponential(4 * MS)), 5 * MS)
        )
        if number > 50:
            assert abs(given[-1] - exposed) < 1 * MS
    assert given == sorted(set(given))
    assert stamps.source == "exposure"
    assert 10 * MS <= stamps.uncertainty < 11 * MS
    assert told == []


def test_without_a_device_time_the_stamp_is_the_arrival():
    stamps = DeviceStamps("exposure", pytest.fail)
    arrived = now()
    assert stamps.stamp(0, arrived) == arrived
    assert stamps.source == "arrival"
    assert stamps.uncertainty is None


def test_a_device_time_that_cant_be_true_is_told_and_not_used():
    told: list[Notice] = []
    stamps = DeviceStamps("device", told.append)
    at = now()
    for number in range(100):
        stamps.stamp(10**9 + number * 10 * MS, at + number * 10 * MS)
    for number in range(100, 150):  # its clock has stopped
        assert (
            stamps.stamp(10**9 + 100 * 10 * MS, at + number * 10 * MS + 2000 * MS) == at + number * 10 * MS + 2000 * MS
        )
    assert stamps.source == "arrival"
    assert [notice.kind for notice in told] == ["clock"]


def test_a_device_that_can_be_asked_is_mapped_by_round_trips():
    begun = now()
    stamps = DeviceStamps("exposure", pytest.fail, latch=lambda: now() - begun + 5 * 10**9)
    exposed = now()
    stamp = stamps.stamp(exposed - begun + 5 * 10**9, now() + 30 * MS)
    assert abs(stamp - exposed) <= stamps.uncertainty + 1000
    assert stamps.source == "exposure"


DEVICES = [Device("basler", "0815-0000", "acA640"), Device("basler", "0815-0001", "acA1300")]


def test_a_device_is_found_by_its_serial_or_as_the_only_one():
    assert the_device("0815-0001", DEVICES, "basler").model == "acA1300"
    assert the_device("", DEVICES[:1], "basler").serial == "0815-0000"
    assert DeviceSettings.model_validate({"serial": 21565643}).serial == "21565643"
    for serial, devices, text in (
        ("", [], "found no basler camera; expected one. Is it plugged in"),
        ("17", [], "expected the one with serial 17"),
        ("", DEVICES, r"serial: found none, and 2 basler cameras; expected one of 0815-0000 \(acA640\), 0815-0001"),
        ("0815-0002", DEVICES, r"found '0815-0002'; expected one of those connected: .* Did you mean '0815-000"),
    ):
        with pytest.raises(SourceError, match=text):
            the_device(serial, devices, "basler")


def test_what_the_camera_did_not_set_as_asked_is_refused_and_rounding_is_told():
    rounded = read_back("exposure", 5000, 4998.5, "us")
    assert (rounded.asked, rounded.found, rounded.differs) == ("5000 us", "4998.5 us", True)
    assert not read_back("pixel_format", "Mono8", "Mono8").differs
    assert not read_back("gain", None, 3.0).differs
    with pytest.raises(SourceError, match="exposure: asked for 5000 us, and the camera set 10 us"):
        read_back("exposure", 5000, 10, "us")
    with pytest.raises(SourceError, match="pixel_format: asked for RGB8"):
        read_back("pixel_format", "RGB8", "Mono8")


def test_a_source_that_says_nothing_has_a_state():
    assert SourceState() == SourceState("", {}, "arrival", None)
