"""What every protocol is: settings in a file, and in a run an object that turns decisions into steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from dlstream_common import Problem, Settings
from dlstream_experiment.model.names import Label, Location, Name
from dlstream_experiment.model.protocols._diagram import Diagram
from dlstream_experiment.model.protocols._lengths import ends_by_itself, length


class Stimulus(Settings):
    """What an output does while a stimulus is on."""

    output: Name
    """Name of an output of the rig."""
    action: Label
    """The command that it gets, such as show; when the stimulus ends, it gets off."""
    values: dict[Label, str | int | float | bool] = Field(default_factory=dict)
    """Parameters of the action, such as image: left."""

    def texts(self) -> dict[str, str]:
        """The values as a command carries them."""
        return texts(self.values)

    @property
    def ends_by_itself(self) -> bool:
        """Whether the output itself ends the command: a pulse, a file, or what has a length."""
        return ends_by_itself(self.action, self.texts())

    @property
    def length(self) -> float | None:
        """Seconds after which the output has ended it by itself; None: not known here, or it doesn't."""
        return length(self.action, self.texts()) if self.ends_by_itself else None


def texts(values: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    """Values of a file as commands and events carry them: as text."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def stimulus_in_words(stimulus: Stimulus) -> str:
    """A stimulus in words, such as "screen show (image left)"."""
    values = ", ".join(f"{key} {value}" for key, value in stimulus.texts().items())
    return f"{stimulus.output} {stimulus.action}" + (f" ({values})" if values else "")


def percent(share: float) -> str:
    """A share of 1 in words: "50%", "12.5%"."""
    return f"{100 * share:.3g}%"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is recorded as an event."""

    kind: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class On:
    """A stimulus is on from now until its output is switched off or gets another one.

    `trigger` is the trigger whose decision caused it; empty where none did, such as at the end of a time. `again`: the
    command is sent even if the output had it before, such as a second pulse.
    """

    stimulus: Stimulus
    trigger: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Off:
    """An output is off from now; `trigger` as in On."""

    output: str
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The experiment ends."""

    reason: str


Step = Note | On | Off | End


class Protocol(ABC):
    """The course of one run. It has no clock: every call has the time, nanoseconds since the epoch."""

    @abstractmethod
    def start(self, stamp: int) -> list[Step]:
        """Begins the run; called once, first."""

    @abstractmethod
    def evaluate(self, stamp: int, decided: Mapping[str, bool], held: Mapping[str, bool]) -> list[Step]:
        """Handles a frame on which at least one of the protocol's triggers decided; `stamp` is its acquisition.

        Args:
            decided: the triggers that decided on this frame.
            held: the last decision of every trigger that has decided so far.
        """

    def frame(self, stamp: int) -> list[Step]:
        """Handles a frame on which none of the protocol's triggers decided; `stamp` is its acquisition."""
        return self.tick(stamp)

    def tick(self, stamp: int) -> list[Step]:
        """Handles the clock's time, which comes about 20 times a second while no poses come.

        A protocol acts on it only after no frame came for a while, so that the same frames give the same steps with the
        clock (live) and without it (offline).
        """
        return []

    def tracking_lost(self, stamp: int) -> list[Step]:
        """Handles that no poses came for too long: outputs are off until they come again, whatever is on here."""
        return []

    def tracking_restored(self, stamp: int) -> list[Step]:
        """Handles that poses come again after `tracking_lost`."""
        return []

    @abstractmethod
    def stop(self, stamp: int, reason: str) -> list[Step]:
        """Ends the run, after an End of its own or from outside; called once, last. Outputs are switched off anyway."""

    @property
    @abstractmethod
    def state(self) -> str:
        """Where it is, in a word: for instance the current trial."""

    @property
    @abstractmethod
    def counts(self) -> Mapping[str, int]:
        """What it counts."""


class ProtocolSettings(Settings):
    """The protocol of an experiment file."""

    type: str

    def create(self, seed: int = 0) -> Protocol:
        """A protocol in its initial state; all its random draws follow from the seed.

        A class of your own has this method. The built-in types are created by `runtime/protocols`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method create")

    @abstractmethod
    def triggers_used(self) -> list[tuple[Location, str]]:
        """The triggers that it refers to, each with its place below the protocol."""

    @abstractmethod
    def stimuli_used(self) -> list[tuple[Location, Stimulus]]:
        """The stimuli that it gives, each with its place below the protocol."""

    @abstractmethod
    def in_words(self) -> list[str]:
        """The course of the experiment in sentences."""

    @abstractmethod
    def diagram(self) -> Diagram:
        """The course of the experiment as boxes and arrows."""

    def longest_run(self) -> float | None:
        """Seconds after which every run ends, whatever happens in it, to show the time left; None: not known."""
        return None

    def problems(self) -> list[Problem]:
        """Contradictions, and as warnings what is doubtful, each with its place below the protocol."""
        return []
