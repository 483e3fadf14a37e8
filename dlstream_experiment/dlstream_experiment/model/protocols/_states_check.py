"""Contradictions in a state machine, found before it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from dlstream_common import Problem, suggest
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.protocols._base import Stimulus
from dlstream_experiment.model.protocols._conditions import Comparison
from dlstream_experiment.model.protocols._control_checks import beyond, named_outputs, unknown_outputs, yoked_beyond
from dlstream_experiment.model.protocols._duration import duration_in_words, longest
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._states_circles import circles, closure, leads_to
from dlstream_experiment.model.protocols._states_doubts import doubts
from dlstream_experiment.model.protocols._transitions import END, RUN, TRIAL, State, Transition

_COUNTED_BY_THE_TRIALS = ("trials", "trials_left")


def problems(settings: StateTable) -> list[Problem]:
    """All contradictions and doubts, in no particular order."""
    return [
        *_names(settings),
        *_marks(settings),
        *_counters(settings),
        *_outputs(settings),
        *_limits(settings),
        *_ways(settings),
        *doubts(settings),
    ]


def _transitions(settings: StateTable) -> Iterator[tuple[Location, Transition]]:
    for name, state in settings.states.items():
        for number, transition in enumerate(state.transitions):
            yield ("states", name, "transitions", number), transition


def _names(settings: StateTable) -> Iterator[Problem]:
    known = list(settings.states)
    for word in (END, TRIAL):
        if word in settings.states:
            yield Problem(("states", word), f"a state named '{word}'", "another name: this word is taken")
    if settings.start is not None and settings.start not in known:
        yield _unknown_state(("start",), settings.start, known)
    for name, condition in settings.trials.conditions.items() if settings.trials is not None else ():
        if condition.state not in known:
            yield _unknown_state(("trials", "conditions", name, "state"), condition.state, known)
    for place, transition in _transitions(settings):
        for target in transition.targets:
            if target == TRIAL and settings.trials is None:
                yield Problem((*place, "go"), "'trial'", "a trial list, protocol.trials")
            elif target not in (*known, END, TRIAL):
                yield _unknown_state((*place, "go"), target, known)
    if settings.trials is not None and not any(TRIAL in way.targets for _, way in _transitions(settings)):
        yield warning(("trials",), "a trial list that nothing begins", "a transition with `go: trial`")


def _unknown_state(place: Location, name: str, known: list[str]) -> Problem:
    return Problem(place, f"'{name}'", "a state of this file", suggest(name, known))


def _marks(settings: StateTable) -> Iterator[Problem]:
    known = [RUN] + [action.mark for _, action in settings.actions() if action.mark is not None]
    if settings.trials is not None:
        known.append(TRIAL)
    used: list[tuple[Location, str | None]] = [((*place, "since"), way.since) for place, way in _transitions(settings)]
    used += [(("stop", number, "since"), stop.since) for number, stop in enumerate(settings.stop)]
    for place, name in used:
        if name is not None and name not in known:
            yield Problem(place, f"'{name}'", "a mark that an action sets", suggest(name, known))
    for place, action in settings.actions():
        if action.mark in (RUN, TRIAL):
            yield Problem((*place, "mark"), f"'{action.mark}'", "another name: this mark is set automatically")


def _counters(settings: StateTable) -> Iterator[Problem]:
    built_in = _COUNTED_BY_THE_TRIALS if settings.trials is not None else ()
    known = [*settings.counters(), *built_in]
    used: list[tuple[Location, Iterable[Comparison]]] = [
        ((*place, "if"), way.comparisons) for place, way in _transitions(settings)
    ]
    used += [(("stop", number, "if"), stop.comparisons) for number, stop in enumerate(settings.stop)]
    for place, comparisons in used:
        for name in (name for comparison in comparisons for name in comparison.counters):
            if name not in known:
                hint = suggest(name, known) or "Nothing is counted in this file."
                yield Problem(place, f"'{name}'", "a counter that an action counts", hint)
    for place, action in settings.actions():
        changed = action.count or action.reset or action.result
        if changed in _COUNTED_BY_THE_TRIALS:
            yield Problem(place, f"'{changed}'", "another name: the trial list counts this automatically")
        if action.result is not None and settings.trials is None:
            yield Problem((*place, "result"), f"'{action.result}'", "a trial list, protocol.trials: it ends a trial")


def _outputs(settings: StateTable) -> Iterator[Problem]:
    named = named_outputs(settings.limits, settings.control)
    named += [((*place, "withdraw"), action.withdraw) for place, action in settings.actions() if action.withdraw]
    stops = enumerate(settings.stop)
    named += [(("stop", number, "stimulated"), stop.stimulated) for number, stop in stops if stop.stimulated]
    yield from unknown_outputs(named, [stimulus for _, stimulus in settings.stimuli_used()])
    for name, state in settings.states.items():
        outputs = [stimulus.output for stimulus in state.stimuli]
        for number, output in enumerate(outputs):
            if output in outputs[:number]:
                place = ("states", name, "stimuli", number, "output")
                yield Problem(place, f"'{output}' a second time", "one stimulus of an output in a state")


def _limits(settings: StateTable) -> Iterator[Problem]:
    for name, state in settings.states.items():
        for number, stimulus in enumerate(state.stimuli):
            limit = settings.limits.get(stimulus.output)
            if limit is None:
                continue
            longest_on = min(_longest_stay(state), _length(stimulus))
            place: Location = ("states", name, "stimuli", number)
            if state.transitions and all(_is_plain_time(way) for way in state.transitions):
                yield from beyond(place, stimulus.output, longest_on, limit)
            elif limit.stimulus is not None and longest_on > limit.stimulus:
                yield _cut(place, f"'{stimulus.output}' on for as long as '{name}' lasts", limit.stimulus)
    for place, action in settings.actions():
        limit = settings.limits.get(action.give.output) if action.give is not None else None
        if action.give is None or limit is None:
            continue
        output, length = action.give.output, _length(action.give)
        if action.seconds is not None:
            yield from beyond((*place, "seconds"), output, min(longest(action.seconds), length), limit)
        elif action.give.ends_by_itself and action.give.length is None:
            yield _unknown((*place, "give"), output)
        elif limit.stimulus is not None and length > limit.stimulus:
            until = "until it is withdrawn" if action.give.length is None else f"for {duration_in_words(length)}"
            yield _cut((*place, "give"), f"'{output}' given {until}", limit.stimulus)
    yield from yoked_beyond(settings.limits, settings.control)


def _length(stimulus: Stimulus) -> float:
    """Seconds after which the output ends it by itself; infinite where it doesn't, or where that is not known."""
    return math.inf if stimulus.length is None else stimulus.length


