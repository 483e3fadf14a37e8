"""A serial port that one program has to itself, and which program that is. Linux only: elsewhere nobody is found."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISCHR
from typing import Any

_PROCESSES = Path("/proc")
_LONGEST = 200
_PTY = re.compile(r"/dev/pts/(\d+)")


def open_alone(port: str, baud_rate: int, **options: Any) -> Any:
    """Opens a serial port that nobody else has open, and keeps others from it; a `serial.Serial`.

    pyserial's lock keeps out only who asks for it, as a second rig does. Two programs at one board would each get half
    of what it says, and undo what the other one commands.

    Raises:
        OSError: as pyserial's; EBUSY where somebody else has it open, whose board is then left alone.
        ValueError: as pyserial's.
    """
    import serial

    if in_use(port):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), port)
    opened = serial.Serial(port, baud_rate, exclusive=True, **options)
    if not _PTY.fullmatch(os.path.realpath(port)):  # there it would outlive its owner
        with suppress(ImportError, AttributeError, OSError):
            import fcntl
            import termios

            fcntl.ioctl(opened.fileno(), termios.TIOCEXCL)
    return opened


def in_use(port: str) -> str:
    """Why a port can't be used now, in words, with the program that has it open; empty where none is known to."""
    users = list(dict.fromkeys(_program(pid) for pid in _holders(os.path.realpath(port))))
    return f"in use by {', '.join(users)}" if users else ""


def why_not_opened(port: str, error: BaseException, absent: str, others: str) -> str:
    """Why a port can't be opened, and what to do.

    Args:
        error: what opening it raised.
        absent: what to say where it is not there, such as which ports are.
        others: programs that have such a port open, where it is not known which one has.
    """
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return f"{port} is not there{absent}"
    if number == errno.EACCES:
        return f"{port} may not be used by you; run: sudo usermod -aG dialout $USER, then log out and in again"
    if number in (errno.EAGAIN, errno.EBUSY):
        whose = in_use(port) or f"in use by another program ({others})"
        return f"{port} is {whose}; expected a port of its own. End that program first"
    return f"{port} can't be opened as a serial port ({error})"


def _holders(port: str) -> Iterator[int]:
    """The processes of others that have the port open, as far as this user may see."""
    device = _device(Path(port))
    for process in _PROCESSES.glob("[0-9]*"):
        if int(process.name) != os.getpid() and _has_open(process, port, device):
            yield int(process.name)


def _has_open(process: Path, port: str, device: int) -> bool:
    try:
        files = {file: _target(file) for file in (process / "fd").iterdir()}
    except OSError:  # it has ended, or it is another user's
        return False
    pty = _PTY.fullmatch(port)
    if pty is not None:
        return port in files.values() and not any(
            target.endswith("ptmx") and _index(process, file) == pty[1] for file, target in files.items()
        )
    return any(
        target == port or (device and target.startswith("/dev/") and _device(file) == device)
        for file, target in files.items()
    )


def _index(process: Path, file: Path) -> str:
    """Which pseudo-terminal a file is the far end of: whoever has that is the device, and no user of its port."""
    with suppress(OSError):
        found = re.search(r"^tty-index:\s*(\d+)$", (process / "fdinfo" / file.name).read_text(), re.MULTILINE)
        return found[1] if found else ""
    return ""


def _device(file: Path) -> int:
    """The number of a character device, which is the same for all its names; 0: it is none."""
    with suppress(OSError):
        found = file.stat()
        return found.st_rdev if S_ISCHR(found.st_mode) else 0
    return 0


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:
        return ""


def _program(pid: int) -> str:
    """A program in words; for a node of a rig, the command that started the rig."""
    words, parent = _words(pid), _parent(pid)
    starter = _words(parent) if "--ros-args" in words else []
    if any(Path(word).name == "dlstream" for word in starter):
        words, pid = starter, parent
    if words and Path(words[0]).name.startswith("python") and len(words) > 1:
        words = words[1:]
    text = " ".join([Path(words[0]).name, *words[1:]]) if words else "a program"
    return f"'{text if len(text) <= _LONGEST else f'{text[:_LONGEST]} ...'}' (process {pid})"


def _words(pid: int) -> list[str]:
    try:
        return [
            word
            for word in (_PROCESSES / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if word
        ]
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        return int((_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
