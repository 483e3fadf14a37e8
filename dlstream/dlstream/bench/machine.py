"""What of a computer makes a loop late: how it saves power, who may go first, what else it does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dlstream.bench.wakes import Wakes

_DEEP = 100
"""Microseconds: an idle core that takes longer to wake is asleep too deeply."""
_LATE = 1.0
"""Milliseconds: a thread that wakes so late (p99) loses more than the loop's own road takes."""
_LITTLE = 2.0
"""GiB of free memory; less, and the system may swap."""
_VECTORS = ("avx512_bf16", "avx512_vnni", "avx512f", "avx_vnni", "avx2")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        found: how it is here.
        advice: what to do about it; empty: it is as it should be, or can't be changed.
    """

    name: str
    found: str
    advice: str = ""


def findings(wakes: Wakes | None, root: Path = Path("/"), may_go_first: bool | None = None) -> list[Finding]:
    """Looks at Linux's own files.

    Args:
        wakes: how late threads woke here; None: not measured.
        root: where `proc` and `sys` are.
        may_go_first: whether real-time priority can be had; None: try.
    """
    found = [one for look in _LOOKS for one in look(root)]
    found.insert(-1, _priority(has_real_time_priority() if may_go_first is None else may_go_first))
    return [*found, _waking(wakes)] if wakes else found


def has_real_time_priority() -> bool:
    """Whether this user may start programs with real-time priority; tried, for the calling thread, for a moment."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    policy, before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False
    os.sched_setscheduler(0, policy, before)
    return True


def _read(path: Path) -> str:
    """A file's text; empty if it is not there, as in most virtual machines."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _processor(root: Path) -> Iterator[Finding]:
    lines = [line.partition(":") for line in _read(root / "proc/cpuinfo").splitlines()]
    values = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    flags = values.get("flags", "").split()
    vectors = [name for name in _VECTORS if name in flags]
    count = sum(name.strip() == "processor" for name, _, _ in lines)
    if _read(root / "sys/devices/system/cpu/smt/active") == "1":
        words = f"{count} threads, two on each core"
    else:
        words = f"{count} cores"
    yield Finding("processor", f"{values.get('model name', 'unknown')}, {words}; {', '.join(vectors) or 'no AVX2'}")


def _governor(root: Path) -> Iterator[Finding]:
    folder = root / "sys/devices/system/cpu"
    names = sorted({_read(path) for path in folder.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""})
    if not names:
        yield Finding("clock", "can't be seen here (a virtual machine, or the firmware decides)")
        return
    slow = [name for name in names if name != "performance"]
    advice = "cores begin each frame slowly; sudo cpupower frequency-set -g performance" if slow else ""
    yield Finding("clock", f"governor {', '.join(names)}", advice)


def _idle(root: Path) -> Iterator[Finding]:
    states = sorted((root / "sys/devices/system/cpu/cpu0/cpuidle").glob("state*"))
    if not states:
        yield Finding("idle cores", "can't be seen here (a virtual machine, or a kernel without cpuidle)")
        return
    deep = []
    for state in states:
        latency = _read(state / "latency")
        if latency.isdigit() and int(latency) > _DEEP and _read(state / "disable") != "1":
            deep.append(f"{_read(state / 'name')} takes {latency} us to wake from")
    if deep:
        yield Finding("idle cores", "; ".join(deep), f"sudo cpupower idle-set -D {_DEEP}")
    else:
        yield Finding("idle cores", f"wake within {_DEEP} us")


def _cores(root: Path) -> Iterator[Finding]:
    isolated = _read(root / "sys/devices/system/cpu/isolated")
    yield Finding("isolated cores", isolated or "none: any program may run on any core")
    kernel = "real-time" if _read(root / "sys/kernel/realtime") == "1" else _read(root / "proc/sys/kernel/osrelease")
    yield Finding("kernel", kernel or "unknown")


def _load(root: Path) -> Iterator[Finding]:
    first = _read(root / "proc/loadavg").partition(" ")[0]
    count = _read(root / "proc/cpuinfo").count("processor\t")
    if first and count:
        busy = float(first) > 0.5 * count
        advice = "other programs take the cores; `top` shows which" if busy else ""
        yield Finding("load", f"{first} on {count} of the last minute", advice)


def _memory(root: Path) -> Iterator[Finding]:
    values = {}
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        values[name] = int(value.split()[0]) / 2**20
    if not values:
        return
    free, swapped = values.get("MemAvailable", 0.0), values.get("SwapTotal", 0.0) - values.get("SwapFree", 0.0)
    advice = "close programs before a session: a process that is swapped out wakes late" if free < _LITTLE else ""
    yield Finding("memory", f"{free:.1f} GiB free, {swapped:.1f} GiB swapped out", advice)


def _usb(root: Path) -> Iterator[Finding]:
    size = _read(root / "sys/module/usbcore/parameters/usbfs_memory_mb")
    if size.isdigit():
        small = 0 < int(size) < 256
        advice = "too little for USB3 cameras: echo 1000 | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb"
        yield Finding("USB buffers", f"{size} MB", advice if small else "")
    else:
        yield Finding("USB buffers", "no USB here")


def _priority(possible: bool) -> Finding:
    if possible:
        return Finding("real-time priority", "allowed: chrt -r 1 dlstream run RIG")
    return Finding(
        "real-time priority",
        "not allowed for this user",
        "a line `@realtime - rtprio 10` in /etc/security/limits.d/realtime.conf, and you in the group realtime",
    )


def _waking(wakes: Wakes) -> Finding:
    advice = "the same again with nothing else running; if it stays, see the lines above" if wakes.p99 > _LATE else ""
    return Finding(
        "waking",
        f"{wakes.count} sleeps of 1 ms ended late by {wakes.median:.2f} ms (median), {wakes.p99:.2f} (p99), "
        f"{wakes.worst:.2f} (worst)",
        advice,
    )


_LOOKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (
    _processor,
    _governor,
    _idle,
    _cores,
    _load,
    _memory,
    _usb,
)
