"""One run of an experiment, from its start to its end.

Its time is the acquisition of the frames, so that the same frames give the same decisions however long they took to
come. The clock counts only where no pose comes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from dlstream_common import OFF, Cause, Command, Event, FramePoses, suggest
from dlstream_experiment.runtime.clock import Clock
from dlstream_experiment.runtime.effects import Effect, Phase, RegionStates, Status
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.extension import ExtensionError
from dlstream_experiment.model.names import SECOND, nanoseconds
from dlstream_experiment.model.protocols import End, Note, Off, On, Step, Stimulus
from dlstream_experiment.model.pose_array import Scene
from dlstream_experiment.model.triggers import TriggerSet

_PATIENCE = SECOND
"""How long without any pose until the clock tells the protocol the time."""
_FAULTS_EVERY = 5 * SECOND
"""A fault that goes on is reported again after this time, with a count."""


class Run:
    """See Engine, which begins a new one at every start."""

    def __init__(self, experiment: Experiment, stamp: int, seed: int = 0) -> None:
        self.phase = Phase.RUNNING
        self.stale = 0
        self.seed = seed if experiment.seed is None else experiment.seed
        self._experiment = experiment
        self._name = experiment.experiment
        self._started, self._ended, self._reason = stamp, stamp, ""
        self._time = stamp  # of the run; never goes back
        self._here, self._clocks = Clock(), {camera: Clock() for camera in experiment.cameras}
        self._here.take(stamp)
        self._max_age, self._pose_timeout = nanoseconds(experiment.max_age), nanoseconds(experiment.pose_timeout)
        self._protocol = experiment.protocol.create(self.seed)
        self._protocol_triggers = {trigger for _, trigger in experiment.protocol.triggers_used()}
        self._triggers = TriggerSet(experiment.triggers, replace(experiment.context, seed=self.seed))
        self._keypoints: dict[str, tuple[str, ...]] = {}
        self._last_pose = dict.fromkeys(experiment.cameras, stamp)
        self._silent: set[str] = set()
        self._reported: dict[
            tuple[str, str], tuple[int, int]
        ] = {}  # of a fault: when it was reported, and how often it was not
        self._wanted: dict[str, Stimulus | None] = dict.fromkeys(experiment.outputs)
        self._told: dict[str, Stimulus | None] = dict.fromkeys(experiment.outputs)
        self._shown: list[RegionStates] = []

    # What comes in.

    def start(self) -> list[Effect]:
        stamp = self._started
        values = {"protocol": self._experiment.protocol.type, "seed": str(self.seed)}
        values |= self._experiment.metadata_texts()
        started = Event(stamp, "experiment_started", self._name, values)
        effects = [*self._all_off(stamp, None), started, *self._region_changes()]
        return effects + self._carry_out(self._protocol.start(stamp), stamp, None)

    def poses(self, poses: FramePoses, arrived: int | None) -> list[Effect]:
        camera = poses.camera
        if camera not in self._last_pose:
            return []
        stamp = poses.stamp if arrived is None else arrived
        cause = Cause(camera, poses.sequence, poses.stamp)
        effects = [] if arrived is None else self._set_back(self._here, stamp, "this machine", stamp)
        if self._max_age and poses.stamp - stamp > self._max_age:
            return effects + self._too_early(stamp, cause)
        clock = self._clocks[camera]
        effects += self._set_back(clock, poses.stamp, f"camera '{camera}'", stamp)
        acquired = clock.at(poses.stamp)
        now = acquired if arrived is None else self._here.at(stamp)
        self._time = max(self._time, min(acquired, now))  # no frame was acquired after its poses came
        if poses.stale or (self._max_age and stamp - poses.stamp > self._max_age):
            effects += self._too_old(stamp, cause, poses.stale)
            return effects + self._carry_out(self._protocol.frame(self._time), stamp, cause)
        if poses.keypoints != self._keypoints.get(camera):
            missing = self._experiment.missing_keypoints(camera, poses.keypoints)
            if missing:
                return effects + self._lacks_keypoints(stamp, cause, missing, poses.keypoints)
            self._keypoints[camera] = poses.keypoints
            self._triggers.bind(camera, poses.keypoints)
        try:
            scene = Scene.of(poses)
        except ValueError as error:
            return effects + self._repeated_fault("malformed", stamp, str(error), cause)
        if acquired != poses.stamp:
            scene = replace(scene, stamp=acquired)
        self._last_pose[camera] = now
        recovered = camera in self._silent
        steps: list[Step] = []
        if recovered:
            effects += self._recovered(stamp, cause)
            steps += self._protocol.sighted(self._time, True) if not self._silent else []
        decided = self._triggers.decide(camera, scene)
        effects += self._changes(stamp, cause)
        if self._protocol_triggers.isdisjoint(decided):
            steps += self._protocol.frame(self._time)
        else:
            steps += self._protocol.evaluate(self._time, decided, self._triggers.held)
        return effects + self._carry_out(steps, stamp, cause) if steps or recovered else effects

    def value(self, stamp: int, source: str, value: float | str) -> list[Effect]:
        effects = self._set_back(self._here, stamp, "this machine", stamp)
        now = self._here.at(stamp)
        self._time = max(self._time, now)
        decided = self._triggers.take_value(source, value, now)
        effects += self._changes(stamp, None)
        if self._protocol_triggers.isdisjoint(decided):
            return effects
        steps = self._protocol.evaluate(self._time, decided, self._triggers.held)
        return effects + self._carry_out(steps, stamp, None)

    def heeds(self, stamp: int) -> bool:
        now = self._here.at(stamp)
        return self._here.is_set_back(stamp) or self._waits_too_long(now) or bool(self._newly_silent(now))

    def tick(self, stamp: int) -> list[Effect]:
        effects = self._set_back(self._here, stamp, "this machine", stamp)
        steps: list[Step] = []
        now = self._here.at(stamp)
        for camera in self._newly_silent(now):
            if not self._silent:
                steps += self._protocol.sighted(max(self._time, now), False)
            self._silent.add(camera)
            timeout = self._experiment.pose_timeout
            values = {"camera": camera, "reason": f"no pose of camera '{camera}' for {timeout:g} s: outputs off"}
            effects.append(Event(stamp, "fault", "pose", values))
        if self._waits_too_long(now):
            self._time = max(self._time, now)
            steps += self._protocol.tick(self._time)
        return effects + self._carry_out(steps, stamp, None)

    def end(self, stamp: int, reason: str, cause: Cause | None = None, phase: Phase = Phase.FINISHED) -> list[Effect]:
        time = self._time = self._time if cause else max(self._time, self._here.at(stamp))
        self.phase, self._reason, self._ended = phase, reason, time
        values = {"reason": reason, "duration": f"{(time - self._started) / SECOND:.6f}"}
        try:
            effects = self._notes(self._protocol.stop(time, reason), stamp, cause)
            values |= {f"count.{name}": str(count) for name, count in self._protocol.counts.items()}
        except ExtensionError as error:
            self.phase, effects = Phase.FAULT, [Event(stamp, "fault", "experiment", {"reason": str(error)}, cause)]
        self._triggers.held.clear()
        effects += [*self._all_off(stamp, cause), Event(stamp, "experiment_ended", self._name, values, cause)]
        return effects + self._region_changes()

    def fail(self, stamp: int, error: ExtensionError) -> list[Effect]:
        """Ends the run: a class of the user's own failed, and what it would have decided is not known."""
        fault = Event(stamp, "fault", "experiment", {"reason": str(error)})
        return [fault, *self.end(stamp, str(error), None, Phase.FAULT)]

    # What is asked.

    def status(self, stamp: int) -> Status:
        return Status(
            phase=self.phase,
            experiment=self._name,
            state=self._protocol.state,
            elapsed=((self._here.at(stamp) if self.phase is Phase.RUNNING else self._ended) - self._started) / SECOND,
            reason=self._reason,
            active_triggers=tuple(name for name in self._experiment.triggers if self._triggers.held.get(name)),
            counts=dict(self._protocol.counts),
        )

    def regions(self) -> list[RegionStates]:
        return region_states(self._experiment, [name for name, value in self._triggers.held.items() if value])

    # Steps to effects.

    def _carry_out(self, steps: Iterable[Step], stamp: int, cause: Cause | None) -> list[Effect]:
        effects: list[Effect] = []
        why: dict[str, str] = {}
        for step in steps:
            if isinstance(step, End):
                return effects + self.end(stamp, step.reason, cause)
            if isinstance(step, Note):
                effects += self._notes([step], stamp, cause)
            elif isinstance(step, On):
                self._wanted[step.stimulus.output] = step.stimulus
                why[step.stimulus.output] = step.trigger
            elif isinstance(step, Off):
                self._wanted[step.output] = None
                why[step.output] = step.trigger
        return effects + self._commands(stamp, cause, why)

    def _notes(self, steps: Iterable[Step], stamp: int, cause: Cause | None) -> list[Effect]:
        return [Event(stamp, step.kind, step.name, step.values, cause) for step in steps if isinstance(step, Note)]

    def _commands(self, stamp: int, cause: Cause | None, why: Mapping[str, str]) -> list[Effect]:
        """What brings the outputs from what they were told to what is wanted; blind, nothing is."""
        effects: list[Effect] = []
        for output, wanted in self._wanted.items():
            target = None if self._silent else wanted
            if target == self._told[output]:
                continue
            self._told[output] = target
            trigger = why.get(output, "")
            value = self._triggers.measured.get(trigger, math.nan)
            action, values = (OFF, {}) if target is None else (target.action, target.texts())
            effects.append(Command(stamp, output, action, values, cause, trigger, value))
        return effects

    def _all_off(self, stamp: int, cause: Cause | None) -> list[Effect]:
        """Off for every output, whatever it was told before."""
        self._wanted = dict.fromkeys(self._wanted)
        self._told = dict.fromkeys(self._told)
        return [Command(stamp, output, OFF, {}, cause) for output in self._told]

    # Poses to decisions.

    def _changes(self, stamp: int, cause: Cause | None) -> list[Effect]:
        """What rose and what fell, each with what it measured, and the regions that this concerns."""
        changed = self._triggers.changed
        if not changed:
            return []
        effects: list[Effect] = []
        for name, value in changed.items():
            measured = self._triggers.measured.get(name, math.nan)
            values = {} if math.isnan(measured) else {"value": f"{measured:.6g}"}
            effects.append(Event(stamp, "trigger_rose" if value else "trigger_fell", name, values, cause))
        return effects + self._region_changes()

    def _waits_too_long(self, stamp: int) -> bool:
        return stamp - max(self._last_pose.values(), default=self._started) > _PATIENCE

    def _newly_silent(self, stamp: int) -> list[str]:
        return [
            camera
            for camera, last in self._last_pose.items()
            if stamp - last > self._pose_timeout and camera not in self._silent
        ]

    def _region_changes(self) -> list[Effect]:
        before, self._shown = self._shown, self.regions()
        return [states for states in self._shown if states not in before]

    # What can be wrong with poses.

    def _recovered(self, stamp: int, cause: Cause) -> list[Effect]:
        self._silent.discard(cause.camera)
        return [Event(stamp, "recovered", "pose", {"camera": cause.camera}, cause)]

    def _set_back(self, clock: Clock, told: int, whose: str, stamp: int) -> list[Effect]:
        """Takes up what a clock tells; a fault where it was set back."""
        back = clock.take(told)
        if not back:
            return []
        reason = f"the clock of {whose} was set back by {back / SECOND:.3f} s; the run's own time goes on without that"
        return [Event(stamp, "fault", "clock", {"reason": reason})]

    def _too_early(self, stamp: int, cause: Cause) -> list[Effect]:
        self.stale += 1
        ahead, limit = (cause.stamp - stamp) / SECOND, self._experiment.max_age
        reason = f"a frame of camera '{cause.camera}' is stamped {ahead:.3f} s later than its pose came"
        told = f"max_age is {limit:g} s, and the clocks of camera and experiment differ by more"
        return self._repeated_fault("early", stamp, f"{reason}; {told}", cause)

    def _too_old(self, stamp: int, cause: Cause, stale: bool) -> list[Effect]:
        self.stale += 1
        age, limit = (stamp - cause.stamp) / SECOND, self._experiment.max_age
        reason = f"a pose of camera '{cause.camera}' came {age:.3f} s after its frame"
        told = "the pose node calls it stale" if stale else f"max_age is {limit:g} s"
        return self._repeated_fault("old", stamp, f"{reason}; {told}", cause)

    def _lacks_keypoints(
        self, stamp: int, cause: Cause, missing: dict[str, str], known: Collection[str]
    ) -> list[Effect]:
        keypoint, trigger = next(iter(missing.items()))
        reason = (
            f"the poses of camera '{cause.camera}' have no keypoint '{keypoint}', which trigger '{trigger}' needs. "
            + suggest(keypoint, list(known))
        ).rstrip()
        fault = Event(stamp, "fault", "pose", {"camera": cause.camera, "reason": reason}, cause)
        return [fault, *self.end(stamp, reason, cause, Phase.FAULT)]

    def _repeated_fault(self, what: str, stamp: int, reason: str, cause: Cause) -> list[Effect]:
        """A fault event, at most one in a while of each kind and camera; `count` tells how many it stands for."""
        key = (what, cause.camera)
        now = self._here.at(stamp)
        last, unreported = self._reported.get(key, (now - _FAULTS_EVERY, 0))
        if now - last < _FAULTS_EVERY:
            self._reported[key] = (last, unreported + 1)
            return []
        self._reported[key] = (now, 0)
        values = {"camera": cause.camera, "reason": reason, "count": str(unreported + 1)}
        return [Event(stamp, "fault", "pose", values, cause)]


def region_states(experiment: Experiment, true_triggers: Collection[str]) -> list[RegionStates]:
    """The states of all regions when these triggers are true, camera by camera."""
    active = {region for name in true_triggers for _, region in experiment.triggers[name].regions_used()}
    by_camera: dict[str, dict[str, bool]] = {}
    for name, region in experiment.regions.items():
        by_camera.setdefault(region.camera or experiment.camera, {})[name] = name in active
    return [RegionStates(camera, states) for camera, states in by_camera.items()]
