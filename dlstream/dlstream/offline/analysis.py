"""An experiment run offline: every frame or pose through the same engine, into a session folder. No ROS, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dlstream.offline.experiment_state import ExperimentState, PanelLine
from dlstream.offline.outside import Due
from dlstream_common import DlstreamError, Frame, FramePoses
from dlstream_experiment import Command, Engine, Event, Experiment, RegionStates
from dlstream_experiment.journal.journal import Journal
from dlstream_experiment.runtime.inputs import Input, Poses, Start, Stop, Tick, Value
from dlstream_recorder import COMMAND, EventRow, OfflineSession
from dlstream_recorder.writers.session_file import iso

_TICK = 50_000_000
_LONGEST_GAP = 6 * 3600 * 1_000_000_000
"""Nanoseconds between two poses: what is longer is a clock that was set, or two recordings, and takes minutes."""
_BACK = 500_000_000
"""Nanoseconds by which a pose may be older than the one before it, as that of another camera."""
_SOURCE = "analysis"


@dataclass(frozen=True)
class LaterRun:
    """Another run of a recorded session.

    Attributes:
        start: its stamp.
        first: the stamp of the first frame that it decided on.
        values: from outside, that came in it.
    """

    start: int
    seed: int
    first: int
    values: Sequence[Due] = ()


class Analysis:
    """Feeds an engine and writes what it does into a session folder.

    The run begins with the first frame, or at the given start, from a session's journal, and ends where another one
    of that session begins.

    Args:
        seed: of the run, see `seed_of`.
        values: from outside, in order, which are given each before its frame.
        later: the other runs, in order.
    """

    def __init__(
        self,
        experiment: Experiment,
        session: OfflineSession,
        seed: int = 0,
        start: int | None = None,
        values: Iterable[Due] = (),
        later: Iterable[LaterRun] = (),
    ) -> None:
        self.experiment, self.session = experiment, session
        self.regions: dict[str, dict[str, bool]] = {}
        """Which regions of each camera are active."""
        self.counts = {"events": 0, "commands": 0}
        self._engine = Engine(experiment)
        self._journal = Journal()
        self._seed, self._start = seed, start
        self._state = ExperimentState(list(experiment.triggers), experiment.outputs)
        self._has_begun = False
        self._last: int | None = None
        self._tick = 0
        self._due, self._later = deque(values), deque(later)
        self._early: dict[str, Value] = {}
        self._commands = 0

    def add(self, frame: Frame, poses: FramePoses | None, decide: bool = True) -> None:
        """The next frame, with its poses unless they are not to be estimated.

        Args:
            decide: whether the run has begun; until then all is in the tables, and decides nothing.
        """
        self.session.add_frame(frame)
        if poses is not None:
            self.session.add_poses(poses)
            if decide:
                self._decide(poses)

    def add_poses(self, poses: FramePoses, arrived: int | None = None) -> None:
        """The poses of the next frame, of which there is no image.

        Args:
            arrived: when they came, if that matters.
        """
        self.session.add_frame(_without_image(poses), every=False)
        self.session.add_poses(poses)
        self._decide(poses, arrived)

    def _decide(self, poses: FramePoses, arrived: int | None = None) -> None:
        while self._later and self._later[0].first <= poses.stamp:
            self._leave_for(self._later.popleft())
        if not self._has_begun:
            self._begin(poses.stamp if self._start is None else self._start)
        while self._due and self._due[0].frame <= poses.stamp:
            self.value(self._due.popleft().value)
        self._wait(poses.stamp, f"the poses of camera '{poses.camera}'")
        self._last = poses.stamp
        if self._engine.running:
            self._handle(Poses(poses, arrived))

    def _leave_for(self, run: LaterRun) -> None:
        if self._has_begun:
            self._wait(run.start, f"the runs of '{self.experiment.experiment}'")
            if self._engine.running:
                self._handle(Stop(run.start, "the next run begins"))
        self._has_begun, self._last = False, None
        self._seed, self._start, self._due = run.seed, run.start, deque(run.values)

    def _begin(self, start: int) -> None:
        while self._due and self._due[0].value.stamp < start:
            self.value(self._due.popleft().value)
        self._has_begun = True
        self._tick = start + _TICK
        self._handle(Start(start, self._seed))
        for value in self._early.values():
            self._handle(replace(value, stamp=start, age=max(0, start - value.stamp) + value.age))

    def value(self, value: Value) -> None:
        """A value from outside; before the run the last one of each source is kept for its start, as live."""
        if not self._has_begun:
            self._early[value.source] = value
            return
        if self._last is None or value.stamp > self._last:
            self._wait(value.stamp, f"the values of {value.source}")
        if self._engine.running:
            self._handle(value)

    def finish(self, reason: str) -> int:
        """Ends the run if it has not ended; returns the last stamp."""
        last = self._last or self._start or 0
        if self._engine.running:
            self._handle(Stop(last, reason))
        return last

    @property
    def panel_length(self) -> int:
        """How many lines `panel` has at most."""
        return self._state.length

    def panel(self, frame: Frame, first: int) -> Sequence[PanelLine]:
        """What the experiment does in the frame that was added last; `first`: stamp of the first frame."""
        measured = self._engine.measured() if self._engine.running else {}
        seconds = (frame.stamp - first) / 1e9
        return self._state.lines(frame.camera, seconds, frame.sequence, frame.stamp, measured)

    def _wait(self, until: int, what: str) -> None:
        """The ticks of the clock: as in a live run, they count while no pose arrives."""
        last = self._last or until
        if until - last > _LONGEST_GAP:
            raise DlstreamError(
                f"{what} make a leap of {(until - last) / 3.6e12:.1f} hours in time, from {iso(last)} to {iso(until)}; "
                f"expected one recording, with gaps of at most {_LONGEST_GAP / 3.6e12:g} hours. Cut it there"
            )
        if last - until > _BACK:
            self._tick = until + _TICK
        while self._tick < until and self._engine.running:
            if self._engine.needs_tick(self._tick):
                self._handle(Tick(self._tick))
            self._tick += _TICK

    def _handle(self, item: Input) -> None:
        effects = self._engine.handle(item)
        rows = []
        for effect in effects:
            if isinstance(effect, RegionStates):
                self.regions[effect.camera] = dict(effect.active)
            else:
                rows.append(self._row(effect))
                self._state.handle(rows[-1])
        self.session.add_entry(self._journal.lines(item, effects, self.experiment), rows)

    def _row(self, effect: Event | Command) -> EventRow:
        if isinstance(effect, Event):
            self.counts["events"] += 1
            row = EventRow(effect.kind, effect.name, stamp_ns=effect.stamp, values=effect.values)
        else:
            self._commands += 1
            self.counts["commands"] += 1
            row = EventRow(
                COMMAND,
                effect.output,
                stamp_ns=effect.stamp,
                source=_SOURCE,
                id=self._commands,
                action=effect.action,
                trigger=effect.trigger,
                value="" if effect.value != effect.value else f"{effect.value:.6g}",
                values=effect.values,
            )
        cause = effect.cause
        if cause is None:
            return row
        return replace(row, camera=cause.camera, sequence=cause.sequence, frame_stamp_ns=cause.stamp)


def seed_of(experiment: Experiment, wanted: int | None, otherwise: int = 0) -> int:
    """The seed of a run: that of the experiment file, else the requested one, else the fallback.

    Raises:
        DlstreamError: the file sets one, and another one was requested.
    """
    if experiment.seed is None:
        return otherwise if wanted is None else wanted
    if wanted not in (None, experiment.seed):
        raise DlstreamError(
            f"--seed: found {wanted}, and seed: {experiment.seed} in {experiment.path}; expected only one of them: "
            "omit --seed, or remove the key from the file"
        )
    return experiment.seed


def outlines(experiment: Experiment, camera: str) -> list[tuple[str, list[tuple[float, float]]]]:
    """The regions of a camera, as a session keeps them."""
    return [
        (name, [(float(x), float(y)) for x, y in region.outline()])
        for name, region in experiment.regions.items()
        if (region.camera or experiment.camera) == camera
    ]


def _without_image(poses: FramePoses) -> Frame:
    return Frame(poses.camera, poses.sequence, poses.stamp, np.empty((0, 0), np.uint8), "mono8")
