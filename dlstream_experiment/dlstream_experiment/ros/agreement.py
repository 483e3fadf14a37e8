"""Does an output do what the experiment believes? It knows no ROS and no clock; `steady` is seconds."""

from __future__ import annotations

from dataclasses import dataclass

from dlstream_common import FINITE, OFF, RIG, Command
from dlstream_experiment.model.protocols._lengths import ends_by_itself

_AGAIN_AFTER = 1.0
"""Seconds after which a command that came too late is sent again."""
_LASTS = 0.3
"""Seconds for which an output must differ: its status and the next command cross on their way."""


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
    limited: bool = False

    @property
    def is_new(self) -> bool:
        """Whether its node has carried out nothing since it was started."""
        return not self.source and not self.id

    @property
    def waits_for_run(self) -> bool:
        """Whether its node is new, and a run has to arm it."""
        return self.is_new and not self.armed and self.armable


@dataclass(frozen=True)
class Difference:
    """An output that does not do what its last command says.

    Attributes:
        reason: what it does, and what it should do.
        again: the command to send again; None for what ends by itself, after a limit of the output's own, and where
            somebody else commands it.
    """

    reason: str
    again: Command | None


class Agreement:
    """Compares the last command to one output with the status that it publishes.

    Args:
        source: name of the node that commands, as its commands have it.
        silence: seconds without a status after which nobody knows what the output does.
    """

    def __init__(self, output: str, source: str, silence: float) -> None:
        self._output, self._source, self._silence = output, source, silence
        self._id = 0
        self._sent: Command | None = None
        self._arms = False  # whether that was sent with the run's right to arm
        self._known: OutputState | None = None
        self._heard = 0.0
        self._silent = False
        self._differs_since: float | None = None
        self._reported = False
        self._owed: Command | None = None
        self._stopped = 0.0  # when the launcher's last command was first heard of
        self._restarted = False
        self._back_at: float | None = None
        self._late_since: float | None = None

    def owed(self, known_until: float) -> Command | None:
        """The command to send again, which the launcher switched off as a node died; None as long as that may be dead.

        Args:
            known_until: the moment up to which everything is known on which the experiment decides.
        """
        known = self._known
        stays = known is not None and known.source == RIG and known.armed and known_until > self._stopped
        return self._owed if stays else None

    @property
    def known(self) -> OutputState | None:
        """The output's last status; None if it never published one, as devices of others do."""
        return self._known

    def sent(self, identity: int, command: Command, arms: bool = False) -> None:
        """A command was sent to the output; `arms`: as one that begins a run."""
        self._id, self._sent, self._arms = identity, command, arms
        self._differs_since, self._reported, self._owed, self._late_since = None, False, None, None

    def refused(self, identity: int) -> None:
        """The output refused a command: that has been reported, and the command is not sent again.

        But for one to a node that was started again meanwhile, and only had to be armed by this run.
        """
        to_be_armed = self._known is not None and self._known.waits_for_run and not self._arms
        self._reported = self._reported or (identity == self._id and not to_be_armed)

    def came_late(self, identity: int, steady: float) -> None:
        """The output refused a command as it came late: it may be sent again, but for one that ends by itself."""
        if identity == self._id and self._sent is not None and _repeatable(self._sent):
            self._late_since = steady
        else:
            self.refused(identity)

    @property
    def is_late(self) -> bool:
        """Whether the last command came late, and was not carried out."""
        return self._late_since is not None

    def late(self, steady: float) -> Command | None:
        """The command that came late, once it is time to send it again."""
        waits = self._late_since is None or steady - self._late_since < _AGAIN_AFTER
        return None if waits else self._sent

    def heard(self, state: OutputState, steady: float) -> None:
        """The output published its status."""
        before = self._known
        if before is not None and state.is_new and (self._silent or not before.is_new):
            self._restarted, self._back_at = True, steady
            self._reported, self._differs_since, self._owed = False, None, None
        elif before is not None and state.is_new and state.armed and not before.armed:
            self._reported = False  # a person has armed what was started again, and had refused the command
        self._restarted = self._restarted and state.is_new
        if state.source == RIG and (before is None or (before.source, before.id) != (state.source, state.id)):
            self._stopped = steady
        self._known, self._heard, self._silent = state, steady, False

    def newly_back(self, steady: float) -> float | None:
        """For how many seconds the output's node, started again, has been heard: once for each time, else None.

        What it got since then it does; it may be asked much later, in the next run.
        """
        back_at, self._back_at = self._back_at, None
        return None if back_at is None else steady - back_at

    def is_silent(self, steady: float) -> bool:
        """Whether the output has published a status, but none for too long."""
        return self._known is not None and steady - self._heard > self._silence

    def newly_silent(self, steady: float) -> str:
        """Why nobody knows what the output does, once for each silence; empty where it is known."""
        if self._silent or not self.is_silent(steady):
            return ""
        self._silent = True
        return f"output '{self._output}' has been silent for {steady - self._heard:.1f} s: what it does is not known"

    @property
    def differs(self) -> bool:
        """Whether the last status that came is not what the last command says; not yet that it is a fault."""
        return self._known is not None and self._sent is not None and bool(self._differing(self._known, self._sent))

    def difference(self, steady: float) -> Difference | None:
        """How the output differs from its last command; once for each command.

        To be asked while no command waits for its acknowledgement.
        """
        known, sent = self._known, self._sent
        if known is None or sent is None or self._silent or self._reported:
            return None
        text = self._differing(known, sent)
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
        repeatable = _repeatable(sent)
        self._owed = sent if known.source == RIG and known.armed and repeatable else None
        limited = by_itself and known.limited  # no experiment passes a limit, and we don't try
        again = sent if repeatable and not others and not limited else None
        return Difference(f"output '{self._output}' {text}", again)

    def _differing(self, known: OutputState, sent: Command) -> str:
        wanted = " ".join([sent.action, *(f"{key}={value}" for key, value in sent.values.items())])
        if known.source == self._source and known.id == self._id:
            if sent.action == OFF or known.on or not known.reason:  # what it was to do for a time has ended
                return ""
            return f"is off: {known.reason}"
        if known.source == self._source or not known.source:
            if sent.action == OFF and not known.on:
                return ""
            if self._restarted:
                return f"was started again and does '{known.state}', and not '{wanted}'"
            return f"does '{known.state}' and not '{wanted}': the command was lost"
        if known.state == sent.action == OFF or known.state == wanted:
            return ""
        why = f" ({known.reason})" if known.reason else ""
        return f"does '{known.state}' by order of {known.source}{why}, and not '{wanted}'"


def _repeatable(command: Command) -> bool:
    """Whether a command only asserts a state: to send again what ends by itself would be a second reward."""
    return command.action not in FINITE and not ends_by_itself(command.action, command.values)
