"""All triggers of an experiment, decided together."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence

from dlstream_experiment.model.external import ExternalCondition, ExternalSource
from dlstream_experiment.model.order import in_order
from dlstream_experiment.model.plane import CameraPlane
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.triggers import Context, PoseSettings, TriggerSettings
from dlstream_experiment.runtime.triggers.camera_evaluator import CameraEvaluator
from dlstream_experiment.runtime.triggers.trigger_state import TriggerState

News = Sequence[tuple[TriggerState, bool | None]]
"""Triggers with what is newly known of their conditions (None: unknown)."""


class TriggerSet:
    """The triggers of one run.

    Attributes:
        held: the last decision of every trigger that has decided.
        changed: the triggers whose decision the last call changed (one that had not decided counts as false), in the
            order of the file.
        measured: what each of them measured on the last frame of its camera (or its last value), in the unit of its
            type; NaN: nothing. Computed when it is asked for.
    """

    def __init__(self, settings: Mapping[str, TriggerSettings], context: Context) -> None:
        self.held: dict[str, bool] = {}
        self.changed: dict[str, bool] = {}
        self.measured: Mapping[str, float] = _Measured(self)
        self._states = [
            TriggerState(number, name, item, context) for number, (name, item) in enumerate(settings.items())
        ]
        self._by_name = {state.name: state for state in self._states}
        self._composed = self._compositions(settings)
        self._cameras = {
            camera: _CameraShare(camera, self._states, settings, context)
            for camera in dict.fromkeys(state.camera for state in self._states if state.camera is not None)
        }
        self._external: dict[str, list[TriggerState]] = {}
        for state in self._states:
            if isinstance(state.built, ExternalCondition):
                self._external.setdefault(state.built.source.source, []).append(state)
        self._waiting: dict[int, TriggerState] = {}  # compositions with a timer, by rank
        self._values: dict[str, tuple[float | str, int]] = {}
        self._evaluation = 0
        self._due: int | None = None  # the earliest timer of compositions and external values

    def _compositions(self, settings: Mapping[str, TriggerSettings]) -> list[TriggerState]:
        """The composed triggers in the order in which they are decided, connected with what they use."""
        uses = {name: [used for _, used in item.triggers_used()] for name, item in settings.items()}
        composed = [self._by_name[name] for name in in_order(uses) if self._by_name[name].rule is not None]
        for state in composed:
            state.inputs = [self._by_name[used] for used in uses[state.name]]
        for rank in reversed(range(len(composed))):
            state = composed[rank]
            for used in dict.fromkeys(state.inputs):
                used.used_by.append(rank)
                used.above = sorted({*used.above, state.number, *state.above})
        return composed

    @property
    def external_sources(self) -> tuple[ExternalSource, ...]:
        """The sources of the values from outside that the triggers need; see `handle_value`."""
        return tuple(dict.fromkeys(self.external_triggers.values()))

    @property
    def external_triggers(self) -> dict[str, ExternalSource]:
        """The triggers that decide on values from outside, each with the source of its values."""
        states = [state for states in self._external.values() for state in states]
        return {state.name: state.built.source for state in states if isinstance(state.built, ExternalCondition)}

    def bind(self, camera: str, keypoints: Sequence[str]) -> None:
        """Receives the keypoints of a camera's poses: before the first frame, and when they change.

        Raises:
            KeyError: a keypoint that a trigger needs is missing.
        """
        if camera in self._cameras:
            self._cameras[camera].evaluator.bind(keypoints)

    def forget_motion(self, camera: str) -> None:
        """A camera's clock was set back: no motion is measured from before to after it."""
        if camera in self._cameras:
            self._cameras[camera].evaluator.forget_motion()

    def decide(self, camera: str, poses: PoseArray) -> Mapping[str, bool]:
        """The decisions of the triggers that decide on a frame of a camera; `changed` has those that are new.

        Composed triggers decide with any trigger that they use. The result has those that only a timer changed as well.
        """
        stamp = poses.stamp
        self.changed = {}
        share = self._cameras.get(camera)
        news: News = share.evaluator.evaluate(poses) if share is not None else ()
        timed = self._due is not None and self._due <= stamp
        if news or timed or (share is not None and share.due is not None and share.due <= stamp):
            self._evaluate(stamp, (), news, share)
        if share is None:
            return dict(self.changed)
        return {**share.decided, **self.changed} if timed else share.decided.copy()

    def handle_value(self, source: str, value: float | str, stamp: int, age: int = 0) -> Mapping[str, bool]:
        """The decisions, at `stamp`, of the triggers that decide on a value from outside; it arrived `age` before."""
        self.changed = {}
        states = self._external.get(source, [])
        if not states:
            return {}
        self._values[source] = (value, stamp - age)
        self._evaluate(stamp, states, (), None)
        numbers = sorted({number for state in states if state.known for number in (state.number, *state.above)})
        decided = [self._states[number] for number in numbers]
        return {state.name: state.value for state in decided if state.value is not None} | self.changed

    def individuals(self, name: str) -> tuple[str, ...]:
        """The individual (or the two of a pair) of which a trigger measured something; () where there is none."""
        state = self._by_name[name]
        return self._cameras[state.camera].evaluator.individuals(state) if state.camera is not None else ()

    # From what is known to decisions.

    def _evaluate(self, stamp: int, external: Sequence[TriggerState], news: News, share: _CameraShare | None) -> None:
        self._evaluation += 1
        changed = [state for state in external if self._decide_value(state, stamp)]
        if share is not None:
            changed += share.update(news, stamp, self._evaluation)
        due = self._due is not None and self._due <= stamp
        for states in self._external.values() if due else ():
            changed += [state for state in states if state.is_due(stamp) and self._decide_value(state, stamp)]
        ranks = {rank for state in changed for rank in state.used_by}
        if due:
            ranks.update([rank for rank, state in self._waiting.items() if state.is_due(stamp)])
        todo = sorted(ranks)
        for rank in todo:  # grows on the way: each composition comes after what it is composed of
            state = self._composed[rank]
            if state.compose(stamp, self._evaluation):
                changed.append(state)
                for other in state.used_by:
                    if other not in ranks:
                        ranks.add(other)
                        insort(todo, other)
            if state.due is not None:
                self._waiting[rank] = state
            else:
                self._waiting.pop(rank, None)
        others = [state for states in self._external.values() for state in states] if self._external else []
        dues = [state.due for state in (*self._waiting.values(), *others) if state.due is not None]
        self._due = min(dues, default=None)
        if changed:
            self._store(changed)

    def _decide_value(self, state: TriggerState, stamp: int) -> bool:
        """Decides on the last value of a trigger's source; returns whether anything about it changed."""
        condition = state.built
        assert isinstance(condition, ExternalCondition)
        value, since = self._values[condition.source.source]
        known = condition.holds(value, stamp - since, bool(state.condition))
        changed = state.measure(known, stamp, self._evaluation)
        expires = condition.expires(since)
        if expires is not None and expires > stamp and (state.due is None or expires < state.due):
            state.due = expires
        return changed

    def _store(self, changed: Sequence[TriggerState]) -> None:
        for state in sorted(changed, key=_number) if len(changed) > 1 else changed:
            if state.value is None:
                continue
            if state.value != self.held.get(state.name, False):
                self.changed[state.name] = state.value
            self.held[state.name] = state.value
            for share in self._cameras.values():
                share.store(state)

    def _measured(self, state: TriggerState) -> float:
        if state.camera is not None:
            return self._cameras[state.camera].evaluator.measured(state)
        if isinstance(state.built, ExternalCondition):
            value = self._values.get(state.built.source.source, (float("nan"), 0))[0]
            return float("nan") if isinstance(value, str) else float(value)
        return float("nan")


