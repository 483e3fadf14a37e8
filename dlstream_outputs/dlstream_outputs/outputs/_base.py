"""The base of every output: a few methods that a screen, a port or a pin implements."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from dlstream_common import FILLED_IN, DlstreamError, Problem, Settings
from dlstream_common.settings import misfit
from dlstream_common.tagged import Configurable
from dlstream_outputs.actions import Action, OtherAction, Strength, read_action
from dlstream_outputs.actions.calibration import Rows, as_asked, calibrated, tables
from dlstream_outputs.actions.limits import Limits

Actions = tuple[type[Action], ...]


class OutputError(DlstreamError):
    """A device that can't be opened, or a command that it can't carry out."""


class NotNowError(OutputError):
    """A command that the output would carry out at another moment, such as one that came late."""


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
    also_commanded_by: list[str] = []
    """Who else may command it, by the field `source` of the commands; `anyone`: all. Off is obeyed whoever sends it."""
    commander_timeout: float = Field(0.25, ge=0, le=3600)
    """Seconds without the commander's heartbeat after which the output switches off; 0: it stays on."""
    manual_timeout: float = Field(10.0, gt=0, le=3600)
    """Seconds after which the output switches off again if anyone other than the commander has switched it on."""
    max_command_age: float = Field(0.5, ge=0, le=3600)
    """Seconds from sending to arrival after which a command is refused, unless it is off; 0: no limit."""
    arming: Literal["auto", "start", "run", "hand"] = "auto"
    """When it accepts commands other than off: from the start, in a run, only after ~/arm; auto: its type decides."""

    calibration: Rows = []
    """What was measured where: `{power: {0.2: 1.5, 1: 9.7}}`, mW by level, or `{volume: {20: 2, 50: 6}}`, ul by ms."""
    max_on: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """Seconds for which it may be on without a break, whatever an experiment asks for; 0: no limit."""
    max_duty_cycle: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of any minute for which it may be on, and of a train of pulses; 1: no limit."""
    max_energy: Annotated[float, Field(ge=0)] = 0.0
    """Energy in mJ (mW times seconds) that it may give in a session; needs a calibration of power. 0: no limit."""
    one_session: Annotated[bool, FILLED_IN] = False
    """Whether all runs of the rig are in one session, over which `max_energy` counts; else by run."""

    memory: Annotated[Path | None, FILLED_IN] = None
    """File with what it has done in this session, for a process that is started again."""

    actions: ClassVar[tuple[type[Action], ...]] = ()
    """The actions that it takes besides "off"; empty: anything, and `apply` gets it as an OtherAction."""

    @model_validator(mode="after")
    def _energy_needs_power(self) -> OutputSettings:
        if self.max_energy and "power" not in tables(self.calibration):
            raise misfit("max_energy", "a calibration of power as well, by which energy is counted")
        return self

    @property
    def limits(self) -> Limits:
        """What it may do at most."""
        return Limits(self.max_on or math.inf, self.max_duty_cycle, self.max_energy or math.inf)

    def power_of(self, action: Action) -> float:
        """The power of an action in mW, by the calibration; 0 without one."""
        table = tables(self.calibration).get("power")
        if table is None:
            return 0.0
        level = action.level if isinstance(action, Strength) else None
        return table.value(1.0 if level is None else level)

    @property
    def actions_to_try(self) -> Actions:
        """The actions that the panel offers to try by hand."""
        return self.actions

    def check(self) -> None:
        """Checks everything that can be checked without the device, such as files.

        Raises:
            OutputError: says what is wrong and what to do.
        """
        return

    def read(self, action: str, values: Mapping[str, str]) -> Action | Problem:
        """A command other than off as an action, calibrated and within the limits; or what is wrong with it.

        The problem's place is `action`, `values`, or `values` and a name.
        """
        if not self.actions:
            return OtherAction(word=action, values=dict(values))
        asked = read_action(action, values, self.actions)
        found = calibrated(asked, tables(self.calibration)) if isinstance(asked, Action) else asked
        if isinstance(asked, Problem) or isinstance(found, Problem):
            return found
        problem = self._uncounted(found) or self.limits.problem(found, self.power_of(found)) or self.check_action(found)
        return found if problem is None else as_asked(problem, asked)

    def _uncounted(self, action: Action) -> Problem | None:
        """Why the energy of an action can't be counted: it is stronger than what was measured."""
        table = tables(self.calibration).get("power")
        if not self.max_energy or table is None or not isinstance(action, Strength):
            return None
        level = 1.0 if action.level is None else action.level
        if level <= table.settings[-1]:
            return None
        found = f"{level:g}" if action.level is not None else "nothing, which is level 1"
        limit = f"at most {table.settings[-1]:g}: max_energy counts by the calibration, which ends there"
        return Problem(("values", "level"), found, limit, "Measure the power at level 1 as well.")

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        """What is wrong with a command other than off: see `read`."""
        found = self.read(action, values)
        return found if isinstance(found, Problem) else None

    def check_action(self, action: Action) -> Problem | None:
        """What is wrong with one of the output's own actions, such as an image that it does not have; see `read`."""
        return None

    @property
    def shared_device(self) -> str:
        """The device that outputs share if this is the same for them: their nodes then run in one process."""
        return ""

    @property
    def exclusive(self) -> Mapping[str, str]:
        """What only one output or input can use, by the key that names it: {"pin": "pin 9 of the board at auto"}."""
        return {}

    @property
    def one_at_a_time(self) -> Mapping[str, str]:
        """What outputs can share, but not use at the same moment, by the key that names it: `check` warns of it."""
        return {}

    def without_computer(self) -> Fate:
        """What happens to the output if its node's computer dies."""
        return Fate("unknown: the output's type does not say", ends=False)


