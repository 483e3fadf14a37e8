"""Does an output do what the experiment believes? It knows no ROS and no clock; `steady` is seconds."""

from __future__ import annotations

from dataclasses import dataclass

from dlstream_common import FINITE, OFF, RIG, Command

_LASTS = 0.3
"""Seconds for which an output must differ: what it says and what it is told cross on their way."""


@dataclass(frozen=True)
class OutputState:
    """What an output says of itself: see dlstream_msgs/OutputStatus."""

    on: bool
    state: str
    source: str
    id: int
    armed: bool = True
    armable: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Difference:
    """An output that does not do what it was told.

    Attributes:
        reason: what it does, and what it was told.
        again: the command that it has to be told again; None where somebody else commands it, and for a pulse or train.
    """

    reason: str
    again: Command | None


class Agreement:
    """Compares what one output was told with what it says that it does.

    Args:
        source: name of the node that commands, as its commands have it.
        silence: seconds without a word of the output after which nobody knows what it does.
    """

    def __init__(self, output: str, source: str, silence: float) -> None:
        self._output, self._source, self._silence = output, source, silence
        self._id = 0
        self._told: Command | None = None
        self._known: OutputState | None = None
        self._heard = 0.0
        self._silent = False
        self._differs_since: float | None = None
        self._reported = False
        self._owed: Command | None = None

    @property
    def owed(self) -> Command | None:
        """What the output has to be told again when poses come again: the launcher switched it off as a node died."""
        return self._owed

    @property
    def known(self) -> OutputState | None:
        """What the output said last; None where it never said anything, as devices of others do."""
        return self._known

    def told(self, identity: int, command: Command) -> None:
        """The output was told something."""
        self._id, self._told = identity, command
        self._differs_since, self._reported, self._owed = None, False, None

    def refused(self, identity: int) -> None:
        """The output refused what it was told: that has been reported, and it is not told again."""
        self._reported = self._reported or identity == self._id

    def said(self, state: OutputState, steady: float) -> None:
        """The output says what it does."""
        self._known, self._heard, self._silent = state, steady, False

    def is_silent(self, steady: float) -> bool:
        """Whether the output, which has said what it does, has said nothing for too long."""
        return self._known is not None and steady - self._heard > self._silence

    def newly_silent(self, steady: float) -> str:
        """Why nobody knows what the output does, once for each silence; empty where it is known."""
        if self._silent or not self.is_silent(steady):
            return ""
        self._silent = True
        return f"output '{self._output}' has been silent for {steady - self._heard:.1f} s: what it does is not known"

    def difference(self, steady: float) -> Difference | None:
        """How the output differs from what it was told; once for each time that it was told anything.

        To be asked while no command waits for its acknowledgement.
        """
        known, told = self._known, self._told
        if known is None or told is None or self._silent or self._reported:
            return None
        text = self._differing(known, told)
        if not text:
            self._differs_since = None
            return None
        if self._differs_since is None:
            self._differs_since = steady
        by_itself = bool(known.reason) and known.source == self._source and known.id == self._id
        if not by_itself and steady - self._differs_since < _LASTS:
            return None
        self._reported = True
        others = known.source not in ("", self._source)
        repeatable = told.action not in FINITE  # to tell a pulse again would be a second pulse
        self._owed = told if known.source == RIG and known.armed and repeatable else None
        return Difference(f"output '{self._output}' {text}", told if repeatable and not others else None)

    def _differing(self, known: OutputState, told: Command) -> str:
        wanted = " ".join([told.action, *(f"{key}={value}" for key, value in told.values.items())])
        if known.source == self._source and known.id == self._id:
            if told.action == OFF or known.on or not known.reason:  # what it was to do for a time has ended
                return ""
            return f"is off: {known.reason}"
        if known.source == self._source or not known.source:
            if told.action == OFF and not known.on:
                return ""
            return f"does '{known.state}' and not '{wanted}': the command was lost"
        if known.state == told.action == OFF or known.state == wanted:
            return ""
        why = f" ({known.reason})" if known.reason else ""
        return f"does '{known.state}' by order of {known.source}{why}, and not '{wanted}'"
