"""Which of some engines is the fastest on this machine: measured once, then remembered."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from dlstream_common import NetworkError
from dlstream_pose.runtime.engines._base import Engine, first_line

SECONDS = 2.0
"""How long all engines together are measured: in short slices by turns, so that a busy machine slows them all alike."""
_SLICE = 4
"""Frames in a slice."""
_LEAST = 3
"""Slices of each engine, however long they take."""


@dataclass(frozen=True)
class Choice:
    """The engine chosen.

    Attributes:
        milliseconds: the median time of each engine for a frame.
        measured: when that was, and where it is kept, in words.
    """

    name: str
    milliseconds: Mapping[str, float]
    measured: str

    def __str__(self) -> str:
        if not self.measured:
            return "the only engine here that the file was proved for"
        times = ", ".join(f"{name} {value:.1f} ms" for name, value in self.milliseconds.items())
        return f"the fastest that the file was proved for: {times} a frame, {self.measured}"


def memory() -> Path:
    """The file in which measurements are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dlstream" / "engines.json"


def fastest(engines: Mapping[str, Engine[Any]], conditions: tuple[int, ...]) -> Choice:
    """The engine with the shortest median time for a frame of the size that the network was trained on.

    Args:
        engines: the same file, loaded by each.
        conditions: what else the times depend on.

    Raises:
        NetworkError: none of them runs it.
    """
    if len(engines) == 1:
        return Choice(next(iter(engines)), {}, "")
    key = _key(engines, conditions)
    known = _known()
    times = known.get(key)
    if times is not None and times.keys() == engines.keys():
        return _choice(times, f"remembered in {memory()}")
    times, faults = _measured(engines)
    kept = _remember({**known, key: times})
    return _choice(times, "; ".join(["measured now", f"{'' if kept else 'not '}kept in {memory()}", *faults]))


def _choice(times: Mapping[str, float], measured: str) -> Choice:
    return Choice(min(times, key=times.__getitem__), times, measured)


def _measured(engines: Mapping[str, Engine[Any]]) -> tuple[dict[str, float], list[str]]:
    """The median times, and why engines that do not run it don't."""
    taken: dict[str, list[float]] = {}
    faults: list[str] = []
    about = json.loads(next(iter(engines.values())).metadata or "{}")
    width, height = about.get("input_size") or (320, 240)
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    outputs = list(about.get("outputs") or ["poses"])
    for name, engine in engines.items():
        try:
            for _ in range(2):  # the first runs prepare
                engine.run(outputs, image)
            taken[name] = []
        except Exception as error:  # any library's; the others may run it
            faults.append(f"{name} fails: {first_line(error)}")
    if not taken:
        raise NetworkError(f"no engine runs the network: {'; '.join(faults)}")
    end = perf_counter() + SECONDS
    names = list(taken)
    while perf_counter() < end or any(len(times) < _LEAST for times in taken.values()):
        for name in names:
            taken[name].append(_slice(engines[name], outputs, image))
        names = [*names[1:], names[0]]  # none of them always follows the same other one
    return {name: round(float(np.median(times)), 3) for name, times in taken.items()}, faults


def _slice(engine: Engine[Any], outputs: Sequence[str], image: Any) -> float:
    """The median time of a few frames in a row, in ms. The first one does not count: the caches hold another engine."""
    times = []
    for _ in range(_SLICE):
        start = perf_counter()
        engine.run(outputs, image)
        times.append((perf_counter() - start) * 1000)
    return float(np.median(times[1:]))


def _key(engines: Mapping[str, Engine[Any]], conditions: tuple[int, ...]) -> str:
    """The file, the libraries and the machine: if one of them changes, the engines are measured again."""
    about = [next(iter(engines.values())).sha256, platform.node(), _processor(), os.cpu_count(), *conditions]
    about += [f"{name}: {engine.description}" for name, engine in engines.items()]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _known() -> dict[str, dict[str, float]]:
    try:
        found = json.loads(memory().read_text())
        return {str(key): {str(name): float(value) for name, value in times.items()} for key, times in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # nothing is lost: they are measured again


def _remember(known: Mapping[str, Mapping[str, float]]) -> bool:
    """False without a place to write: the next start measures again."""
    path = memory()
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(known, indent=1))
        partial.replace(path)
    except OSError:
        return False
    return True
