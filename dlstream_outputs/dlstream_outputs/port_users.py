"""Which program has a serial port open. Linux only: elsewhere nobody is found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROCESSES = Path("/proc")
_LONGEST = 200


def in_use(port: str) -> str:
    """Why a port can't be used now, in words, with the program that has it open; empty where none is known to."""
    users = list(dict.fromkeys(_program(pid) for pid in _holders(os.path.realpath(port))))
    return f"in use by {', '.join(users)}" if users else ""


def _holders(port: str) -> Iterator[int]:
    """The processes of others that have the port open, as far as this user may see."""
    for process in _PROCESSES.glob("[0-9]*"):
        if int(process.name) != os.getpid() and _has_open(process, port):
            yield int(process.name)


def _has_open(process: Path, port: str) -> bool:
    try:
        return any(_target(file) == port for file in (process / "fd").iterdir())
    except OSError:  # it has ended, or it is another user's
        return False


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
