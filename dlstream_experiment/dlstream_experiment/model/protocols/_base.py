"""What every protocol is: settings that a file gives, and an object that turns triggers into steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from dlstream_common import Settings
from dlstream_experiment.model.names import Label, Location, Name
from dlstream_experiment.model.protocols._diagram import Diagram


class Stimulus(Settings):
    """What an output does while a stimulus is on."""

    output: Name
    """Name of an output of the rig."""
    action: Label
    """What it is told to do, such as show; every output also knows off, which is sent when the stimulus ends."""
    values: dict[Label, str | int | float | bool] = Field(default_factory=dict)
    """What the action needs to know, such as image: left."""

    def texts(self) -> dict[str, str]:
        """The values as a command carries them."""
        return texts(self.values)


def texts(values: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    """Values of a file as commands and events carry them."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def told(stimulus: Stimulus) -> str:
    """A stimulus in words."""
    values = ", ".join(f"{key} {value}" for key, value in stimulus.texts().items())
    return f"{stimulus.output} {stimulus.action}" + (f" ({values})" if values else "")


@dataclass(frozen=True, slots=True)
class Note:
    """Something to write down as an event."""

    kind: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class On:
    """A stimulus is on from here until its output is switched off or given another one.

    `trigger` is the one whose decision caused it; empty where none did, such as at the end of a time.
    """

    stimulus: Stimulus
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Off:
    """An output is off from here; `trigger` as in On."""

    output: str
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The experiment is over."""

    reason: str


Step = Note | On | Off | End


class Protocol(ABC):
    """The course of one run. It has no clock: every call brings the time, nanoseconds since the epoch."""

    @abstractmethod
    def start(self, stamp: int) -> list[Step]:
        """The run begins; called once, first."""

    @abstractmethod
    def evaluate(self, stamp: int, decided: Mapping[str, bool], held: Mapping[str, bool]) -> list[Step]:
        """A frame on which at least one of the protocol's triggers decided; `stamp` is its acquisition.

        Args:
            decided: the triggers that decided on this frame.
            held: every trigger that has decided so far, at its last decision.
        """

    def frame(self, stamp: int) -> list[Step]:
        """A frame on which none of the protocol's triggers decided; `stamp` is its acquisition."""
        return self.tick(stamp)

    def tick(self, stamp: int) -> list[Step]:
        """Time passes, poses or not: the clock's word, some twenty times a second.

        A protocol follows it only where no frame came for a while, so that the same frames decide the same with the
        clock (live) and without it (offline).
        """
        return []

    def sighted(self, stamp: int, sighted: bool) -> list[Step]:
        """Poses come again, or none has for too long: until they do, outputs are off whatever the protocol has on."""
        return []

    @abstractmethod
    def stop(self, stamp: int, reason: str) -> list[Step]:
        """The run ends, by an End of its own or from outside; called once, last. Outputs go off without being told."""

    @property
    @abstractmethod
    def state(self) -> str:
        """Where it stands, in a word: the current trial, for instance."""

    @property
    @abstractmethod
    def counts(self) -> Mapping[str, int]:
        """What it counts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a protocol that can't be meant; `place` stands below the protocol.

    `error` says whether the experiment is refused for it, or only deserves a look.
    """

    place: Location
    found: str
    expected: str
    hint: str = ""
    error: bool = True


class ProtocolSettings(Settings):
    """The protocol of an experiment file."""

    type: str

    @abstractmethod
    def create(self, seed: int = 0) -> Protocol:
        """A protocol in its initial state; all that it draws follows from the seed."""

    @abstractmethod
    def triggers_used(self) -> list[tuple[Location, str]]:
        """The triggers it refers to, each with its place below the protocol."""

    @abstractmethod
    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        """The stimuli it gives, each with its place below the protocol."""

    @abstractmethod
    def in_words(self) -> list[str]:
        """The course of the experiment, told in sentences."""

    @abstractmethod
    def diagram(self) -> Diagram:
        """The course of the experiment, to be drawn."""

    def findings(self) -> list[Finding]:
        """What can't be meant, found by looking at the settings alone."""
        return []
