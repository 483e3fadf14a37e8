"""Where transitions lead to, and circles of states that are gone through on one frame."""

from __future__ import annotations

from collections.abc import Iterator

from dlstream_common import Problem
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._transitions import END, TRIAL, Transition


def leads_to(settings: StateTable, transition: Transition) -> list[str]:
    """The states to which a transition may lead, `end` among them."""
    names: list[str] = []
    for target in transition.targets:
        if target == TRIAL and settings.trials is not None:
            names += [condition.state for condition in settings.trials.conditions.values()] + [END]
        else:
            names.append(target)
    return list(dict.fromkeys(names))


def circles(settings: StateTable) -> Iterator[Problem]:
    """States that lead to each other on one frame: at once, or while one condition is true for all of them."""
    yield from _at_once(settings)
    yield from _on_one_condition(settings)


def _at_once(settings: StateTable) -> Iterator[Problem]:
    """States that lead on at once in a circle: the experiment goes through it on every frame."""
    onward: dict[str, list[str]] = {}
    for name, state in settings.states.items():
        way = next((way for way in state.transitions if way.is_at_once), None)
        onward[name] = leads_to(settings, way) if way is not None else []
    reported: set[str] = set()
    for name, state in settings.states.items():
        circle = [other for other in settings.states if other in closure(set(onward[name]), onward)]
        if name in reported or name not in circle:
            continue
        circle = [other for other in circle if name in closure(set(onward[other]), onward)]
        reported |= set(circle)
        number = next(index for index, way in enumerate(state.transitions) if way.is_at_once)
        found = f"{' and '.join(repr(other) for other in circle)}, which lead to each other at once, on every frame"
        if len(circle) == 1:
            found = f"'{name}', which leads to itself at once, on every frame"
        # With another transition before it, or a draw, it may be meant: a count of frames, for instance.
        ways = [settings.states[other].transitions[0] for other in circle]
        surely = all(way.is_at_once and set(leads_to(settings, way)) <= set(circle) for way in ways)
        expected = "a trigger, a time or a counter on one of these transitions"
        make = Problem if surely else warning
        yield make(("states", name, "transitions", number), found, expected)


def _on_one_condition(settings: StateTable) -> Iterator[Problem]:
    """Two states or more, all left while the same is true: it ends where it began, and what is between is never on.

    One state that follows itself is as meant: its time begins anew.
    """
    conditions = [way for state in settings.states.values() for way in state.transitions]
    for asked in {_condition(way): way for way in conditions if _is_lasting(way)}.values():
        ways: dict[str, tuple[int, Transition]] = {}
        for name, state in settings.states.items():
            taken = (item for item in enumerate(state.transitions) if _is_taken(item[1], asked))
            first = next(taken, None)
            if first is not None:
                ways[name] = first
        onward = {name: leads_to(settings, way) for name, (_, way) in ways.items()}
        reported: set[str] = set()
        for name in ways:
            ahead = closure(set(onward[name]), onward)
            if name in reported or name not in ahead:
                continue
            circle = [o for o in settings.states if o in ahead and name in closure(set(onward.get(o, [])), onward)]
            reported |= set(circle)
            if len(circle) > 1 and all(len(onward[other]) == 1 for other in circle):  # no draw, no trial
                yield from _circle_on(settings, asked, {other: ways[other] for other in circle})


def _circle_on(settings: StateTable, asked: Transition, circle: dict[str, tuple[int, Transition]]) -> Iterator[Problem]:
    compared = {name for item in asked.comparisons for name in item.counters}
    actions = [action for name in circle for _, action in settings.states[name].actions()]
    if compared & {action.count or action.reset or action.result for action in actions}:
        return  # which may end it
    place = next(((name, number) for name, (number, way) in circle.items() if not way.is_at_once), None)
    if place is None:
        return  # see `_at_once`
    held = [f"{asked.when} is {str(asked.is_).lower()}"] if asked.when is not None else []
    held += [str(comparison) for comparison in asked.comparisons]
    found = f"{' and '.join(map(repr, circle))}, which lead to each other on one frame while {' and '.join(held)}"
    expected = "a trigger, a time or another counter on one of these transitions"
    if asked.when is not None:
        edge = "rose" if asked.is_ else "fell"
        expected = f"`is: {edge}`, which is so on one frame and for one transition, or a time on one of these"
    found += ": the state stays the same, and no stimulus of the others is ever on"
    yield warning(("states", place[0], "transitions", place[1]), found, expected)


def _condition(way: Transition) -> tuple[object, ...]:
    return way.when, way.is_, way.comparisons


def _is_lasting(way: Transition) -> bool:
    """Whether it is taken on a frame on which something is true, however short the state has lasted."""
    soon = way.wait is None or (way.after == 0 and way.since is None)
    return soon and not way.is_at_once and isinstance(way.is_, bool)


def _is_taken(way: Transition, asked: Transition) -> bool:
    return way.is_at_once or (_is_lasting(way) and _condition(way) == _condition(asked))


def closure(begin: set[str], after: dict[str, list[str]]) -> set[str]:
    """All states that are reached from some of them; `after`: where each leads to at once."""
    found, todo = set(begin), list(begin)
    while todo:
        for target in after.get(todo.pop(), []):
            if target not in found:
                found.add(target)
                todo.append(target)
    return found