def _cut(place: Location, found: str, most: float) -> Problem:
    """A stimulus that only the limit is sure to end: it works, but may not be what was meant."""
    expected = f"a transition with only a time, of at most {duration_in_words(most)}"
    if place[-1] == "give":
        expected = f"`seconds` beside it, at most {duration_in_words(most)}"
    hint = f"Now the limit switches it off after {duration_in_words(most)}, and the experiment goes on."
    return warning(place, found, expected, hint)


def _unknown(place: Location, output: str) -> Problem:
    """A volume or a file: how long it lasts, only the output knows."""
    found = f"'{output}' given for a time that this file doesn't tell, such as that of a volume"
    hint = "Now it counts towards the limit until it is withdrawn or given again."
    return warning(place, found, "`seconds` beside it, or a `width` or `duration`", hint)


def _longest_stay(state: State) -> float:
    """How many seconds a state lasts when no trigger leads out of it; infinite where nothing bounds it."""
    ways = (way for way in state.transitions if _is_plain_time(way))
    return min((longest(way.wait) for way in ways if way.wait is not None), default=math.inf)


def _is_plain_time(way: Transition) -> bool:
    """Whether a transition is taken when the state has lasted for a time, whatever else happens."""
    return way.wait is not None and way.when is None and not way.comparisons and way.since is None


def _ways(settings: StateTable) -> Iterator[Problem]:
    after = {
        name: [target for way in state.transitions for target in leads_to(settings, way)]
        for name, state in settings.states.items()
    }
    yield from circles(settings)
    reached = closure({settings.first}, after)
    for name, state in settings.states.items():
        if name not in reached:
            expected = f"transitions that lead to it from the first state, '{settings.first}'"
            yield warning(("states", name), "a state that is never entered", expected)
        elif not settings.stop and not state.transitions:
            expected = "a transition, or a `stop` condition: the experiment would stay here for ever"
            yield Problem(("states", name), "a state that is never left", expected)
        elif not state.transitions and state.stimuli:
            outputs = " and ".join(f"'{stimulus.output}'" for stimulus in state.stimuli)
            found = f"a state that is never left, with {outputs} on until a `stop` condition ends the experiment"
            yield warning(("states", name), found, "a transition, unless that is meant")
        elif not settings.stop and END not in closure({name}, after):
            expected = "a way to `end`, or a `stop` condition: only the operator could end the experiment"
            yield warning(("states", name), "a state from which no end is reached", expected)
        if state.stimuli and any(way.is_at_once for way in state.transitions):
            found = f"a stimulus that is never on: '{name}' is left as soon as it is entered"
            expected = "a trigger, a time or a counter on the transition that is taken at once"
            yield warning(("states", name, "stimuli"), found, expected)
        for number, transition in enumerate(state.transitions[:-1]):
            if transition.is_at_once:
                place = ("states", name, "transitions", number + 1)
                expected = "this transition before the one that is always taken"
                yield warning(place, "a transition that is never reached", expected)
                break
