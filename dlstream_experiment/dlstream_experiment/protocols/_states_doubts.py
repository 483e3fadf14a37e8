"""What a state machine can do as it stands, and yet is as a rule a slip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dlstream_experiment.protocols._base import Finding
from dlstream_experiment.protocols._control import Limit
from dlstream_experiment.protocols._duration import spoken
from dlstream_experiment.protocols._states_cut_short import cut_short

if TYPE_CHECKING:
    from dlstream_experiment.protocols.states import StatesSettings


def doubts(settings: StatesSettings) -> Iterator[Finding]:
    """Stimuli without an end or cut short, and amounts that are never reached."""
    yield from cut_short(settings)
    yield from _endless(settings)
    yield from odd_limits(settings.limits)
    for number, stop in enumerate(settings.stop):
        limit = settings.limits.get(stop.stimulated or "")
        most = limit.session if limit is not None else None
        if most is not None and stop.reaches is not None and stop.reaches > most:
            found = f"{spoken(stop.reaches)} of '{stop.stimulated}', which is on for {spoken(most)} at most"
            expected = f"at most {spoken(most)}, the limit of a session: else it never holds"
            yield Finding(("stop", number, "reaches"), found, expected, error=False)


def odd_limits(limits: Mapping[str, Limit]) -> Iterator[Finding]:
    """Limits of a session that are reached before the one of a stimulus."""
    for name, limit in limits.items():
        if limit.session is not None and limit.stimulus is not None and limit.session < limit.stimulus:
            found = f"{spoken(limit.session)} in a session, less than {spoken(limit.stimulus)} at a time"
            expected = "a session's limit that is not smaller than a stimulus's"
            yield Finding(("limits", name, "session"), found, expected, error=False)


def _endless(settings: StatesSettings) -> Iterator[Finding]:
    """Given without a time, and neither withdrawn nor limited, nor followed by one with a time."""
    actions = settings.actions()
    ended = {action.withdraw for _, action in actions}
    ended |= {action.give.output for _, action in actions if action.give is not None and action.seconds is not None}
    for place, action in actions:
        if action.give is None or action.seconds is not None or action.give.output in ended | set(settings.limits):
            continue
        found = f"'{action.give.output}' given until it is withdrawn, which nothing does"
        expected = "`seconds` beside it, a `withdraw` or a limit, unless it is meant to last until the experiment ends"
        yield Finding((*place, "give"), found, expected, error=False)
