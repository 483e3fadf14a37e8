"""A sound card without hardware: PulseAudio's null sink, and what was heard at its monitor."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48000
_CHUNK = 48


class Heard:
    """What leaves the card, with the time at which it was heard."""

    def __init__(self, environment: dict[str, str]) -> None:
        words = ["parec", "-d", "lab.monitor", "--raw", "--format=float32le", f"--rate={RATE}", "--channels=1"]
        self._process = subprocess.Popen([*words, "--latency-msec=5"], env=environment, stdout=subprocess.PIPE)
        self._chunks: list[tuple[int, NDArray[np.float32]]] = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        assert self._process.stdout is not None
        while len(data := self._process.stdout.read(4 * _CHUNK)) == 4 * _CHUNK:
            self._chunks.append((time.time_ns(), np.frombuffer(data, np.float32)))

    @property
    def listening(self) -> bool:
        """Whether anything arrives, be it silence."""
        return bool(self._chunks)

    def since(self, stamp: int) -> NDArray[np.float32]:
        """The samples heard since then (nanoseconds since the epoch)."""
        found = [samples for heard, samples in list(self._chunks) if heard >= stamp]
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def first_loud(self, stamp: int, level: float = 0.05) -> int:
        """When the first sample above a level was heard after `stamp`; 0: none yet."""
        for heard, samples in list(self._chunks):
            if heard >= stamp and np.abs(samples).max() > level:
                return heard
        return 0

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


class NullSink:
    """A PulseAudio of its own, with one sound card.

    Attributes:
        environment: the variables with which programs find it.
    """

    def __init__(self, daemon: subprocess.Popen[bytes], socket: Path) -> None:
        self.environment = {"PULSE_SERVER": f"unix:{socket}"}
        self._daemon = daemon

    def unplug(self) -> None:
        """From now on there is no card."""
        self._daemon.kill()
        self._daemon.wait()


@contextmanager
def null_sink(folder: Path) -> Iterator[NullSink]:
    """A sound card until the end of the context."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = folder / "native"
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    words = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
    words += ["-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"]
    words += ["-L", f"module-null-sink sink_name=lab rate={RATE} channels=2"]
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen(words, env=environment, stderr=log)
    try:
        end = time.monotonic() + 60
        while not socket.exists():
            assert daemon.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "PulseAudio has no socket"
            time.sleep(0.01)
        yield NullSink(daemon, socket)
    finally:
        daemon.kill()
        daemon.wait()
