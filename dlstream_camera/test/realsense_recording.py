"""A RealSense without one: pictures of ours go through librealsense's own recorder into a file that it plays.

A pipeline can't see a software device, but it plays what `rs.recorder` has recorded from one.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyrealsense2 as rs
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS = 64, 48, 30
SERIAL = "12345678"
PATIENCE = 300.0

Picture = Callable[[int], NDArray[Any]]


def noise(channels: int, kind: type[np.uint8] | type[np.uint16], size: tuple[int, int]) -> Picture:
    """Other pixels in each picture, over the whole range."""

    def picture(number: int) -> NDArray[Any]:
        shape = (size[1], size[0]) if channels == 1 else (size[1], size[0], channels)
        return np.random.default_rng((channels, number)).integers(0, np.iinfo(kind).max + 1, shape, kind)

    return picture


@dataclass
class Stream:
    """A stream of the device.

    Attributes:
        every: it has a picture in every one, second, ... moment only.
    """

    kind: Any
    index: int
    form: Any
    picture: Picture
    every: int = 1
    size: tuple[int, int] = (WIDTH, HEIGHT)
    focal: float = 60.0
    coefficients: tuple[float, ...] = (0.0,) * 5


def color(**changes: Any) -> Stream:
    size = changes.get("size", (WIDTH, HEIGHT))
    return Stream(rs.stream.color, 0, rs.format.bgr8, changes.pop("picture", noise(3, np.uint8, size)), **changes)


def depth(**changes: Any) -> Stream:
    size = changes.get("size", (WIDTH, HEIGHT))
    return Stream(rs.stream.depth, 0, rs.format.z16, changes.pop("picture", noise(1, np.uint16, size)), **changes)


def infrared(index: int = 1, **changes: Any) -> Stream:
    size = changes.get("size", (WIDTH, HEIGHT))
    return Stream(rs.stream.infrared, index, rs.format.y8, changes.pop("picture", noise(1, np.uint8, size)), **changes)


def record(
    path: Path,
    count: int,
    streams: tuple[Stream, ...],
    units: float = 0.001,
    skip: tuple[int, ...] = (),
    domain: Any = rs.timestamp_domain.hardware_clock,
) -> Path:
    """Records moments 0 to count - 1, FPS of them a second by their stamps; those in `skip` are lost by the device."""
    device = rs.software_device()
    device.register_info(rs.camera_info.name, "Intel RealSense D435")
    device.register_info(rs.camera_info.serial_number, SERIAL)
    stereo, rgb = device.add_sensor("Stereo Module"), device.add_sensor("RGB Camera")
    stereo.add_read_only_option(rs.option.depth_units, units)
    profiles = []
    for number, stream in enumerate(streams):
        sensor = rgb if stream.kind == rs.stream.color else stereo
        profiles.append((sensor, sensor.add_video_stream(_video_stream(stream, number))))
    for _, one in profiles:
        for _, other in profiles:
            if one is not other:
                one.register_extrinsics_to(other, _same_place())
    recorder, queue = rs.recorder(str(path), device), rs.frame_queue(16)
    sensors = recorder.query_sensors()
    of_stereo = [profile for sensor, profile in profiles if sensor is stereo]
    of_rgb = [profile for sensor, profile in profiles if sensor is rgb]
    opened = [(sensor, each) for sensor, each in zip(sensors, (of_stereo, of_rgb), strict=True) if each]
    for sensor, each in opened:
        sensor.open(each)
        sensor.start(queue)
    for number in (number for number in range(count) if number not in skip):
        for stream, (sensor, profile) in zip(streams, profiles, strict=True):
            if number % stream.every == 0:
                sensor.on_video_frame(_frame(stream, profile, number, units, domain))
                _wait(queue)
    for sensor, _ in opened:
        sensor.stop()
        sensor.close()
    del recorder, sensors, opened, sensor
    gc.collect()  # the file is complete when the recorder is gone
    return path


def frames(domain: Any, milliseconds: float) -> Iterator[Any]:
    """A frame of librealsense as it comes from a device, with this stamp."""
    device = rs.software_device()
    sensor = device.add_sensor("Stereo Module")
    profile = sensor.add_video_stream(_video_stream(depth(), 0))
    queue = rs.frame_queue(16)
    sensor.open(profile)
    sensor.start(queue)
    frame = _frame(depth(), profile, 1, 0.001, domain)
    frame.timestamp = milliseconds
    sensor.on_video_frame(frame)
    yield _wait(queue)
    sensor.stop()
    sensor.close()


def _wait(queue: Any) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if frame := queue.poll_for_frame():
            return frame
        time.sleep(0.0005)
    raise AssertionError("the recorder takes no frame")


def _frame(stream: Stream, profile: Any, number: int, units: float, domain: Any) -> Any:
    pixels = np.ascontiguousarray(stream.picture(number))
    frame = rs.software_video_frame()
    frame.bpp = pixels.itemsize * (1 if pixels.ndim == 2 else pixels.shape[2])
    frame.stride = stream.size[0] * frame.bpp
    frame.timestamp, frame.domain, frame.frame_number = 1000.0 * number / FPS, domain, number // stream.every
    frame.profile, frame.pixels = profile.as_video_stream_profile(), pixels
    if stream.kind == rs.stream.depth:
        frame.depth_units = units
    return frame


def _video_stream(stream: Stream, uid: int) -> Any:
    video = rs.video_stream()
    video.type, video.index, video.uid = stream.kind, stream.index, uid
    video.width, video.height, video.fps, video.fmt = *stream.size, FPS // stream.every, stream.form
    video.bpp = {rs.format.bgr8: 3, rs.format.rgb8: 3, rs.format.z16: 2}.get(stream.form, 1)
    lens = rs.intrinsics()
    lens.width, lens.height, lens.fx, lens.fy = *stream.size, stream.focal, stream.focal
    lens.ppx, lens.ppy = stream.size[0] / 2, stream.size[1] / 2
    lens.model, lens.coeffs = rs.distortion.brown_conrady, list(stream.coefficients)
    video.intrinsics = lens
    return video


def _same_place() -> Any:
    place = rs.extrinsics()
    place.rotation, place.translation = [1, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0]
    return place
