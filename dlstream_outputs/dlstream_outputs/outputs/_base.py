"""The base of every output: a few methods that a screen, a port or a pin implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

from pydantic import Field

from dlstream_common import DlstreamError, Problem, Settings
from dlstream_common.tagged import Configurable


class OutputError(DlstreamError):
    """A device that can't be opened, or a command that it can't carry out."""


@dataclass(frozen=True)
class Fate:
    """What happens to an output that is on when its node's computer dies.

    Attributes:
        text: a short sentence without a full stop.
        ends: whether the output is certain to go off.
    """

    text: str
    ends: bool


class OutputSettings(Settings):
    """Settings of every output; each type adds its own. The registry adds the key `type`, the name of the type."""

    commander: str = "/experiment"
    """Node that commands this output. What it switches on stays on only as long as its heartbeat arrives."""
    commander_timeout: float = Field(0.25, ge=0, le=3600)
    """Seconds without the commander's heartbeat after which the output switches off; 0: it stays on."""
    manual_timeout: float = Field(10.0, gt=0, le=3600)
    """Seconds after which the output switches off again if anyone other than the commander has switched it on."""
    max_command_age: float = Field(0.5, ge=0, le=3600)
    """Seconds from sending to arrival after which a command is refused, unless it is off; 0: no limit."""
    arming: Literal["auto", "start", "run", "hand"] = "auto"
    """When it accepts commands other than off: from the start, in a run, only after ~/arm; auto: its type decides."""

    def check(self) -> None:
        """Checks everything that can be checked without the device, such as files.

        Raises:
            OutputError: says what is wrong and what to do.
        """
        return

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        """What is wrong with a command other than off. The problem's place is `action`, `values` or `values`, NAME."""
        return None

    def without_computer(self) -> Fate:
        """What happens to the output if its node's computer dies."""
        return Fate("unknown: the output's type does not say", ends=False)


S = TypeVar("S", bound=OutputSettings)


class Output(Configurable[S], ABC):
    """A device. Its node calls it from one thread at a time, but not always from the same one.

    `class Valve(Output[ValveSettings])` names its settings class. Import a vendor's library in `open`, and name it in
    `requires`.
    """

    settings_type: ClassVar[type[Settings]] = OutputSettings
    arming: ClassVar[Literal["start", "run", "hand"]] = "run"
    """When it is armed, unless the settings say otherwise. Use "start" only for a device that can't hurt anyone."""

    def __init__(self, settings: S, log: Callable[[str], None]) -> None:
        self.settings = settings
        self.log = log
        """Writes a line for the user to the log."""

    @abstractmethod
    def open(self) -> None:
        """Opens the device and switches it off.

        Raises:
            OutputError: says what is wrong and what to do.
        """

    @abstractmethod
    def apply(self, action: str, values: Mapping[str, str]) -> int:
        """Carries out a command other than off; returns when it took effect, in nanoseconds since the epoch.

        Raises:
            OutputError: unknown action or values, or the device failed.
        """

    @abstractmethod
    def off(self) -> int:
        """Switches everything off; returns when this took effect, as `apply` does."""

    @abstractmethod
    def close(self) -> None:
        """Switches the device off and releases it. May be called at any time and more than once."""

    @property
    def hardware_id(self) -> str:
        """The device's own name for itself, for diagnostics."""
        return ""
