"""The firmware in the simulator, as tests and measurements use it: its port, its pins' trace, its inputs."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

FIRMWARE = Path(__file__).resolve().parents[1]
BUILD = FIRMWARE.parent / "build" / "firmware"
PATIENCE = 300.0
"""Seconds after which something that should happen has not happened."""


class Change(NamedTuple):
    """A line of the trace: `us` of the chip's own time, `stamp` in nanoseconds since the epoch, level 0, 1 or z."""

    us: float
    stamp: int
    pin: int
    level: str


def build() -> Path:
    """Builds firmware and simulator where they are older than their sources; the folder of both.

    Raises:
        RuntimeError: the compilers or libsimavr are missing, or the build failed; `make simulators` installs them.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-s", "-C", str(FIRMWARE), "simulator", f"BUILD={BUILD}"], capture_output=True, text=True
        )
    if made.returncode:
        raise RuntimeError(f"the simulator can't be built; `make simulators` installs what it needs:\n{made.stderr}")
    return BUILD


class SimulatedBoard:
    """A board in a process of its own.

    Attributes:
        port: the pty of its serial port.
        trace: the file with its pins' changes.
    """

    def __init__(self, trace: Path | None = None, *, free: bool = False, bootloader: float | None = None) -> None:
        folder = build()
        if trace is None:
            handle, name = tempfile.mkstemp(prefix="dlstream_trace_", suffix=".txt")
            os.close(handle)
            trace = Path(name)
        self.trace = trace
        words = [str(folder / "simulator"), str(folder / "dlstream-atmega328p.elf"), "--trace", str(trace)]
        words += ["--free"] if free else []
        words += [] if bootloader is None else ["--bootloader", str(bootloader)]
        self.process = subprocess.Popen(  # a Ctrl-C in the terminal is not for the board: whoever uses it ends first
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
        )
        with suppress(OSError):  # where it may: a board does not wait for a busy computer either
            os.setpriority(os.PRIO_PROCESS, self.process.pid, -15)
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        if len(words) != 2:
            self.close()
            raise RuntimeError("the simulator does not start; `make simulators` installs what it needs")
        self.port = words[1]

    def changes(self, pin: int) -> list[Change]:
        """What the pin has done so far."""
        found = []
        for line in self.trace.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                us, stamp, number, level = line.split()
                if int(number) == pin and not level.startswith("in"):
                    found.append(Change(float(us), int(stamp), int(number), level))
        return found

    def level(self, pin: int) -> str:
        """What the pin does now."""
        return self.changes(pin)[-1].level

    def wait_for(self, pin: int, level: str, after: int = 0) -> Change:
        """Waits until the pin has taken this level, later than `after` (nanoseconds since the epoch)."""
        return wait_until(
            lambda: next((c for c in self.changes(pin) if c.level == level and c.stamp > after), None),
            f"pin {pin} at {level}",
        )

    def command(self, text: str) -> None:
        """A command of simulator.c: `pin 2 1`, `adc 14 4000`, `at US TEXT`, `reset`, `freeze`, `go`, `cut`, `unplug`.

        After `cut` nothing comes and goes any more, and after `unplug` its port is gone; the board itself runs on.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")

    def unplug(self) -> None:
        """The board is gone from one moment to the next."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Ends it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def be_patient(monkeypatch: Any) -> None:
    """A busy machine may let the simulator wait: nobody in this process takes it for a board that is gone."""
    for name in ("board.board.HANDSHAKE", "board.board.PATIENT", "board.board.SILENCE"):
        monkeypatch.setattr(f"dlstream_outputs.{name}", 60.0)
    for name in ("arduino", "frame_trigger"):
        monkeypatch.setattr(f"dlstream_outputs.outputs.{name}.PATIENT", 60.0)


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> object:
    """Waits until `condition` gives something; returns that."""
    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {patience:g} s for {what}")


if __name__ == "__main__":  # a board for trials by hand: prints its port, takes the simulator's commands
    with SimulatedBoard(Path(sys.argv[1]) if len(sys.argv) > 1 else None) as board:
        print(f"port {board.port}\ntrace {board.trace}", flush=True)
        for entered in sys.stdin:
            board.command(entered.strip())
