"""Times of a measured rig, and what they mean for other frame rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlstream_recorder import Summary, read_session, summarise
from dlstream_recorder.report.summary import all_hops
from dlstream_recorder.report.tables import read_events, read_latency, segment_stems

RATES = (15, 25, 30, 50, 60, 75, 90, 100, 120, 150, 200, 300, 500)
KEEPS_UP = 0.01
"""A rate is kept up with where at most this share of the frames gets no pose."""
LESS_TO_COMPUTE = (
    "To keep up: let the network look at a window around the animal (pose: {crop: 320}), convert it to int8 or bf16, "
    "run in one process (together: true), or ask for fewer frames a second. Measure what a window or another precision "
    "does to the poses: docs/how-to/pose.md, docs/how-to/precision.md"
)
_WARM_UP = 5
"""Poses at the beginning that do not count: engines and compilers prepare for them."""


@dataclass(frozen=True)
class Times:
    """How long something took, in milliseconds."""

    name: str
    n: int
    mean: float
    sd: float
    least: float
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, name: str, milliseconds: NDArray[np.float64]) -> Times | None:
        """None where nothing was measured."""
        if not len(milliseconds):
            return None
        p50, p95, p99 = (float(value) for value in np.percentile(milliseconds, [50, 95, 99]))
        sd = float(np.std(milliseconds, ddof=1)) if len(milliseconds) > 1 else 0.0
        low, high = float(np.min(milliseconds)), float(np.max(milliseconds))
        return cls(name, len(milliseconds), float(np.mean(milliseconds)), sd, low, p50, p95, p99, high)


@dataclass(frozen=True)
class Figures:
    """What a rig did.

    Attributes:
        times: of each step.
        rate: frames a second, the mean of the cameras with a network.
        busy: milliseconds for which each pose kept the network busy, in their order.
        at_once: how many were computed at a time, each of another camera.
        without: frames that got no pose.
    """

    summary: Summary
    times: list[Times]
    busy: NDArray[np.float64]
    cameras: int
    frames: int
    without: int
    rate: float
    at_once: int = 1


def figures_of(session: Path) -> Figures:
    """From the session of a rig that ran.

    Raises:
        RecordingError: it can't be read.
    """
    summary = summarise(session)
    about = read_session(session)["cameras"]
    cameras = [name for name, camera in about.items() if camera.get("network")] or list(about)  # not those of depth
    tables = [read_latency(stem) for name in cameras for stem in segment_stems(session, name)]
    rows = pd.concat([table.iloc[_WARM_UP:] for table in tables if table is not None] or [pd.DataFrame()])
    if len(rows):
        rows = rows.sort_values("inference_start_ns")
    hops = all_hops(session, cameras, read_events(session))

    def between(start: str, end: str) -> NDArray[np.float64]:
        return (rows[end] - rows[start]).to_numpy(np.float64) / 1e6 if len(rows) else np.empty(0)

    applied = hops["capture_to_applied"]["ms"].to_numpy(np.float64)
    found = [
        Times.of("inference", between("inference_start_ns", "inference_end_ns")),
        Times.of("loop: frame to pose", between("stamp_ns", "published_ns")),
        Times.of("loop: frame to output", applied),
    ]
    rates = [rate for name in cameras if (rate := summary.cameras[name].fps)]
    captured = sum(summary.cameras[name].frames_captured for name in cameras)
    return Figures(
        summary,
        [item for item in found if item is not None],
        between("inference_start_ns", "published_ns"),
        len(cameras),
        captured,
        max(0, captured - sum(summary.cameras[name].poses for name in cameras)),
        float(np.mean(rates)) if rates else 0.0,
        computed_at_once(rows["inference_start_ns"].to_numpy(), rows["published_ns"].to_numpy()) if len(rows) else 1,
    )


def computed_at_once(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> int:
    """How many poses were computed at a time: the most of which at least 1 % of the poses were one (a clock may step).

    Args:
        starts: in their order.
        ends: the same poses'.
    """
    running = np.arange(1, len(starts) + 1) - np.searchsorted(np.sort(ends), starts, side="right")
    return max(1, int(np.quantile(running, 0.99, method="lower")))


def left_out(busy: Sequence[float] | NDArray[np.float64], rate: float, cameras: int = 1, at_once: int = 1) -> float:
    """The share of frames without a pose if they came at a rate (a second, of each camera).

    As in the pose node, each camera has a place where its newest frame waits, and is left out when the next one comes.
    Whoever is free takes the frame of the camera that was served longest ago, and that nobody else serves now.

    Args:
        busy: milliseconds for which each pose kept one of them busy.
        cameras: their frames come by turns.
        at_once: how many frames are computed at a time.
    """
    node = _PoseNode(busy, cameras, at_once)
    number = 0
    while node.arrive(number % cameras, number * 1000.0 / (rate * cameras)):
        number += 1
    return node.lost / (node.lost + node.served) if node.served else 0.0


class _PoseNode:
    """The pose node's queue and workers, in a time of their own (ms)."""

    def __init__(self, busy: Sequence[float] | NDArray[np.float64], cameras: int, at_once: int) -> None:
        self.served = self.lost = 0
        self._busy, self._at_once = busy, at_once
        self._turns = list(range(cameras))
        self._waiting: set[int] = set()
        self._computing: list[tuple[float, int]] = []  # until when, and whose frame

    def arrive(self, camera: int, now: float) -> bool:
        """A frame comes; returns False once no times are left."""
        while self._computing and self._computing[0][0] <= now:
            self._take(heappop(self._computing)[0])
        if self.served == len(self._busy):
            return False
        self.lost += camera in self._waiting
        self._waiting.add(camera)
        self._take(now)
        return True

    def _take(self, now: float) -> None:
        served = [camera for _, camera in self._computing]
        free = [camera for camera in self._turns if camera in self._waiting and camera not in served]
        if free and len(served) < self._at_once and self.served < len(self._busy):
            self._turns.remove(free[0])
            self._turns.append(free[0])
            self._waiting.remove(free[0])
            heappush(self._computing, (now + float(self._busy[self.served]), free[0]))
            self.served += 1


def verdict(figures: Figures) -> list[str]:
    """Whether this machine is fast enough, in sentences."""
    if not len(figures.busy):
        return ["No pose was measured: this says nothing about the machine."]
    lines = []
    share = figures.without / figures.frames if figures.frames else 0.0
    if figures.rate:
        does = "keeps up" if share <= KEEPS_UP else f"left out {100 * share:.0f} % of the frames"
        lines.append(f"At the {figures.rate:.0f} frames a second that came, this machine {does}.")
    shares = {rate: left_out(figures.busy, rate, figures.cameras, figures.at_once) for rate in RATES}
    kept = [rate for rate, lost in shares.items() if lost <= KEEPS_UP]
    beyond = next((rate for rate, lost in shares.items() if lost > KEEPS_UP), None)
    of_each = f" of each of {figures.cameras} cameras" if figures.cameras > 1 else ""
    of_each += f", {figures.at_once} at a time," if figures.at_once > 1 else ""
    text = f"By its times, at {max(kept)} frames a second{of_each} it keeps up" if kept else "By its times"
    if beyond is None:
        lines.append(f"{text}, and that is the most that was tried.")
    else:
        joint = "; at" if kept else ", at"
        lines.append(f"{text}{joint} {beyond} it would leave out {max(1, round(100 * shares[beyond]))} %.")
    return [*lines, *([LESS_TO_COMPUTE] if figures.rate and share > KEEPS_UP else [])]
