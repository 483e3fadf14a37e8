"""Aravis's own GigE Vision camera as a process, on this computer's loopback.

A camera has one control port, so that there is one at a time on this computer: tests that want it wait for it.
"""

from __future__ import annotations

import fcntl
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PORT = 3956
_DISCOVER = bytes([0x42, 0x01, 0, 2, 0, 0, 0xFF, 0xFF])
_ANSWER = b"\0\3"
_SERIAL = slice(8 + 0xD8, 8 + 0xE8)


class FakeCamera:
    """One camera; `start` and `kill` are its plug."""

    def __init__(self, serial: str, *options: str) -> None:
        self.serial = serial
        self._words = ["arv-fake-gv-camera-0.8", "-i", "127.0.0.1", "-s", serial, *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(self._words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.discovery_answer() is None:
            assert self._process.poll() is None, "the fake camera has ended"

    def kill(self) -> None:
        """As if its cable were pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @staticmethod
    def discovery_answer() -> bytes | None:
        """What the camera says to a program that looks for cameras; None if there is none."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.1)
            asking.sendto(_DISCOVER, ("127.0.0.1", _PORT))
            try:
                answer = asking.recv(2048)
            except (TimeoutError, ConnectionRefusedError):
                return None
        return answer if answer[2:4] == _ANSWER else None

    @contextmanager
    def twin(self, serial: str) -> Iterator[None]:
        """A second camera, which only says that it is there, in this one's words but for the serial number."""
        answer = bytearray(self.discovery_answer() or b"")
        answer[_SERIAL] = serial.encode().ljust(16, b"\0")
        ended = threading.Event()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("255.255.255.255", _PORT))
            listening.settimeout(0.05)
            thread = threading.Thread(target=_answer, args=(listening, bytes(answer), ended))
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()


def _answer(listening: socket.socket, answer: bytes, ended: threading.Event) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaking:
        while not ended.is_set():
            try:
                question, whose = listening.recvfrom(2048)
            except TimeoutError:
                continue
            if question[2:4] == _DISCOVER[2:4]:
                speaking.sendto(answer[:6] + question[6:8] + answer[8:], whose)


@contextmanager
def only_here() -> Iterator[None]:
    """Waits until no other test of this computer has a fake camera."""
    with (Path(tempfile.gettempdir()) / "dlstream_fake_gv_camera.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
