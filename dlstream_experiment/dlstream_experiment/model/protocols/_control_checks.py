"""Limits and controls of a protocol: what they name, what is wrong with them, and in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from dlstream_common import Problem, suggest
from dlstream_experiment.model.names import SECOND, Location
from dlstream_experiment.model.protocols._base import Stimulus, percent
from dlstream_experiment.model.protocols._control import Limit, Sham, Yoked, longest_on
from dlstream_experiment.model.protocols._duration import duration_in_words

Limits = Mapping[str, Limit]
Control = Sham | Yoked | None


def yoked_stimuli(control: Control) -> list[tuple[Location, Stimulus]]:
    """The stimuli that a control gives of its own, each with its place below the protocol."""
    if not isinstance(control, Yoked):
        return []
    if control.schedule is not None:
        return [
            (("control", "schedule", number, "stimulus"), item.stimulus) for number, item in enumerate(control.schedule)
        ]
    recorded = (stimulus for items in control.changes.values() for _, stimulus in items)
    return [(("control", "recording"), stimulus) for stimulus in recorded if stimulus]


def named_outputs(limits: Limits, control: Control) -> list[tuple[Location, str]]:
    """The outputs that limits and control name, each with its place below the protocol."""
    named: list[tuple[Location, str]] = [(("limits", name), name) for name in limits]
    outputs = (control.outputs or ()) if control is not None else ()
    return named + [(("control", "outputs", number), name) for number, name in enumerate(outputs)]


def unknown_outputs(named: Collection[tuple[Location, str]], stimuli: Sequence[Stimulus]) -> Iterator[Problem]:
    """Outputs that are named, and to which nothing is given."""
    known = list(dict.fromkeys(stimulus.output for stimulus in stimuli))
    for place, name in named:
        if name not in known:
            hint = suggest(name, known) or "No stimulus is given in this file."
            yield Problem(place, f"'{name}'", "an output to which this protocol gives a stimulus", hint)


def yoked_beyond(limits: Limits, control: Control) -> Iterator[Problem]:
    """Stimuli of another animal that are longer than the limits."""
    if isinstance(control, Yoked):
        for output, changes in control.changes.items():
            if output in limits:
                key = "recording" if control.recording is not None else "schedule"
                yield from beyond(("control", key), output, longest_on(changes), limits[output])


def beyond(place: Location, output: str, seconds: float, limit: Limit) -> Iterator[Problem]:
    """A stimulus of so many seconds that is longer than a limit."""
    for which, most in (("at a time", limit.stimulus), ("in a session", limit.session)):
        if most is not None and seconds > most + 1 / SECOND:
            expected = f"at most {duration_in_words(most)} {which}, the limit of this file"
            yield Problem(place, f"'{output}' on for up to {duration_in_words(seconds)}", expected)
            return


def controls_in_words(limits: Limits, control: Control) -> Iterator[str]:
    """Limits and control in sentences."""
    for output, limit in limits.items():
        parts = [f"{limit.stimulus:g} s without a pause"] if limit.stimulus is not None else []
        parts += [f"{limit.session:g} s in the whole run"] if limit.session is not None else []
        yield f"The output '{output}' is on for at most {' and '.join(parts)}: then the limit switches it off."
    if control is None:
        return
    named = ", ".join(control.outputs) if control.outputs else "every output"
    share = "all stimuli" if control.probability >= 1 else f"{percent(control.probability)} of the stimuli"
    if control.block is not None:
        share = f"{control.left_out} of every {control.block} stimuli, in an order that is drawn,"
    if isinstance(control, Sham):
        yield f"Sham control: {share} of {named} are left out and only recorded."
        return
    source = f"the recording {control.recording}" if control.recording is not None else "the file's schedule"
    yield f"Yoked control: {named} on at the times of {source}, whatever this animal does."
    if control.probability > 0:
        yield f"Of these, {share} of {named} are left out and only recorded."
