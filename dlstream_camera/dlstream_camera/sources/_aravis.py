"""What we use of Aravis, the library for GigE Vision and USB3 Vision cameras, by ctypes: cameras and their features.

`_aravis_stream` has the other half, frames. Calls block in C and let other Python threads run. A device's calls are
serialised by a lock, since Aravis's GenICam nodes are not made for several threads.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from dlstream_camera.sources._features import FeatureError, Kind, Value

LIBRARY = "libaravis-0.8.so.0"
INSTALL = "apt install libaravis-0.8-0"

_POINTER, _TEXT, _LONG, _DOUBLE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64, ctypes.c_double
_INT, _UINT, _SIZE = ctypes.c_int, ctypes.c_uint, ctypes.c_size_t
_ENABLE = 1  # of ArvRangeCheckPolicy and ArvAccessCheckPolicy
_discovery = threading.Lock()


class _GError(ctypes.Structure):
    _fields_ = [("domain", ctypes.c_uint32), ("code", ctypes.c_int), ("message", ctypes.c_char_p)]


class AravisError(FeatureError):
    """What Aravis says of a call that failed, in its own words."""


@cache
def _libraries() -> tuple[ctypes.CDLL, ctypes.CDLL, ctypes.CDLL]:
    """Aravis, GObject, GLib. Raises OSError if Aravis is not installed."""
    return ctypes.CDLL(LIBRARY), ctypes.CDLL("libgobject-2.0.so.0"), ctypes.CDLL("libglib-2.0.so.0")


def is_installed() -> bool:
    """Whether the library can be loaded."""
    try:
        _libraries()
    except OSError:
        return False
    return True


@cache
def function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """The C function of that name, from the library that has it."""
    aravis, gobject, glib = _libraries()
    library = aravis if name.startswith("arv_") else glib if name.startswith(("g_free", "g_error")) else gobject
    found = library[name]  # a new object: types are set on it
    found.restype, found.argtypes = result, arguments
    return found


def call(name: str, result: Any, *arguments: tuple[Any, Any]) -> Any:
    """Calls a function whose last argument is a GError**; each argument is given with its type.

    Raises:
        AravisError: the function failed.
    """
    error = ctypes.POINTER(_GError)()
    types = [kind for kind, _ in arguments]
    answer = function(name, result, *types, _POINTER)(*(value for _, value in arguments), ctypes.byref(error))
    if error:
        message = " ".join((error.contents.message or b"unknown error").decode(errors="replace").split())
        function("g_error_free", None, _POINTER)(error)
        raise AravisError(message)
    return answer


def unref(pointer: int) -> None:
    """Gives back a GObject."""
    function("g_object_unref", None, _POINTER)(pointer)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that is connected.

    Attributes:
        id: Aravis's name for it, which opens it.
        address: its IP address; for USB the bus position.
        protocol: GigEVision, USB3Vision.
    """

    id: str
    vendor: str
    model: str
    serial: str
    address: str
    protocol: str


def list_cameras() -> list[CameraInfo]:
    """The cameras that answer; takes a second."""
    with _discovery:
        # Without a fresh list a camera may be opened through a network interface that its frames never reach.
        function("arv_update_device_list", None)()
        found = []
        for index in range(function("arv_get_n_devices", _UINT)()):
            words = [
                (function(f"arv_get_device_{what}", _TEXT, _UINT)(index) or b"").decode(errors="replace")
                for what in ("id", "vendor", "model", "serial_nbr", "address", "protocol")
            ]
            found.append(CameraInfo(*words))
        return found


