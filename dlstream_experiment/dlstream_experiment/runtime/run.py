"""One run of an experiment, from its start to its end.

Its time is the acquisition of the frames, so that the same frames give the same decisions however long their poses took
to come. The clock counts only while no poses come.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from dlstream_common import OFF, Cause, Command, Event, event_kinds
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.extension import ExtensionError
from dlstream_experiment.model.names import SECOND, nanoseconds
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.protocols import End, Note, Off, On, Step, Stimulus
from dlstream_experiment.model.virtual import VirtualColumns
from dlstream_experiment.runtime.effects import Effect, Phase, RegionStates, Status, region_states
from dlstream_experiment.runtime.inputs import Input, Poses, Stop, Tick, Value
from dlstream_experiment.runtime.pose_faults import PoseFaults
from dlstream_experiment.runtime.protocols import create_protocol
from dlstream_experiment.runtime.triggers.trigger_set import TriggerSet

_SILENCE = SECOND
"""Without any pose for longer than this, the protocol gets the clock's time."""
_STEP = 500_000_000
"""A clock that goes back by less was not set back: frames of several cameras, or late ones, come in another order."""


class Run:
    """See Engine, which makes a new one at every start."""

    def __init__(self, experiment: Experiment, stamp: int, seed: int = 0) -> None:
        self.phase = Phase.RUNNING
        self.seed = seed if experiment.seed is None else experiment.seed
        self._experiment = experiment
        self._name = experiment.experiment
        self._started, self._ended, self._reason = stamp, stamp, ""
        self._time = stamp  # of the run; never goes back
        self._here, self._clocks = RunClock(), {camera: RunClock() for camera in experiment.cameras}
        self._here.advance(stamp)
        self._max_age, self._pose_timeout = nanoseconds(experiment.max_age), nanoseconds(experiment.pose_timeout)
        self._protocol = create_protocol(experiment.protocol, self.seed)
        self._protocol_triggers = {trigger for _, trigger in experiment.protocol.triggers_used()}
        self._triggers = TriggerSet(experiment.triggers, replace(experiment.context, seed=self.seed))
        self._keypoints: dict[str, tuple[str, ...]] = {}
        self._virtual: dict[str, VirtualColumns] = {}
        self._last_pose = dict.fromkeys(experiment.cameras, stamp)
        self._silent: set[str] = set()
        self._faults = PoseFaults(experiment.max_age)
        self._wanted: dict[str, Stimulus | None] = dict.fromkeys(experiment.outputs)
        self._commanded: dict[str, Stimulus | None] = dict.fromkeys(experiment.outputs)
        self._shown: list[RegionStates] = []

    # Inputs.

    def handle(self, item: Input) -> list[Effect]:
        """What follows from one input while the run is in progress."""
        if isinstance(item, Poses):
            return self._handle_poses(item)
        if isinstance(item, Tick):
            return self._handle_tick(item.stamp)
        if isinstance(item, Value):
            return self._handle_value(item)
        if isinstance(item, Stop):
            return self.end(item.stamp, item.reason, phase=Phase.FAULT if item.fault else Phase.FINISHED)
        return []

    def start(self) -> list[Effect]:
        """What the start gives: every output off, and the protocol's first steps."""
        stamp = self._started
        values = {"protocol": self._experiment.protocol.type, "seed": str(self.seed)}
        values |= self._experiment.metadata_texts()
        started = Event(stamp, event_kinds.EXPERIMENT_STARTED, self._name, values)
        effects = [*self._all_off(stamp, None), started, *self._region_changes()]
        return effects + self._apply(self._protocol.start(stamp), stamp, None)

    def _handle_poses(self, item: Poses) -> list[Effect]:
        poses, arrived = item.poses, item.arrived
        camera = poses.camera
        if camera not in self._last_pose:
            return []
        stamp = poses.stamp if arrived is None else arrived
        cause = Cause(camera, poses.sequence, poses.stamp)
        effects = [] if arrived is None else self._advance(self._here, stamp, "this machine", stamp)
        age = stamp - (poses.stamp - item.ahead)
        if self._max_age and item.doubt - age > self._max_age:
            return effects + self._faults.too_early(stamp, self._here.at(stamp), cause, item)
        clock = self._clocks[camera]
        behind = clock.behind(poses.stamp)
        if set_back := self._advance(clock, poses.stamp, f"camera '{camera}'", stamp):
            effects += set_back
            self._triggers.forget_motion(camera)
        elif behind is not None:
            effects += self._faults.out_of_order(stamp, self._here.at(stamp), behind, cause)
        acquired = clock.at(poses.stamp)
        now = acquired if arrived is None else self._here.at(stamp)
        self._time = max(self._time, min(acquired, now))  # no frame was acquired after its poses came
        if poses.stale or (self._max_age and age + item.doubt > self._max_age):
            effects += self._faults.too_old(stamp, self._here.at(stamp), cause, item)
            return effects + self._apply(self._protocol.frame(self._time), stamp, cause)
        if poses.keypoints != self._keypoints.get(camera):
            missing = self._experiment.missing_keypoints(camera, poses.keypoints)
            for keypoint, trigger in missing.items():
                fault = self._faults.missing_keypoint(stamp, keypoint, trigger, poses.keypoints, cause)
                return [*effects, fault, *self.end(stamp, fault.values["reason"], cause, Phase.FAULT)]
            self._keypoints[camera] = poses.keypoints
            self._virtual[camera] = VirtualColumns(self._experiment.keypoints, poses.keypoints)
            self._triggers.bind(camera, self._virtual[camera].keypoints)
        try:
            array = PoseArray.of(poses, acquired)
            if self._experiment.keypoints:
                array = self._virtual[camera].extend(array)
        except ValueError as error:
            return effects + self._faults.malformed(stamp, self._here.at(stamp), str(error), cause)
        self._last_pose[camera] = now
        recovered = camera in self._silent
        steps: list[Step] = []
        if recovered:
            self._silent.discard(camera)
            effects.append(Event(stamp, event_kinds.RECOVERED, "pose", {"camera": camera}, cause))
            if not self._silent:
                self._forget_what_has_ended()
                steps += self._protocol.tracking_restored(self._time)
        decided = self._triggers.decide(camera, array)
        effects += self._changes(stamp, cause)
        if self._protocol_triggers.isdisjoint(decided):
            steps += self._protocol.frame(self._time)
        else:
            steps += self._protocol.evaluate(self._time, decided, self._triggers.held)
        return effects + self._apply(steps, stamp, cause) if steps or recovered else effects

    def _handle_value(self, item: Value) -> list[Effect]:
        stamp = item.stamp
        effects = self._advance(self._here, stamp, "this machine", stamp)
        now = self._here.at(stamp)
        self._time = max(self._time, now)
        decided = self._triggers.handle_value(item.source, item.value, now, item.age)
        effects += self._changes(stamp, None)
        if self._protocol_triggers.isdisjoint(decided):
            return effects
        steps = self._protocol.evaluate(self._time, decided, self._triggers.held)
        return effects + self._apply(steps, stamp, None)

    def needs_tick(self, stamp: int) -> bool:
        """Whether a tick at this time has an effect; while poses come, only they give the time."""
        now = self._here.at(stamp)
        return self._here.is_set_back(stamp) or self._is_silent(now) or bool(self._newly_silent(now))

    def _handle_tick(self, stamp: int) -> list[Effect]:
        effects = self._advance(self._here, stamp, "this machine", stamp)
        steps: list[Step] = []
        now = self._here.at(stamp)
        for camera in self._newly_silent(now):
            if not self._silent:
                steps += self._protocol.tracking_lost(max(self._time, now))
            self._silent.add(camera)
            effects.append(self._faults.silent(stamp, camera, self._experiment.pose_timeout))
        if self._is_silent(now):
            self._time = max(self._time, now)
            steps += self._protocol.tick(self._time)
        return effects + self._apply(steps, stamp, None)

    def end(self, stamp: int, reason: str, cause: Cause | None = None, phase: Phase = Phase.FINISHED) -> list[Effect]:
        """Ends the run: every output off."""
        time = self._time = self._time if cause else max(self._time, self._here.at(stamp))
        self.phase, self._reason, self._ended = phase, reason, time
        values = {"reason": reason, "duration": f"{(time - self._started) / SECOND:.6f}"}
        try:
            effects = self._notes(self._protocol.stop(time, reason), stamp, cause)
            values |= {f"count.{name}": str(count) for name, count in self._protocol.counts.items()}
        except ExtensionError as error:
            self.phase, effects = (
                Phase.FAULT,
                [Event(stamp, event_kinds.FAULT, "experiment", {"reason": str(error)}, cause)],
            )
        self._triggers.held.clear()
        effects += [*self._all_off(stamp, cause), Event(stamp, event_kinds.EXPERIMENT_ENDED, self._name, values, cause)]
        return effects + self._region_changes()

    def fail(self, stamp: int, error: ExtensionError) -> list[Effect]:
        """Ends the run because a class of the user's own failed: what it would have decided is not known."""
        fault = Event(stamp, event_kinds.FAULT, "experiment", {"reason": str(error)})
        return [fault, *self.end(stamp, str(error), None, Phase.FAULT)]

    # What is asked.

    @property
    def stale(self) -> int:
        """How many poses were too old, or stamped too early, to decide anything."""
        return self._faults.stale

    def status(self, stamp: int) -> Status:
        """Where the run is."""
        return Status(
            phase=self.phase,
            experiment=self._name,
            state=self._protocol.state,
            elapsed=((self._here.at(stamp) if self.phase is Phase.RUNNING else self._ended) - self._started) / SECOND,
            reason=self._reason,
            active_triggers=tuple(name for name in self._experiment.triggers if self._triggers.held.get(name)),
            counts=dict(self._protocol.counts),
        )

    def measured(self) -> dict[str, float]:
        """What each trigger measured last."""
        return {name: self._triggers.measured.get(name, math.nan) for name in self._experiment.triggers}

    def regions(self) -> list[RegionStates]:
        """The state of every region, camera by camera."""
        return region_states(self._experiment, [name for name, value in self._triggers.held.items() if value])

    # From steps to effects.

    def _apply(self, steps: Iterable[Step], stamp: int, cause: Cause | None) -> list[Effect]:
        effects: list[Effect] = []
        why: dict[str, str] = {}
        again: set[str] = set()
        for step in steps:
            if isinstance(step, End):
                return effects + self.end(stamp, step.reason, cause)
            if isinstance(step, Note):
                effects += self._notes([step], stamp, cause)
            elif isinstance(step, On):
                self._wanted[step.stimulus.output] = step.stimulus
                why[step.stimulus.output] = step.trigger
                again |= {step.stimulus.output} if step.again else set()
            elif isinstance(step, Off):
                self._wanted[step.output] = None
                why[step.output] = step.trigger
        return effects + self._commands(stamp, cause, why, again)

    def _forget_what_has_ended(self) -> None:
        """Poses come back: a pulse that was cut short, or was due meanwhile, is not given late."""
        for output, wanted in self._wanted.items():
            if wanted is not None and wanted.ends_by_itself:
                self._wanted[output] = None

    def _notes(self, steps: Iterable[Step], stamp: int, cause: Cause | None) -> list[Effect]:
        return [Event(stamp, step.kind, step.name, step.values, cause) for step in steps if isinstance(step, Note)]

    def _commands(
        self, stamp: int, cause: Cause | None, why: Mapping[str, str], again: Collection[str]
    ) -> list[Effect]:
        """The commands that bring the outputs to what is wanted; without poses that is off."""
        effects: list[Effect] = []
        for output, wanted in self._wanted.items():
            target = None if self._silent else wanted
            if target == self._commanded[output] and (target is None or output not in again):
                continue
            self._commanded[output] = target
            trigger = why.get(output, "")
            value = self._triggers.measured.get(trigger, math.nan)
            action, values = (OFF, {}) if target is None else (target.action, target.texts())
            effects.append(Command(stamp, output, action, values, cause, trigger, value))
        return effects

    def _all_off(self, stamp: int, cause: Cause | None) -> list[Effect]:
        """Off for every output, whatever its last command was."""
        self._wanted = dict.fromkeys(self._wanted)
        self._commanded = dict.fromkeys(self._commanded)
        return [Command(stamp, output, OFF, {}, cause) for output in self._commanded]

    def _changes(self, stamp: int, cause: Cause | None) -> list[Effect]:
        """The triggers that rose and fell, each with what it measured, and the regions that they change."""
        changed = self._triggers.changed
        if not changed:
            return []
        effects: list[Effect] = []
        for name, value in changed.items():
            measured = self._triggers.measured.get(name, math.nan)
            values = {} if math.isnan(measured) else {"value": f"{measured:.6g}"}
            effects.append(
                Event(stamp, event_kinds.TRIGGER_ROSE if value else event_kinds.TRIGGER_FELL, name, values, cause)
            )
        return effects + self._region_changes()

    def _region_changes(self) -> list[Effect]:
        before, self._shown = self._shown, self.regions()
        return [states for states in self._shown if states not in before]

    # Time.

    def _is_silent(self, stamp: int) -> bool:
        return stamp - max(self._last_pose.values(), default=self._started) > _SILENCE

    def _newly_silent(self, stamp: int) -> list[str]:
        return [
            camera
            for camera, last in self._last_pose.items()
            if stamp - last > self._pose_timeout and camera not in self._silent
        ]

    def _advance(self, clock: RunClock, reading: int, name: str, stamp: int) -> list[Effect]:
        """Advances a clock to its reading; a fault where it was set back."""
        back = clock.advance(reading)
        return [self._faults.clock_set_back(stamp, name, back)] if back else []


class RunClock:
    """Makes time that never goes back from a clock that may be set back: then the run's time goes on from where it was.

    Stamps and times are nanoseconds.
    """

    def __init__(self) -> None:
        self._ahead = 0
        self._last: int | None = None

    def is_set_back(self, stamp: int) -> bool:
        """Whether the clock, which now reads `stamp`, was set back since it was last read."""
        return self._last is not None and stamp + self._ahead < self._last - _STEP

    def behind(self, stamp: int) -> int | None:
        """By how much a stamp is no later than the latest one; None where it is later."""
        before = None if self._last is None else self._last - stamp - self._ahead
        return None if before is None or before < 0 else before

    def at(self, stamp: int) -> int:
        """The run's time at a stamp; changes nothing."""
        return self._last if self._last is not None and self.is_set_back(stamp) else stamp + self._ahead

    def advance(self, stamp: int) -> int:
        """Reads the clock; returns by how much it was set back, or 0."""
        back = 0
        if self._last is not None and self.is_set_back(stamp):
            back = self._last - stamp - self._ahead
            self._ahead += back
        self._last = stamp + self._ahead if self._last is None else max(self._last, stamp + self._ahead)
        return back
