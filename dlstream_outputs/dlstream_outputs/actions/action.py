"""The base of all actions."""

from __future__ import annotations

from typing import ClassVar

from dlstream_common import Settings
from dlstream_outputs.actions.rhythm import Rhythm


class Action(Settings):
    """What an output does until the next command, or for a time. A subclass is one word of the vocabulary."""

    name: ClassVar[str]

    @property
    def text(self) -> str:
        """The word and the values that were given: `train frequency=20 width=5`."""
        given = (
            f"{name}={_shown(getattr(self, name))}" for name in type(self).model_fields if name in self.model_fields_set
        )
        return " ".join([self.name, *given])

    @property
    def seconds(self) -> float | None:
        """How long it lasts, from the command until the output is off again; None: until it gets `off`."""
        return None

    @property
    def duty_cycle(self) -> float:
        """The share of the time in which the output is on, 0 to 1; of a train, from its first pulse on."""
        return 1.0

    @property
    def rhythm(self) -> Rhythm:
        """When the output is on, from the first pulse on."""
        return Rhythm()

    @property
    def on_seconds(self) -> float | None:
        """For how long the output is on in all, pauses left out; None: until it gets `off`."""
        return self.seconds

    @property
    def longest_on(self) -> float | None:
        """The longest time in seconds in which the output is on without a break; None: as long as it lasts."""
        return self.seconds


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
