"""A network camera whose stream has no times: each frame is stamped by the arrival of its own data."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
import pytest

from dlstream_camera import Camera
from dlstream_camera.sources.opencv import OpenCVSettings
from dlstream_common import now

BITS, BLOCK, HEIGHT = 8, 8, 48


def picture(number: int) -> np.ndarray:
    """Its number as black and white bars, which survive the compression."""
    bars = [235 if number >> bit & 1 else 16 for bit in range(BITS)]
    return np.broadcast_to(np.repeat(np.uint8(bars), BLOCK)[None, :, None], (HEIGHT, BITS * BLOCK, 3)).copy()


def number_of(image: np.ndarray) -> int:
    return sum(1 << bit for bit in range(BITS) if image[:, bit * BLOCK : (bit + 1) * BLOCK].mean() > 128)


def encoded(reordered: int) -> list[tuple[int, bytes]]:
    """Pictures as raw H.264, each with its number, in the order in which they are sent."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = BITS * BLOCK, HEIGHT, "yuv420p", Fraction(1, 50)
    codec.options = {"bf": str(reordered), "g": "10", "x264-params": "repeat-headers=1:rc-lookahead=5:aud=1:b-adapt=0"}
    packets = []
    for number in range(2**BITS):
        frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24").reformat(format="yuv420p")
        frame.pts = number
        packets += codec.encode(frame)
    return [(packet.pts, bytes(packet)) for packet in [*packets, *codec.encode(None)]]


@contextmanager
def sending(packets: list[tuple[int, bytes]]) -> Iterator[tuple[str, dict[int, int]]]:
    """A camera's address, and when it began to send each picture."""
    sent: dict[int, int] = {}
    over = threading.Event()

    def serve() -> None:
        with server.accept()[0] as connection:
            for number, data in packets:
                if over.is_set():
                    return
                sent[number] = now()
                connection.sendall(data)
                time.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}", sent
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("reordered", [0, 2])
def test_a_frame_of_a_stream_without_times_has_the_stamp_of_its_own_arrival(reordered):
    with sending(encoded(reordered)) as (url, sent):
        camera = Camera("top", OpenCVSettings(device=url))
        camera.open()
        try:
            for shot in itertools.islice(iter(camera.read, None), 100):
                number = number_of(shot.frame.image)
                assert sent[number] <= shot.frame.stamp <= now(), f"picture {number}"
        finally:
            camera.close()
