"""Notices topics that fall silent, and that they speak again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A topic that has fallen silent, or speaks again after `seconds`."""

    topic: str
    silent: bool
    seconds: float


class SilenceMonitor:
    """Watches topics that are expected to speak all the time.

    Args:
        silence: seconds without a message after which a topic is silent.
        patience: the same for a topic that has not spoken yet: its node may still be starting.
        clock: seconds, from any start.
    """

    def __init__(self, silence: float, patience: float, clock: Callable[[], float]) -> None:
        self._silence = silence
        self._patience = max(silence, patience)
        self._clock = clock
        self._topics: dict[str, _Topic] = {}

    def add(self, topic: str, required: bool = True, source: str | None = None) -> None:
        """Begins to watch a topic.

        Args:
            topic: its name.
            required: whether it should be heard at all; otherwise it is watched from its first message on.
            source: a topic that this one follows from: while that is silent this one may be so too.
        """
        self._topics[topic] = _Topic(self._clock(), required, source)

    def heard(self, topic: str) -> None:
        """Takes note of a message."""
        state = self._topics[topic]
        state.spoke, state.last = True, self._clock()

    def changes(self) -> list[Change]:
        """What has changed since the last call."""
        clock = self._clock()
        changes = []
        for name, state in self._topics.items():
            passed = clock - state.last
            limit = self._silence if state.spoke else self._patience
            if state.silent_since is not None:
                if state.last > state.silent_since:
                    changes.append(Change(name, False, round(state.last - state.silent_since, 3)))
                    state.silent_since = None
            elif passed > limit and (state.spoke or state.required) and self._source_speaks(state):
                changes.append(Change(name, True, round(passed, 3)))
                state.silent_since = state.last
        return changes

    @property
    def silent(self) -> list[str]:
        """Topics that are silent now."""
        return [name for name, state in self._topics.items() if state.silent_since is not None]

    def _source_speaks(self, state: _Topic) -> bool:
        """Whether what it follows from has spoken lately, and since this one spoke last."""
        if state.source is None:
            return True
        source = self._topics[state.source]
        return self._clock() - source.last <= self._silence and source.last - state.last > self._silence


@dataclass
class _Topic:
    last: float
    required: bool
    source: str | None
    spoke: bool = False
    silent_since: float | None = None
