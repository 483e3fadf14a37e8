"""Counters that end the run in the first frame of a stimulus: the last one is cut short, or never on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dlstream_common import Problem
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.protocols._conditions import Comparison
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._transitions import END, TRIAL, Action, Transition

_UP = {">=", ">", "=="}
_DOWN = {"<=", "<", "=="}
_MIRRORED = {">=": "<=", "<=": ">=", ">": "<", "<": ">"}
_ON_ENTERING = "enter"
_CUT = "the run ends on the next frame: the last stimulus lasts one frame"
_NEVER = "the run ends on the same frame: the last stimulus is never on"


@dataclass(frozen=True)
class _Change:
    """A counter that changes on the frame on which a stimulus begins.

    `states`: those that are entered on this frame and begin a stimulus; empty: the stimulus is given in a transition.
    """

    counter: str
    up: bool
    place: Location
    states: tuple[str, ...]

    def fulfils(self, comparisons: Sequence[Comparison]) -> Comparison | None:
        """The comparison that can become true by this change."""
        signs = _UP if self.up else _DOWN
        for item in comparisons:
            if item.left == self.counter and item.sign in signs:
                return item
            if item.right == self.counter and _MIRRORED.get(item.sign, item.sign) in signs:
                return item
        return None


def cut_short(settings: StateTable) -> Iterator[Problem]:
    """Stimuli that begin on a frame on which a counter reaches what ends the run, one warning for each end."""
    changes = list(_changes(settings))
    for number, stop in enumerate(settings.stop):
        if stop.after is not None or stop.longer_than is not None or stop.stimulated is not None:
            continue
        found = next(((c, held) for c in changes if (held := c.fulfils(stop.comparisons))), None)
        if found is not None:
            yield _warning(*found, f"stop[{number}]", _CUT)
    for name, state in settings.states.items():
        for number, way in enumerate(state.transitions):
            if END not in way.targets or way.when is not None or way.wait is not None:
                continue
            here = (change for change in changes if name in change.states)
            found = next(((c, held) for c in here if (held := c.fulfils(way.comparisons))), None)
            if found is not None:
                yield _warning(*found, f"states.{name}.transitions[{number}]", _NEVER)


def _warning(change: _Change, held: Comparison, where: str, effect: str) -> Problem:
    begins = f"as '{change.states[0]}' begins a stimulus" if change.states else "as a stimulus is given"
    found = f"'{change.counter}', which changes {begins} and ends the run by `{held}` ({where}): {effect}"
    expected = "a counter that changes as the stimulus ends"
    hint = "Let `go: end` be a transition of the state that follows the stimulus."
    if change.states and change.place[-2] == _ON_ENTERING:
        hint = f"Count on leaving: write `leave` for `enter` in '{change.states[0]}'."
    elif change.up and change.place[-2:-1] == ("do",) and change.states:
        hint = f"Count on leaving: move the action to `leave` of '{change.states[0]}'."
    return warning(change.place, found, expected, hint)


def _changes(settings: StateTable) -> Iterator[_Change]:
    for name, state in settings.states.items():
        if name in _beginning(settings, None, [name]):
            for number, action in enumerate(state.enter):
                yield from _counted(action, ("states", name, _ON_ENTERING, number), (name,))
        for way_number, way in enumerate(state.transitions):
            place: Location = ("states", name, "transitions", way_number)
            entered = _beginning(settings, name, entered_by(settings, way))
            given = any(action.give is not None for action in (*state.leave, *way.do))
            if not entered and not given:
                continue
            for number, action in enumerate(way.do):
                yield from _counted(action, (*place, "do", number), entered)
            for number, action in enumerate(state.leave):
                yield from _counted(action, ("states", name, "leave", number), entered)
            if TRIAL in way.targets:
                yield _Change("trials", True, (*place, "go"), entered)
                yield _Change("trials_left", False, (*place, "go"), entered)


def _counted(action: Action, place: Location, states: tuple[str, ...]) -> Iterator[_Change]:
    if action.count is not None:
        yield _Change(action.count, action.by > 0, place, states)
    if action.result is not None:
        yield _Change(action.result, True, place, states)


def entered_by(settings: StateTable, way: Transition) -> list[str]:
    """The states that a transition may enter, those in which a trial begins among them."""
    names: list[str] = []
    for target in way.targets:
        if target == TRIAL and settings.trials is not None:
            names += [condition.state for condition in settings.trials.conditions.values()]
        else:
            names.append(target)
    return [name for name in names if name in settings.states]


def _beginning(settings: StateTable, source: str | None, targets: Sequence[str]) -> tuple[str, ...]:
    """Those of the states in which a stimulus begins when they are entered from `source`; None: from any state."""
    sources = [source] if source is not None else []
    return tuple(name for name in dict.fromkeys(targets) if _begins(settings, sources or _before(settings, name), name))


def _begins(settings: StateTable, sources: Sequence[str], name: str) -> bool:
    state = settings.states[name]
    if any(action.give is not None for action in state.enter):
        return True
    goes_on: Mapping[str, bool] = {
        source: all(stimulus in settings.states[source].stimuli for stimulus in state.stimuli) for source in sources
    }
    return bool(state.stimuli) and not (goes_on and all(goes_on.values()))


def _before(settings: StateTable, name: str) -> list[str]:
    """The other states that lead to this one; empty for the first, which nothing needs to lead to."""
    if name == settings.first:
        return []
    return [
        other
        for other, state in settings.states.items()
        if other != name and any(name in entered_by(settings, way) for way in state.transitions)
    ]
