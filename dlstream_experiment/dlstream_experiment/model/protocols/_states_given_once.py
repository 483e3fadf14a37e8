"""Pulses, trains and files of a state that follows another one with the same: they are not given again."""

from __future__ import annotations

from collections.abc import Iterator

from dlstream_common import Problem
from dlstream_experiment.model.problems import warning
from dlstream_experiment.model.protocols._base import Stimulus
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._states_cut_short import entered_by


def given_once(settings: StateTable) -> Iterator[Problem]:
    """Stimuli that end by themselves in a state that may follow one with the same, or itself."""
    for name, state in settings.states.items():
        for number, stimulus in enumerate(state.stimuli):
            source = _source(settings, name, stimulus) if stimulus.ends_by_itself else None
            if source is None:
                continue
            before = "itself" if source == name else f"'{source}'"
            found = f"'{stimulus.output}' {stimulus.action}, which ends by itself and is not given again"
            found += f" where '{name}' follows {before}"
            expected = "`enter: [{give: ...}]` in its place, which gives it on each entry"
            hint = f"Where it must end with the state, add `leave: [{{withdraw: {stimulus.output}}}]`."
            yield warning(("states", name, "stimuli", number), found, expected, hint)


def _source(settings: StateTable, name: str, stimulus: Stimulus) -> str | None:
    """A state with the same stimulus that this one may follow; the state itself first."""
    sources = [name, *(other for other in settings.states if other != name)]
    having = (source for source in sources if stimulus in settings.states[source].stimuli)
    return next((source for source in having if name in _entered_on_one_frame(settings, source)), None)


def _entered_on_one_frame(settings: StateTable, source: str) -> set[str]:
    """The states that may follow; what a state between that is left at once has, the outputs never see."""
    todo = [target for way in settings.states[source].transitions for target in entered_by(settings, way)]
    found: set[str] = set()
    while todo:
        target = todo.pop()
        if target not in found:
            found.add(target)
            ways = (way for way in settings.states[target].transitions if way.is_at_once)
            todo += [following for way in ways for following in entered_by(settings, way)]
    return found
