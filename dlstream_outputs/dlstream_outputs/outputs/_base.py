"""What an output is: a few methods that a screen, a port or a pin fills in."""

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
    """What becomes of an output that is on when the computer that runs its node dies.

    Attributes:
        text: a short sentence without a full stop.
        ends: whether the output goes off, surely.
    """

    text: str
    ends: bool


class OutputSettings(Settings):
    """What every output has; an output adds its own fields. The key `type`, its name, comes with the registry."""

    commander: str = "/experiment"
    """Node whose heartbeat keeps on what it has switched on."""
    commander_timeout: float = Field(0.25, ge=0, le=3600)
    """Seconds without a heartbeat of the commander until the output goes off; 0: it stays on."""
    manual_timeout: float = Field(10.0, gt=0, le=3600)
    """Seconds after which the output goes off that somebody else than the commander has switched on."""
    max_command_age: float = Field(0.5, ge=0, le=3600)
    """Seconds after which a command is too old to be carried out, unless it is off; 0: never."""
    arming: Literal["auto", "start", "run", "hand"] = "auto"
    """When it takes commands other than off: from the start, in a run, after ~/arm only; auto: as its type has it."""

    def check(self) -> None:
        """Looks at all that can be known without the device, such as files.

        Raises:
            OutputError: says what is wrong and what to do.
        """
        return

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        """What is wrong with a command other than off; the problem's place is `action`, `values` or `values`, NAME."""
        return None

    def without_computer(self) -> Fate:
        """What ends the output if the computer that runs its node dies."""
        return Fate("unknown: the output's type does not say", ends=False)


S = TypeVar("S", bound=OutputSettings)


class Output(Configurable[S], ABC):
    """A device. Its node calls it from one thread at a time, though not always from the same one.

    `class Valve(Output[ValveSettings])` says which settings it has. A vendor's library is imported in `open`, and named
    in `requires`.
    """

    settings_type: ClassVar[type[Settings]] = OutputSettings
    arming: ClassVar[Literal["start", "run", "hand"]] = "run"
    """When it is armed, unless the settings say it: from the start only where it can hurt nobody."""

    def __init__(self, settings: S, log: Callable[[str], None]) -> None:
        self.settings = settings
        self.log = log
        """Takes lines for the user."""

    @abstractmethod
    def open(self) -> None:
        """Opens the device and switches it off.

        Raises:
            OutputError: says what is wrong and what to do.
        """

    @abstractmethod
    def apply(self, action: str, values: Mapping[str, str]) -> int:
        """Carries out a command other than off; returns when it took effect, nanoseconds since the epoch.

        Raises:
            OutputError: unknown action or values, or the device failed.
        """

    @abstractmethod
    def off(self) -> int:
        """Switches everything off; returns when, as `apply` does."""

    @abstractmethod
    def close(self) -> None:
        """Gives the device back, off. Allowed at any time, more than once."""

    @property
    def hardware_id(self) -> str:
        """What the device calls itself, for diagnostics."""
        return ""
