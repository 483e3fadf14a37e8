"""What a state machine can do, but is probably a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlstream_common import Problem
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.protocols._control import Limit
from dlstream_experiment.model.protocols._duration import duration_in_words
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._states_cut_short import cut_short
from dlstream_experiment.model.protocols._states_given_once import given_once


def doubts(settings: StateTable) -> Iterator[Problem]:
    """Stimuli without an end, cut short or not given again, and amounts that are never reached."""
    yield from cut_short(settings)
    yield from given_once(settings)
    yield from _endless(settings)
    yield from _in_the_way(settings)
    yield from odd_limits(settings.limits)
    for number, stop in enumerate(settings.stop):
        limit = settings.limits.get(stop.stimulated or "")
        most = limit.session if limit is not None else None
        if most is not None and stop.reaches is not None and stop.reaches > most:
            found = f"{duration_in_words(stop.reaches)} of '{stop.stimulated}', which is on for {most:g} s at most"
            expected = f"at most {duration_in_words(most)}, the limit of a session; otherwise it is never reached"
            yield warning(("stop", number, "reaches"), found, expected)


def odd_limits(limits: Mapping[str, Limit]) -> Iterator[Problem]:
    """Limits of a session that are reached before the one of a stimulus."""
    for name, limit in limits.items():
        if limit.session is not None and limit.stimulus is not None and limit.session < limit.stimulus:
            found = f"{limit.session:g} s in a session, less than {limit.stimulus:g} s at a time"
            expected = "a session's limit that is not smaller than a stimulus's"
            yield warning(("limits", name, "session"), found, expected)


def _endless(settings: StateTable) -> Iterator[Problem]:
    """Given without a time, and neither withdrawn nor limited, nor followed by one with a time."""
    ended = _ended(settings)
    for place, action in settings.actions():
        if action.give is None or action.seconds is not None or action.give.output in ended | set(settings.limits):
            continue
        if action.give.ends_by_itself:
            continue
        found = f"'{action.give.output}' given until it is withdrawn, which nothing does"
        expected = "`seconds` beside it, a `withdraw` or a limit, unless it is meant to last until the experiment ends"
        yield warning((*place, "give"), found, expected)


def _in_the_way(settings: StateTable) -> Iterator[Problem]:
    """Given for a time that only the output knows: what a state has on waits for an end that nothing tells."""
    ended = _ended(settings)
    held = {stimulus.output: name for name, state in settings.states.items() for stimulus in state.stimuli}
    for place, action in settings.actions():
        gift = action.give
        if gift is None or action.seconds is not None or gift.output in ended or gift.output not in held:
            continue
        if not gift.ends_by_itself or gift.length is not None:
            continue
        found = f"'{gift.output}' given for a time that this file doesn't tell, such as that of a volume"
        found += f": from then on '{held[gift.output]}' can't have it on"
        expected = f"`seconds` beside it, or `{{withdraw: {gift.output}}}` before a state has its own stimulus"
        yield warning((*place, "give"), found, expected)


def _ended(settings: StateTable) -> set[str | None]:
    """The outputs of which an action ends what was given."""
    actions = [action for _, action in settings.actions()]
    timed = {action.give.output for action in actions if action.give is not None and action.seconds is not None}
    return timed | {action.withdraw for action in actions}
