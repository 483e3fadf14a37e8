"""Frames of a camera, by Aravis."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlstream_camera.sources._aravis import AravisError, Device, function, unref

_POINTER, _TEXT, _INT, _UINT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_size_t
_NO_PACKET_SOCKET = 1
_NEVER = 0  # of ArvGvPacketSizeAdjustment
_FRAMES_IN_KERNEL = 4
_LEAST_BUFFERS, _MOST_BUFFERS, _MEMORY = 8, 60, 200_000_000
_G_TYPE_INT = 6 << 2
DAMAGED = {
    -1: "its state is unknown",
    2: "packets of it are missing",
    3: "packets of it are missing",
    4: "packets of it have wrong numbers",
    5: "it is larger than announced",
    7: "it was not finished",
}


@dataclass(frozen=True, slots=True)
class Buffer:
    """A frame as the camera sent it.

    Attributes:
        data: its bytes, a copy; empty if it is damaged.
        damage: why it can't be used; empty if it can.
        frame_id: the camera's number; unknown, 0, if it is damaged.
        device_time: by the camera's clock, nanoseconds.
        arrival: when its first packet arrived, nanoseconds since the epoch.
    """

    data: NDArray[np.uint8]
    damage: str = ""
    pixel_format: int = 0
    width: int = 0
    height: int = 0
    padding: int = 0
    frame_id: int = 0
    device_time: int = 0
    arrival: int = 0


class _GValue(ctypes.Structure):
    _fields_ = [("type", _SIZE), ("data", ctypes.c_uint64 * 2)]


class Stream:
    """The frames of an open camera, from `start` to `close`.

    Attributes:
        payload: bytes of a frame.

    Raises:
        AravisError: it can't be created; another program may have the camera.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._started = False
        if device.is_gige:
            # A packet socket keeps packets for up to 5 ms, and only root may have one.
            device.set_option("gv_set_stream_options", _NO_PACKET_SOCKET)
            device.set_option("gv_set_packet_size_adjustment", _NEVER)
        self._stream: int = device.do("create_stream", _POINTER, (_POINTER, None), (_POINTER, None))
        self.payload: int = device.do("get_payload", _UINT)
        if device.is_gige:
            self._enlarge_socket_buffer(_FRAMES_IN_KERNEL * self.payload)
        for _ in range(max(_LEAST_BUFFERS, min(_MOST_BUFFERS, _MEMORY // max(1, self.payload)))):
            self._push(function("arv_buffer_new_allocate", _POINTER, _SIZE)(self.payload))

    def start(self) -> None:
        """Starts the acquisition.

        Raises:
            AravisError: the camera refuses.
        """
        self._device.do("start_acquisition")
        self._started = True

    def pop(self, seconds: float) -> Buffer | None:
        """The next frame, whole or damaged; None if none comes in that time."""
        pop = function("arv_stream_timeout_pop_buffer", _POINTER, _POINTER, ctypes.c_uint64)
        buffer = pop(self._stream, round(seconds * 1e6))
        if not buffer:
            return None
        try:
            return _taken(buffer)
        finally:
            self._push(buffer)

    def close(self, answers: bool = True) -> None:
        """Stops the acquisition and ends the stream's thread.

        Args:
            answers: whether the camera still does; one that doesn't is not asked to stop, which would take seconds.
        """
        if not self._stream:
            return
        if self._started and answers:
            with suppress(AravisError):  # it is gone: its stream ends all the same
                self._device.do("stop_acquisition")
        unref(self._stream)
        self._stream, self._started = 0, False

    def _push(self, buffer: int) -> None:
        function("arv_stream_push_buffer", None, _POINTER, _POINTER)(self._stream, buffer)

    def _enlarge_socket_buffer(self, size: int) -> None:
        """Lets the kernel hold packets while this computer is busy; it holds at most net.core.rmem_max bytes."""
        value = _GValue()
        function("g_value_init", _POINTER, _POINTER, _SIZE)(ctypes.byref(value), _G_TYPE_INT)
        function("g_value_set_int", None, _POINTER, _INT)(ctypes.byref(value), min(size, 2**30))
        set_property = function("g_object_set_property", None, _POINTER, _TEXT, _POINTER)
        set_property(self._stream, b"socket-buffer-size", ctypes.byref(value))


def _taken(buffer: int) -> Buffer:
    def get(name: str, kind: type) -> int:
        return int(function(f"arv_buffer_get_{name}", kind, _POINTER)(buffer))

    status = get("status", _INT)
    if status != 0:
        return Buffer(np.empty(0, np.uint8), DAMAGED.get(status, f"its state is {status}"))
    size = _SIZE()
    start = function("arv_buffer_get_image_data", _POINTER, _POINTER, _POINTER)(buffer, ctypes.byref(size))
    if not start or not size.value:
        return Buffer(np.empty(0, np.uint8), "it has no image")
    data = np.ctypeslib.as_array((ctypes.c_uint8 * size.value).from_address(start)).copy()
    padding, other = _INT(), _INT()
    get_padding = function("arv_buffer_get_image_padding", None, _POINTER, _POINTER, _POINTER)
    get_padding(buffer, ctypes.byref(padding), ctypes.byref(other))
    return Buffer(
        data,
        "",
        get("image_pixel_format", ctypes.c_uint32),
        get("image_width", _INT),
        get("image_height", _INT),
        padding.value,
        get("frame_id", ctypes.c_uint64),
        get("timestamp", ctypes.c_uint64),
        get("system_timestamp", ctypes.c_uint64),
    )