@dataclass(frozen=True)
class Report:
    """What an output measured of something that it did; recorded as an event of the kind `output_report`.

    Attributes:
        stamp: when it was over, in nanoseconds since the epoch.
        values: numbers and texts by name, such as {"refreshes": "60", "dropped": "0"}.
        remark: what went wrong, in a sentence, which makes it a fault as well; empty: nothing.
    """

    stamp: int
    values: Mapping[str, str]
    remark: str = ""


S = TypeVar("S", bound=OutputSettings)


class Output(Configurable[S], ABC):
    """A device. Its node calls it from one thread at a time, but not always from the same one.

    `class Valve(Output[ValveSettings])` names its settings class. Import a vendor's library in `open`, and name it in
    `requires`.
    """

    settings_type: ClassVar[type[Settings]] = OutputSettings
    arming: ClassVar[Literal["start", "run", "hand"]] = "run"
    """When it is armed, unless the settings say otherwise. Use "start" only for a device that can't hurt anyone."""
    ends_actions: ClassVar[bool | None] = None
    """Whether an action with an end ends by itself, on the device or by this class; None: that is not said. Its node
    switches off as well: 20 ms after its end or more (`clock_error`), or just then where this says False. With True the
    end that was meant counts for the limits; else what is on counts until it is off."""
    clock_error: ClassVar[float] = 0.0
    """By what share of the time a device's own clock may be slow, where it ends actions by it: it is given so much time
    more, as far as max_on allows that."""
    acknowledges: ClassVar[str] = "command sent to the device"
    """What has happened at the time that `apply` returns, in a few words: "pin changed", "driver wrote"."""

    @classmethod
    def ends(cls, action: Action) -> bool | None:
        """Whether this action ends by itself: see `ends_actions`."""
        return cls.ends_actions

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = cls.__dict__.get("apply")
        if own is not None and _positional(own) == 3:  # apply(self, action, values), as until 0.2
            type.__setattr__(cls, "apply", _with_texts(own))

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
    def apply(self, action: Action) -> int:
        """Carries out one of the settings' `actions`; returns when it took effect, in nanoseconds since the epoch.

        An action that lasts for a time (`action.seconds`) ends by itself, on the device where it can; its node calls
        `off` as well when the time has passed. A new action replaces the one before.

        Raises:
            OutputError: the device failed.
        """

    @abstractmethod
    def off(self) -> int:
        """Switches everything off; returns when this took effect, as `apply` does."""

    @abstractmethod
    def close(self) -> None:
        """Switches the device off and releases it. May be called at any time and more than once."""

    def has_ended(self) -> bool:
        """Whether the device has told that the last action has ended by itself; False: it has not, or never tells.

        Asked for ten times a second or more while the output is on; its node then calls `off`.
        """
        return False

    def keep_alive(self) -> None:
        """Called ten times a second or more while the output is on and its commander is alive.

        For a device with a watchdog, which this feeds.
        """
        return

    def fault(self) -> str:
        """What has gone wrong with the device since the last call, in a sentence; empty if nothing has.

        Asked for ten times a second or more; the output is then switched off, and the fault reported.
        """
        return ""

    def report(self) -> Report | None:
        """What the device measured of something that is over, one at a time; None: nothing more.

        Asked for ten times a second or more. Unlike a `fault`, a remark in it does not switch the output off.
        """
        return None

    @property
    def hardware_id(self) -> str:
        """The device's own name for itself, for diagnostics."""
        return ""


def _positional(method: Callable[..., Any]) -> int:
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds for parameter in signature(method).parameters.values())


def _with_texts(apply: Callable[[Any, str, Mapping[str, str]], int]) -> Callable[[Any, Action], int]:
    def with_texts(self: Any, action: Action) -> int:
        if not isinstance(action, OtherAction):
            raise TypeError(f"{type(self).__name__}.apply takes texts, and its settings name actions; take an Action")
        return apply(self, action.word, action.values)

    return with_texts