class _CameraShare:
    """The decisions of the triggers on one camera's poses, and of the compositions that use them.

    Attributes:
        due: the stamp at which one of the triggers must be looked at even if nothing new is known; None: never.
        decided: the decisions on a frame, as they are now.
    """

    def __init__(
        self,
        camera: str,
        states: Sequence[TriggerState],
        settings: Mapping[str, TriggerSettings],
        context: Context,
    ) -> None:
        own = [state for state in states if state.camera == camera]
        poses = [item for item in (settings[state.name] for state in own) if isinstance(item, PoseSettings)]
        in_cm = [name for item in poses if item.metric for _, name in item.keypoints_used()]
        in_depth = [name for item in poses if item.needs_depth for _, name in item.keypoints_used()]
        calibration = context.calibration.get(camera)
        plane = calibration if isinstance(calibration, CameraPlane) else None
        self.evaluator = CameraEvaluator(own, plane, list(dict.fromkeys(in_cm)), list(dict.fromkeys(in_depth)))
        self.due: int | None = None
        self.decided: dict[str, bool] = {}
        self._name, self._states = camera, states
        self._waiting: dict[int, TriggerState] = {}
        self._uses = dict.fromkeys((number for state in own for number in state.above), 0)

    def update(self, news: News, stamp: int, evaluation: int) -> list[TriggerState]:
        """Decides on what is newly known and on timers; returns the triggers that this changed."""
        changed, seen = [], set()
        for state, condition in news:
            known = state.known
            seen.add(state.number)
            if state.measure(condition, stamp, evaluation):
                changed.append(state)
            if known != state.known:
                self._count(state)
            self._wait_for(state)
        for state in [state for state in self._waiting.values() if state.is_due(stamp)]:
            if state.number not in seen:
                if state.wait(stamp, evaluation):
                    changed.append(state)
                self._wait_for(state)
        self.due = min([state.due for state in self._waiting.values() if state.due is not None], default=None)
        return changed

    def store(self, state: TriggerState) -> None:
        """Keeps `decided` up to date with a trigger that changed."""
        if state.value is not None and (
            state.known if state.camera == self._name else self._uses.get(state.number, 0) > 0
        ):
            self.decided[state.name] = state.value

    def _wait_for(self, state: TriggerState) -> None:
        if state.due is not None:
            self._waiting[state.number] = state
        else:
            self._waiting.pop(state.number, None)

    def _count(self, state: TriggerState) -> None:
        """A trigger began or ceased to decide, and perhaps what is composed of it as well."""
        step = 1 if state.known else -1
        self._set_decides(state, state.known)
        for number in state.above:
            self._uses[number] = uses = self._uses[number] + step
            if uses == (1 if state.known else 0):
                self._set_decides(self._states[number], state.known)

    def _set_decides(self, state: TriggerState, decides: bool) -> None:
        if not decides:
            self.decided.pop(state.name, None)
        elif state.value is not None:
            self.decided[state.name] = state.value


def _number(state: TriggerState) -> int:
    return state.number


class _Measured(Mapping[str, float]):
    def __init__(self, triggers: TriggerSet) -> None:
        self._triggers = triggers

    def __getitem__(self, name: str) -> float:
        return self._triggers._measured(self._triggers._by_name[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._triggers._by_name)

    def __len__(self) -> int:
        return len(self._triggers._by_name)
