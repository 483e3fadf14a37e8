"""The parts of a state: its actions and transitions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from dlstream_common import Settings, misfit
from dlstream_experiment.model.names import Label, Location, Name, Seconds
from dlstream_experiment.model.protocols._base import Stimulus, stimulus_in_words
from dlstream_experiment.model.protocols._conditions import Comparison, Comparisons, CounterName, comparisons
from dlstream_experiment.model.protocols._duration import Draw, Duration, Positive, duration_in_words

END, TRIAL = "end", "trial"
"""Words that `go` knows besides the states."""
RUN = "start"
"""The mark of the run's begin."""

_ACTIONS = ("count", "reset", "mark", "give", "withdraw", "result", "note")


class Action(Settings):
    """An action: exactly one of these."""

    count: CounterName | None = None
    """A counter to increase; it starts at 0."""
    by: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 1
    """With count: by how much."""
    reset: CounterName | None = None
    """A counter to set back to 0."""
    mark: Label | None = None
    """A name for this moment, for `since`."""
    give: Stimulus | None = None
    """A stimulus that lasts across states; meanwhile its output does nothing else."""
    seconds: Duration | None = None
    """With give: how long; if omitted: until it is withdrawn, or, where a state has a stimulus of that output, until
    its output has ended it, as a pulse."""
    withdraw: Name | None = None
    """An output whose given stimulus ends now."""
    result: CounterName | None = None
    """Ends the trial in progress with this result, such as success, and increases the counter of that name; between
    trials it does nothing."""
    note: Label | None = None
    """The name of an event to record."""
    values: dict[Label, str | int | float | bool] = Field(default_factory=dict)
    """With note: values of the event."""

    @model_validator(mode="after")
    def _is_one(self) -> Action:
        if sum(getattr(self, name) is not None for name in _ACTIONS) != 1:
            raise ValueError(f"exactly one of {', '.join(_ACTIONS)}")
        for extra, owner in (("by", "count"), ("seconds", "give"), ("values", "note")):
            if extra in self.model_fields_set and getattr(self, owner) is None:
                raise misfit(extra, f"{extra} only beside {owner}")
        if self.seconds == 0:
            raise misfit("seconds", "more than 0 seconds")
        return self

    def __str__(self) -> str:
        if self.count is not None:
            return f"count {self.count}" + (f" by {self.by}" if self.by != 1 else "")
        if self.give is not None:
            return f"give {stimulus_in_words(self.give)}" + (
                f" for {duration_in_words(self.seconds)}" if self.seconds is not None else ""
            )
        name = next(name for name in _ACTIONS if getattr(self, name) is not None)
        return f"{name} {getattr(self, name)}"


def _way(value: Any) -> str:
    return "shares" if isinstance(value, Mapping) else "state"


Target = Annotated[
    Annotated[Label, Tag("state")]
    | Annotated[dict[Label, Positive], Field(min_length=1, max_length=1000), Tag("shares")],
    Discriminator(_way),
]
"""A state, or several with their shares, one of which is drawn."""


