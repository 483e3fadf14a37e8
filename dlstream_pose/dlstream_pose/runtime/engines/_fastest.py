"""Which of some engines is the fastest on this machine: measured once, then remembered."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from dlstream_common import NetworkError
from dlstream_pose.runtime.engines._base import Engine, first_line

SECONDS = 2.0
"""How long all engines together are measured, by turns, so that a busy machine slows each of them alike."""


@dataclass(frozen=True)
class Choice:
    """The engine chosen, the median time of each for a frame in ms, and whether that was measured earlier."""

    name: str
    milliseconds: Mapping[str, float]
    remembered: bool

    def __str__(self) -> str:
        if len(self.milliseconds) < 2:
            return "the only engine here that the file was proved for"
        times = ", ".join(f"{name} {value:.1f} ms" for name, value in self.milliseconds.items())
        when = "remembered" if self.remembered else "measured now"
        return f"the fastest that the file was proved for: {times} a frame, {when}"


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
    first = next(iter(engines))
    if len(engines) == 1:
        return Choice(first, {first: 0.0}, False)
    key = _key(engines, conditions)
    known = _known()
    times = known.get(key)
    if times is not None and times.keys() == engines.keys():
        return Choice(min(times, key=times.__getitem__), times, True)
    times = _measured(engines)
    _remember({**known, key: times})
    return Choice(min(times, key=times.__getitem__), times, False)


def _measured(engines: Mapping[str, Engine[Any]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {}
    fault: Exception | None = None
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
            fault = error
    if not taken:
        raise NetworkError(f"no engine runs the network: {first_line(fault or RuntimeError())}") from fault
    end = perf_counter() + SECONDS
    while perf_counter() < end or not all(len(times) >= 3 for times in taken.values()):
        for name, times in taken.items():
            start = perf_counter()
            engines[name].run(outputs, image)
            times.append((perf_counter() - start) * 1000)
    return {name: round(float(np.median(times)), 3) for name, times in taken.items()}


def _key(engines: Mapping[str, Engine[Any]], conditions: tuple[int, ...]) -> str:
    """The file, the libraries and the machine: if one of them changes, the engines are measured again."""
    about = [next(iter(engines.values())).sha256, platform.node(), os.cpu_count(), *conditions]
    about += [f"{name}: {engine.description}" for name, engine in engines.items()]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _known() -> dict[str, dict[str, float]]:
    try:
        found = json.loads(memory().read_text())
        return {str(key): {str(name): float(value) for name, value in times.items()} for key, times in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # nothing is lost: they are measured again


def _remember(known: Mapping[str, Mapping[str, float]]) -> None:
    path = memory()
    with suppress(OSError):  # without a place to write, the next start measures again
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        partial.write_text(json.dumps(known, indent=1))
        partial.replace(path)
