"""Protocols run by hand: which trigger decided what on which frame, and what the protocol did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiment_poses import seconds
from pydantic import TypeAdapter

from dlstream_common.yaml.file import read_yaml
from dlstream_experiment.model.protocols import AnyProtocol, End, Note, Off, On, ProtocolSettings, Step
from dlstream_experiment.runtime.protocols import create_protocol

LASER = {"output": "laser", "action": "on"}
EXPERIMENTS = Path(__file__).parents[2] / "config" / "experiments"
_ADAPTER: TypeAdapter[ProtocolSettings] = TypeAdapter(AnyProtocol)


def protocol(content: dict[str, Any]) -> ProtocolSettings:
    """A protocol as a file gives it."""
    return _ADAPTER.validate_json(json.dumps(content), strict=True)


def machine(states: dict[str, Any], **more: Any) -> ProtocolSettings:
    """A state machine; each state is the list of its transitions, or a whole one."""
    full = {name: state if isinstance(state, dict) else {"transitions": state} for name, state in states.items()}
    return protocol({"type": "states", "states": full, **more})


def shipped(name: str, **changes: Any) -> ProtocolSettings:
    """The protocol of an experiment that comes along, with some of its keys replaced."""
    content = dict(read_yaml(EXPERIMENTS / f"{name}.yaml")["protocol"])
    return protocol(content | changes)


def word(step: Step) -> str:
    """A step in short: "on screen show image=left", "off screen", "trial_started plus", "end: 600 s"."""
    if isinstance(step, On):
        values = [f"{key}={value}" for key, value in step.stimulus.texts().items()]
        return " ".join(["on", step.stimulus.output, step.stimulus.action, *values])
    if isinstance(step, Off):
        return f"off {step.output}"
    return f"end: {step.reason}" if isinstance(step, End) else f"{step.kind} {step.name}"


class Script:
    """One run of a protocol.

    Attributes:
        said: every step so far as "TIME: WORD"; states that were entered are left out unless asked for.
        steps: the steps themselves, each with its time.
        on: what each output does.
    """

    def __init__(self, settings: ProtocolSettings, seed: int = 0, states: bool = False) -> None:
        self.protocol = create_protocol(settings, seed)
        self.said: list[str] = []
        self.steps: list[tuple[float, Step]] = []
        self.on: dict[str, str] = {}
        self.ended: str | None = None
        self._states = states
        self._held: dict[str, bool] = {}
        self._take(0.0, self.protocol.start(seconds(0)))

    def frame(self, time: float, **decided: bool) -> list[str]:
        """A frame on which these triggers decided; what was done."""
        assert self.ended is None, "nothing is asked of a protocol that is over"
        self._held |= decided
        stamp = seconds(time)
        if decided:
            return self._take(time, self.protocol.evaluate(stamp, decided, self._held))
        return self._take(time, self.protocol.frame(stamp))

    def tick(self, time: float) -> list[str]:
        """The clock."""
        return self._take(time, self.protocol.tick(seconds(time)))

    def each_second(self, begin: int, end: int, **decided: bool) -> None:
        """A frame a second, with the same decisions; stops where the experiment is over."""
        for time in range(begin, end + 1):
            if self.ended is None:
                self.frame(time, **decided)

    def _take(self, time: float, steps: list[Step]) -> list[str]:
        if any(isinstance(step, End) for step in steps):
            steps = [*steps, *self.protocol.stop(seconds(time), "over")]
        words = []
        for step in steps:
            self.steps.append((time, step))
            if isinstance(step, On):
                self.on[step.stimulus.output] = word(step).partition(" ")[2].partition(" ")[2]
            elif isinstance(step, Off):
                self.on.pop(step.output, None)
            elif isinstance(step, End):
                self.ended = step.reason
                self.on.clear()
            if self._states or not (isinstance(step, Note) and step.kind == "state_entered"):
                words.append(word(step))
        self.said += [f"{time:g}: {text}" for text in words]
        return words


def visited(script: Script) -> list[str]:
    """The states that were entered, each with the time."""
    return [
        f"{time:g} {step.name}"
        for time, step in script.steps
        if isinstance(step, Note) and step.kind == "state_entered"
    ]
