"""One run of an experiment, from its start to its end."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dlstream_common import FramePoses, suggest
from dlstream_experiment.effects import Cause, Command, Effect, Event, Phase, RegionStates, Status
from dlstream_experiment.experiment import Experiment
from dlstream_experiment.names import SECOND, nanoseconds
from dlstream_experiment.outputs import OFF
from dlstream_experiment.protocols import End, Note, Off, On, Step, Stimulus
from dlstream_experiment.scene import Scene
from dlstream_experiment.triggers import TriggerSet

_FAULTS_EVERY = 5 * SECOND
"""A fault that goes on is reported again after this time, with a count."""


class Run:
    """See Engine, which begins a new one at every start."""

    def __init__(self, experiment: Experiment, stamp: int) -> None:
        self.phase = Phase.RUNNING
        self.stale = 0
        self._experiment = experiment
        self._name = experiment.experiment
        self._started, self._ended, self._reason = stamp, stamp, ""
        self._protocol = experiment.protocol.create()
        self._protocol_triggers = {trigger for _, trigger in experiment.protocol.triggers_used()}
        self._triggers = TriggerSet(experiment.triggers, experiment.context)
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
        values = {"protocol": self._experiment.protocol.type, **self._experiment.metadata_texts()}
        started = Event(stamp, "experiment_started", self._name, values)
        effects = [*self._all_off(stamp, None), started, *self._region_changes()]
        return effects + self._carry_out(self._protocol.start(stamp), stamp, None)

    def poses(self, poses: FramePoses, arrived: int | None) -> list[Effect]:
        camera = poses.camera
        if camera not in self._last_pose:
            return []
        stamp = poses.stamp if arrived is None else arrived
        cause = Cause(camera, poses.sequence, poses.stamp)
        if self._experiment.max_age and stamp - poses.stamp > nanoseconds(self._experiment.max_age):
            return self._too_old(stamp, cause)
        if poses.keypoints != self._keypoints.get(camera):
            missing = self._experiment.missing_keypoints(camera, poses.keypoints)
            if missing:
                return self._lacks_keypoints(stamp, cause, missing, poses.keypoints)
            self._keypoints[camera] = poses.keypoints
            self._triggers.bind(camera, poses.keypoints)
        try:
            scene = Scene.of(poses)
        except ValueError as error:
            return self._repeated_fault("malformed", stamp, str(error), cause)
        self._last_pose[camera] = stamp
        effects = self._recovered(stamp, cause)
        before = dict(self._triggers.held)
        decided = self._triggers.decide(camera, scene)
        changed = {name: value for name, value in decided.items() if value != before.get(name, False)}
        for name, value in changed.items():
            effects.append(Event(stamp, "trigger_rose" if value else "trigger_fell", name, {}, cause))
        if changed:
            effects += self._region_changes()
        if decided.keys() & self._protocol_triggers:
            steps = self._protocol.evaluate(poses.stamp, decided, self._triggers.held)
        else:
            steps = self._protocol.frame(poses.stamp)
        return effects + self._carry_out(steps, stamp, cause)

    def tick(self, stamp: int) -> list[Effect]:
        effects: list[Effect] = []
        timeout = self._experiment.pose_timeout
        for camera, last in self._last_pose.items():
            if camera not in self._silent and stamp - last > nanoseconds(timeout):
                self._silent.add(camera)
                values = {"camera": camera, "reason": f"no pose of camera '{camera}' for {timeout:g} s: outputs off"}
                effects.append(Event(stamp, "fault", "pose", values))
        return effects + self._carry_out(self._protocol.tick(stamp), stamp, None)

    def end(self, stamp: int, reason: str, cause: Cause | None = None, phase: Phase = Phase.FINISHED) -> list[Effect]:
        time = cause.stamp if cause else stamp
        effects = self._notes(self._protocol.stop(time, reason), stamp, cause)
        self.phase, self._reason, self._ended = phase, reason, time
        values = {"reason": reason, "duration": f"{(time - self._started) / SECOND:.6f}"}
        values |= {f"count.{name}": str(count) for name, count in self._protocol.counts.items()}
        self._triggers.held.clear()
        effects += [*self._all_off(stamp, cause), Event(stamp, "experiment_ended", self._name, values, cause)]
        return effects + self._region_changes()

    # What is asked.

    def status(self, stamp: int) -> Status:
        return Status(
            phase=self.phase,
            experiment=self._name,
            state=self._protocol.state,
            elapsed=((stamp if self.phase is Phase.RUNNING else self._ended) - self._started) / SECOND,
            reason=self._reason,
            active_triggers=tuple(name for name in self._experiment.triggers if self._triggers.held.get(name)),
            counts=dict(self._protocol.counts),
        )

    def regions(self) -> list[RegionStates]:
        return region_states(self._experiment, [name for name, value in self._triggers.held.items() if value])

    # Steps to effects.

    def _carry_out(self, steps: Iterable[Step], stamp: int, cause: Cause | None) -> list[Effect]:
        effects: list[Effect] = []
        for step in steps:
            if isinstance(step, End):
                return effects + self.end(stamp, step.reason, cause)
            if isinstance(step, Note):
                effects += self._notes([step], stamp, cause)
            elif isinstance(step, On):
                self._wanted[step.stimulus.output] = step.stimulus
            elif isinstance(step, Off):
                self._wanted[step.output] = None
        return effects + self._commands(stamp, cause)

    def _notes(self, steps: Iterable[Step], stamp: int, cause: Cause | None) -> list[Effect]:
        return [Event(stamp, step.kind, step.name, step.values, cause) for step in steps if isinstance(step, Note)]

    def _commands(self, stamp: int, cause: Cause | None) -> list[Effect]:
        """What brings the outputs from what they were told to what is wanted; blind, nothing is."""
        effects: list[Effect] = []
        for output, wanted in self._wanted.items():
            target = None if self._silent else wanted
            if target == self._told[output]:
                continue
            self._told[output] = target
            if target is None:
                effects.append(Command(stamp, output, OFF, {}, cause))
            else:
                effects.append(Command(stamp, output, target.action, target.texts(), cause))
        return effects

    def _all_off(self, stamp: int, cause: Cause | None) -> list[Effect]:
        """Off for every output, whatever it was told before."""
        self._wanted = dict.fromkeys(self._wanted)
        self._told = dict.fromkeys(self._told)
        return [Command(stamp, output, OFF, {}, cause) for output in self._told]

    # Poses to decisions.

    def _region_changes(self) -> list[Effect]:
        before, self._shown = self._shown, self.regions()
        return [states for states in self._shown if states not in before]

    # What can be wrong with poses.

    def _recovered(self, stamp: int, cause: Cause) -> list[Effect]:
        if cause.camera not in self._silent:
            return []
        self._silent.discard(cause.camera)
        return [Event(stamp, "recovered", "pose", {"camera": cause.camera}, cause)]

    def _too_old(self, stamp: int, cause: Cause) -> list[Effect]:
        self.stale += 1
        age, limit = (stamp - cause.stamp) / SECOND, self._experiment.max_age
        reason = f"a pose of camera '{cause.camera}' came {age:.3f} s after its frame; max_age is {limit:g} s"
        return self._repeated_fault("old", stamp, reason, cause)

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
        last, unreported = self._reported.get(key, (stamp - _FAULTS_EVERY, 0))
        if stamp - last < _FAULTS_EVERY:
            self._reported[key] = (last, unreported + 1)
            return []
        self._reported[key] = (stamp, 0)
        values = {"camera": cause.camera, "reason": reason, "count": str(unreported + 1)}
        return [Event(stamp, "fault", "pose", values, cause)]


def region_states(experiment: Experiment, true_triggers: Collection[str]) -> list[RegionStates]:
    """The states of all regions when these triggers are true, camera by camera."""
    active = {region for name in true_triggers for _, region in experiment.triggers[name].regions_used()}
    by_camera: dict[str, dict[str, bool]] = {}
    for name, region in experiment.regions.items():
        by_camera.setdefault(region.camera or experiment.camera, {})[name] = name in active
    return [RegionStates(camera, states) for camera, states in by_camera.items()]