class Device:
    """An open camera with its features (see `Features`). Close its stream before it.

    Raises:
        AravisError: it can't be opened.
    """

    def __init__(self, info: CameraInfo) -> None:
        self.info = info
        self.lock = threading.RLock()
        with _discovery:
            self.camera: int = call("arv_camera_new", _POINTER, (_TEXT, info.id.encode(errors="replace")))
        self._device: int = function("arv_camera_get_device", _POINTER, _POINTER)(self.camera)
        self.is_gige = bool(function("arv_camera_is_gv_device", _INT, _POINTER)(self.camera))
        for policy in ("range", "access"):  # otherwise a value out of range is written, and the camera decides
            self.set_option(f"set_{policy}_check_policy", _ENABLE)

    def is_controlled(self) -> bool:
        """Whether this program controls the camera: not if another one does, nor if it stopped answering.

        A GigE camera is asked each second in the background, and given up after 5 s; for a USB camera it is true.
        """
        with self.lock:
            if not self.is_gige or not self._device:
                return bool(self._device)
            return bool(function("arv_gv_device_is_controller", _INT, _POINTER)(self._device))

    def close(self) -> None:
        """Releases the camera."""
        with self.lock:
            if self.camera:
                unref(self.camera)
                self.camera = self._device = 0

    def kind(self, name: str) -> Kind | None:
        with self.lock:
            self._open()
            find = function("arv_device_get_feature", _POINTER, _POINTER, _TEXT)
            node = find(self._device, name.encode(errors="replace"))
            is_a = function("g_type_check_instance_is_a", _INT, _POINTER, _SIZE)
            for kind in Kind:  # an enumeration is an integer and a string too: the order counts
                if node and is_a(node, function(f"arv_gc_{kind.value}_get_type", _SIZE)()):
                    return kind
        return None

    def is_available(self, name: str) -> bool:
        return bool(self._ask("arv_camera_is_feature_available", _INT, name))

    def choices(self, name: str) -> list[str]:
        with self.lock:
            count = _UINT()
            values = self._ask(
                "arv_camera_dup_available_enumerations_as_strings",
                ctypes.POINTER(_TEXT),
                name,
                (_POINTER, ctypes.byref(count)),
            )
            words = [(values[index] or b"").decode(errors="replace") for index in range(count.value)]
            function("g_free", None, _POINTER)(values)
            return sorted(words)

    def bounds(self, name: str) -> tuple[float, float]:
        what, kind = ("float", _DOUBLE) if self.kind(name) is Kind.FLOAT else ("integer", _LONG)
        low, high = kind(), kind()
        places = ((_POINTER, ctypes.byref(low)), (_POINTER, ctypes.byref(high)))
        self._ask(f"arv_camera_get_{what}_bounds", None, name, *places)
        return low.value, high.value

    def increment(self, name: str) -> int:
        return max(1, int(self._ask("arv_camera_get_integer_increment", _LONG, name)))

    def get(self, name: str) -> Value:
        match self.kind(name):
            case Kind.BOOLEAN:
                return bool(self._ask("arv_camera_get_boolean", _INT, name))
            case Kind.FLOAT:
                return float(self._ask("arv_camera_get_float", _DOUBLE, name))
            case Kind.INTEGER:
                return int(self._ask("arv_camera_get_integer", _LONG, name))
            case Kind.ENUMERATION | Kind.STRING:
                return (self._ask("arv_camera_get_string", _TEXT, name) or b"").decode(errors="replace")
        raise AravisError(f"{name} has no value")

    def set(self, name: str, value: Value) -> None:
        match self.kind(name):
            case Kind.BOOLEAN:
                self._ask("arv_camera_set_boolean", None, name, (_INT, bool(value)))
            case Kind.FLOAT:
                self._ask("arv_camera_set_float", None, name, (_DOUBLE, float(value)))
            case Kind.INTEGER:
                self._ask("arv_camera_set_integer", None, name, (_LONG, int(value)))
            case Kind.ENUMERATION | Kind.STRING:
                self._ask("arv_camera_set_string", None, name, (_TEXT, str(value).encode(errors="replace")))
            case Kind.COMMAND:
                self.execute(name)
            case None:
                raise AravisError(f"there is no feature {name} that can be set")

    def execute(self, name: str) -> None:
        """Executes a command, such as TriggerSoftware."""
        self._ask("arv_camera_execute_command", None, name)

    def do(self, name: str, result: Any = None, *arguments: tuple[Any, Any]) -> Any:
        """Calls `arv_camera_NAME` with these arguments."""
        with self.lock:
            return call(f"arv_camera_{name}", result, (_POINTER, self._open()), *arguments)

    def set_option(self, name: str, value: int) -> None:
        """Calls `arv_camera_NAME`, which can't fail, with a number."""
        with self.lock:
            function(f"arv_camera_{name}", None, _POINTER, _INT)(self._open(), value)

    def _ask(self, name: str, result: Any, feature: str, *arguments: tuple[Any, Any]) -> Any:
        with self.lock:
            return call(name, result, (_POINTER, self._open()), (_TEXT, feature.encode(errors="replace")), *arguments)

    def _open(self) -> int:
        if not self.camera:
            raise AravisError("the camera is closed")
        return self.camera
