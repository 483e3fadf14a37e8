"""A state machine in sentences, and as a drawing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from dlstream_experiment.model.protocols._base import percent, stimulus_in_words
from dlstream_experiment.model.protocols._control_checks import controls_in_words
from dlstream_experiment.model.protocols._diagram import Arrow, Box, Diagram
from dlstream_experiment.model.protocols._state_table import StateTable
from dlstream_experiment.model.protocols._states_circles import leads_to
from dlstream_experiment.model.protocols._transitions import END, TRIAL, State


def in_words(settings: StateTable) -> list[str]:
    """The whole protocol, a sentence each."""
    lines = [f"The experiment begins in the state '{settings.first}'."]
    if settings.trials is not None:
        lines.append(settings.trials.in_words())
    for name, state in settings.states.items():
        lines += _state(name, state)
    lines += [f"The experiment ends: {_reasoned(str(stop), stop.reason)}." for stop in settings.stop]
    if not settings.stop:
        lines.append("Nothing but the states themselves ends the experiment.")
    return lines + list(controls_in_words(settings.limits, settings.control))


def _state(name: str, state: State) -> Iterator[str]:
    if state.text:
        yield f"'{name}': {state.text}."
    if state.stimuli:
        yield f"While in '{name}': {', '.join(stimulus_in_words(stimulus) for stimulus in state.stimuli)}."
    if state.enter:
        yield f"Entering '{name}': {', '.join(str(action) for action in state.enter)}."
    for transition in state.transitions:
        done = f", with {', '.join(str(action) for action in transition.do)}" if transition.do else ""
        text = f"From '{name}', {transition}{done}: {_goal(transition.targets)}"
        yield _reasoned(text, transition.reason) + "."
    if not state.transitions:
        yield f"'{name}' is left only by the end of the experiment."
    if state.leave:
        yield f"Leaving '{name}': {', '.join(str(action) for action in state.leave)}."


def _goal(targets: dict[str, float]) -> str:
    total = sum(targets.values())
    shares = [
        _target(name) + (f" ({percent(share / total)})" if len(targets) > 1 else "") for name, share in targets.items()
    ]
    return " or ".join(shares)


def _target(name: str) -> str:
    return {END: "the experiment ends", TRIAL: "the next trial begins"}.get(name, f"to '{name}'")


def _reasoned(text: str, reason: str | None) -> str:
    return f"{text} ({reason})" if reason else text


def diagram(settings: StateTable) -> Diagram:
    """A box for each state and for the end, an arrow for each transition; all stop conditions in the box of the end."""
    boxes = [Box(name, _lines(state), _kind(name, settings)) for name, state in settings.states.items()]
    boxes.append(Box(END, tuple(str(stop) for stop in settings.stop), "end"))
    known = {box.name for box in boxes}
    arrows = []
    for name, state in settings.states.items():
        for way in state.transitions:
            for target in leads_to(settings, way):
                label = str(way) + (f" / {', '.join(str(action) for action in way.do)}" if way.do else "")
                if TRIAL in way.targets and target not in way.targets:
                    label += " (no trial left)" if target == END else f" (trial {_conditions(settings, target)})"
                if target in known:
                    arrows.append(Arrow(name, target, label))
    return Diagram(tuple(boxes), tuple(arrows))


def _kind(name: str, settings: StateTable) -> Literal["state", "start"]:
    return "start" if name == settings.first else "state"


def _conditions(settings: StateTable, state: str) -> str:
    assert settings.trials is not None
    return ", ".join(name for name, condition in settings.trials.conditions.items() if condition.state == state)


def _lines(state: State) -> tuple[str, ...]:
    lines = [stimulus_in_words(stimulus) for stimulus in state.stimuli]
    lines += [f"enter: {action}" for action in state.enter]
    return tuple(lines + [f"leave: {action}" for action in state.leave])