class Transition(Settings):
    """A transition to another state, taken when everything in it is true; with no condition, at once."""

    when: Label | None = None
    """A trigger, checked on the frames on which it decides."""
    is_: Literal[True, False, "rose", "fell"] = Field(True, alias="is")
    """What the trigger must be: true, false, or on this very frame have become true (rose) or false (fell)."""
    if_: Comparisons = Field((), alias="if")
    """A comparison of counters, such as hits >= 10; in a list, all must be true."""
    after: Duration | None = None
    """Seconds that the state must have lasted, or longer (>=)."""
    longer_than: Duration | None = None
    """Seconds that the state must have lasted longer than (>)."""
    since: Label | None = None
    """Counts `after` or `longer_than` from a mark; `start` is the start of the run, `trial` that of the trial."""
    do: tuple[Action, ...] = ()
    """Actions of the transition, in this order."""
    go: Target
    """The next state; `end` ends the experiment, `trial` begins the next trial."""
    reason: Label | None = None
    """With go: end, the recorded reason."""

    @model_validator(mode="after")
    def _fits_together(self) -> Transition:
        if "is_" in self.model_fields_set and self.when is None:
            raise misfit("is", "a trigger as `when` beside `is`")
        _check_times(self.after, self.longer_than, self.since)
        if self.reason is not None and END not in self.targets:
            raise misfit("reason", "reason only beside go: end")
        return self

    @cached_property
    def targets(self) -> dict[str, float]:
        """Where it may lead, each with its share."""
        return {self.go: 1.0} if isinstance(self.go, str) else self.go

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What it asks of the counters."""
        return comparisons(self.if_)

    @property
    def wait(self) -> float | Draw | None:
        """Its `after` or `longer_than`."""
        return self.after if self.after is not None else self.longer_than

    @property
    def is_at_once(self) -> bool:
        """Whether it is always taken, on the very frame on which it is checked."""
        soon = self.wait is None or (self.after == 0 and self.since is None)
        return self.when is None and soon and not self.comparisons

    def __str__(self) -> str:
        parts = []
        if self.when is not None:
            parts.append(f"{self.when} {self.is_ if isinstance(self.is_, str) else _word(self.is_)}")
        parts += [str(item) for item in self.comparisons]
        parts += _spoken_time(self.after, self.longer_than, self.since)
        return " and ".join(parts) or "at once"


class StopCondition(Settings):
    """Ends the experiment when everything in it is true; checked first on every frame."""

    after: Seconds | None = None
    """Seconds since the start, or longer (>=)."""
    longer_than: Seconds | None = None
    """Seconds since the start that must be exceeded (>)."""
    since: Label | None = None
    """Counts `after` or `longer_than` from a mark instead."""
    if_: Comparisons = Field((), alias="if")
    """A comparison of counters, such as hits >= 10; in a list, all must be true."""
    stimulated: Name | None = None
    """With reaches: an output."""
    reaches: Positive | None = None
    """With stimulated: how many seconds that output has been on in this run in total."""
    reason: Label | None = None
    """The recorded reason; if omitted: the condition itself."""

    @model_validator(mode="after")
    def _asks_something(self) -> StopCondition:
        _check_times(self.after, self.longer_than, self.since)
        if (self.stimulated is None) != (self.reaches is None):
            raise misfit("stimulated" if self.reaches is None else "reaches", "stimulated and reaches together")
        if self.after is None and self.longer_than is None and not self.if_ and self.stimulated is None:
            raise ValueError("one or more of after, longer_than, if, stimulated")
        if self.after == 0 and self.since in (None, RUN) and not self.if_ and self.stimulated is None:
            raise misfit("after", "after more than 0 seconds: the experiment would end as it starts")
        return self

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What it asks of the counters."""
        return comparisons(self.if_)

    def __str__(self) -> str:
        parts = _spoken_time(self.after, self.longer_than, self.since or RUN)
        parts += [str(item) for item in self.comparisons]
        if self.stimulated is not None:
            parts.append(f"{self.stimulated} has been on for {self.reaches:g} s in all")
        return " and ".join(parts)


class State(Settings):
    """A state of the experiment."""

    text: Annotated[str, Field(max_length=1000)] = ""
    """A description for people."""
    stimuli: tuple[Stimulus, ...] = ()
    """On while in the state. A stimulus that the next state has as well stays on without a gap; a pulse, train or file
    is then not given again."""
    enter: tuple[Action, ...] = ()
    """Actions when the state is entered, in this order."""
    leave: tuple[Action, ...] = ()
    """Actions when a transition leaves it, also one that ends the experiment; not when a `stop` condition ends it, or
    the operator."""
    transitions: tuple[Transition, ...] = ()
    """The transitions, checked in this order; the first that is true is taken."""

    def actions(self) -> list[tuple[Location, Action]]:
        """Everything that is done in it, with its place."""
        listed: list[tuple[Location, Action]] = [(("enter", i), action) for i, action in enumerate(self.enter)]
        listed += [(("leave", i), action) for i, action in enumerate(self.leave)]
        for number, transition in enumerate(self.transitions):
            listed += [(("transitions", number, "do", i), action) for i, action in enumerate(transition.do)]
        return listed


def _word(value: bool) -> str:
    return "is true" if value else "is false"


def _check_times(after: object, longer_than: object, since: str | None) -> None:
    if after is not None and longer_than is not None:
        raise ValueError("after or longer_than, not both")
    if since is not None and after is None and longer_than is None:
        raise ValueError("after or longer_than beside since")


def _spoken_time(after: float | Draw | None, longer_than: float | Draw | None, since: str | None) -> list[str]:
    wait = after if after is not None else longer_than
    if wait is None:
        return []
    time = duration_in_words(wait) if after is not None else f"more than {duration_in_words(wait)}"
    return [f"after {time}" if since is None else f"{time} since {since}"]
