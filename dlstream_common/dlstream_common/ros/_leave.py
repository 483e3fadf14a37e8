"""Ends a process even if the middleware hangs."""

from __future__ import annotations

import ctypes
import sys

_MONOTONIC, _SIGEV_THREAD = 1, 2


class _Event(ctypes.Structure):
    """`struct sigevent` of Linux: when its timer ends, a separate thread calls `function` with `value`."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_char * 32),
    )


class _Times(ctypes.Structure):
    """`struct itimerspec`."""

    _fields_ = (
        ("every_seconds", ctypes.c_long),
        ("every_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


def leave_within(seconds: int, exit_code: int) -> None:
    """Ends the process with this exit code after so many seconds, unless it has ended by itself.

    For the very end: occasionally Fast DDS waits forever in the destructor of its participant
    (`DomainParticipant::set_listener`) while it holds Python's lock, so that no Python code can intervene.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    libc = ctypes.CDLL(None)
    clock = libc if hasattr(libc, "timer_create") else ctypes.CDLL("librt.so.1")  # a separate library before glibc 2.34
    leave = ctypes.cast(libc._exit, ctypes.c_void_p)
    event = _Event(value=exit_code, notify=_SIGEV_THREAD, function=leave)
    timer, times = ctypes.c_void_p(), _Times(seconds=seconds)
    if clock.timer_create(_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)) == 0:
        clock.timer_settime(timer, 0, ctypes.byref(times), None)
