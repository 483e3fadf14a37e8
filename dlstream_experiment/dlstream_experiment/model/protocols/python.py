"""A protocol of the user's own, written in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field, model_serializer

from dlstream_common import Problem
from dlstream_experiment.model.extension import Owner, on_frame
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.own_class import OwnClassSettings, as_written
from dlstream_experiment.model.protocols._base import (
    End,
    Note,
    Off,
    On,
    Protocol,
    ProtocolSettings,
    Step,
    Stimulus,
)
from dlstream_experiment.model.protocols._diagram import Diagram


class PythonProtocolSettings(OwnClassSettings, ProtocolSettings):
    """A subclass of ProtocolSettings in a Python file beside the experiment file, or installed as an entry point."""

    type: Literal["python"]
    class_: str = Field(alias="class")
    """file.py:Class beside this file (needs --allow-python), or an entry point of the group dlstream.protocols."""
    base = ProtocolSettings
    group = "dlstream.protocols"

    @classmethod
    def lacking(cls, kind: Any) -> str:
        return "create" if kind.create is ProtocolSettings.create else ""

    @property
    def own(self) -> ProtocolSettings:
        """The user's settings."""
        assert isinstance(self.options, ProtocolSettings)
        return self.options

    @property
    def owner(self) -> Owner:
        """Whose the user's objects are."""
        return Owner.of("the protocol", ("protocol", self.class_key), self.class_, self.own)

    def create(self, seed: int = 0) -> Protocol:
        own = self.own
        made = self.owner.ask("create", lambda: own.create(seed), Protocol, "an object of Protocol")
        return GuardedProtocol(made, self.owner, {stimulus.output for _, stimulus in self.stimuli_used()})

    def triggers_used(self) -> list[tuple[Location, str]]:
        with self.owner.guard("triggers_used"):
            return self.placed(self.own.triggers_used())

    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        with self.owner.guard("stimuli_used"):
            used = self.placed(self.own.stimuli_used())
        for _, stimulus in used:
            if not isinstance(stimulus, Stimulus):
                raise self.owner.wrong("stimuli_used", stimulus, "objects of Stimulus, each with its place")
        return used

    def in_words(self) -> list[str]:
        return self.owner.ask("in_words", self.own.in_words, list, "a list of sentences")

    def diagram(self) -> Diagram:
        return self.owner.ask("diagram", self.own.diagram, Diagram, "a Diagram")

    def longest_run(self) -> float | None:
        with self.owner.guard("longest_run"):
            limit = self.own.longest_run()
        if limit is not None and not isinstance(limit, int | float):
            raise self.owner.wrong("longest_run", limit, "seconds, or None")
        return limit

    def problems(self) -> list[Problem]:
        former = getattr(self.own, "findings", None)  # its name in dlstream 0.1
        with self.owner.guard("problems"):
            return [item.below(*self.fields_below) for item in (self.own.problems() if former is None else former())]


class InstalledProtocolSettings(PythonProtocolSettings):
    """A protocol of an installed package under its own name: `type: NAME`, and the fields of its class beside it."""

    type: str  # type: ignore[assignment]
    fields_below = ()
    class_key = "type"

    @classmethod
    def of(cls, name: str, own: ProtocolSettings) -> InstalledProtocolSettings:
        """From valid settings of the package's class."""
        values: dict[str, Any] = {"type": name, "class": name, "options": own}
        return cls.model_construct(**values)

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return as_written(self)


class GuardedProtocol(Protocol):
    """A protocol of the user's own: whatever it does wrong is an ExtensionError with the place.

    After the first error it is not called any more: it gives no steps, and `state` and `counts` stay what they were.

    Args:
        outputs: those that it may command.
    """

    def __init__(self, own: Protocol, owner: Owner, outputs: set[str]) -> None:
        self._own, self._owner, self._outputs = own, owner, outputs
        self._failed = False
        self._state, self._counts = "", dict[str, int]()

    def start(self, stamp: int) -> list[Step]:
        return self._steps("start", stamp, lambda: self._own.start(stamp))

    def evaluate(self, stamp: int, decided: Mapping[str, bool], held: Mapping[str, bool]) -> list[Step]:
        return self._steps("evaluate", stamp, lambda: self._own.evaluate(stamp, decided, held))

    def frame(self, stamp: int) -> list[Step]:
        return self._steps("frame", stamp, lambda: self._own.frame(stamp))

    def tick(self, stamp: int) -> list[Step]:
        return self._steps("tick", stamp, lambda: self._own.tick(stamp))

    def tracking_lost(self, stamp: int) -> list[Step]:
        former = getattr(self._own, "sighted", None)  # its name in dlstream 0.1
        if former is not None:
            return self._steps("sighted", stamp, lambda: former(stamp, False))
        return self._steps("tracking_lost", stamp, lambda: self._own.tracking_lost(stamp))

    def tracking_restored(self, stamp: int) -> list[Step]:
        former = getattr(self._own, "sighted", None)
        if former is not None:
            return self._steps("sighted", stamp, lambda: former(stamp, True))
        return self._steps("tracking_restored", stamp, lambda: self._own.tracking_restored(stamp))

    def stop(self, stamp: int, reason: str) -> list[Step]:
        return self._steps("stop", stamp, lambda: self._own.stop(stamp, reason))

    @property
    def state(self) -> str:
        return self._state

    @property
    def counts(self) -> Mapping[str, int]:
        return self._counts

    def _steps(self, method: str, stamp: int, call: Callable[[], list[Step]]) -> list[Step]:
        """`state` and `counts` are asked with every step: whoever asks for them at any time meets no failure."""
        if self._failed:
            return []
        expected = f"a list of Note, End, and On and Off of {', '.join(sorted(self._outputs)) or 'no output'}"
        steps: list[Step] = self._asked(method, call, self._are_steps, expected, on_frame(stamp))
        self._state = self._asked("state", lambda: self._own.state, lambda value: isinstance(value, str), "text")
        self._counts = dict(self._asked("counts", lambda: self._own.counts, _are_counts, "whole numbers by name"))
        return steps

    def _asked(
        self, method: str, call: Callable[[], Any], fits: Callable[[Any], bool], expected: str, when: str = ""
    ) -> Any:
        try:
            value = call()
        except (Exception, SystemExit) as error:
            self._failed = True
            raise self._owner.error(method, error, when) from error
        if not fits(value):
            self._failed = True
            raise self._owner.wrong(method, value, expected, when)
        return value

    def _are_steps(self, value: Any) -> bool:
        return isinstance(value, list) and all(self._is_step(item) for item in value)

    def _is_step(self, item: Any) -> bool:
        if isinstance(item, On):
            return isinstance(item.stimulus, Stimulus) and item.stimulus.output in self._outputs
        if isinstance(item, Off):
            return item.output in self._outputs
        if isinstance(item, Note):
            texts = (item.kind, item.name, *item.values.values()) if isinstance(item.values, Mapping) else (None,)
            return all(isinstance(text, str) for text in texts)
        return isinstance(item, End) and isinstance(item.reason, str)


def _are_counts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(count, int) for name, count in value.items()
    )
