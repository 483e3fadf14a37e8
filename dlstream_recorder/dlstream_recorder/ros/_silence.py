"""Notices when topics fall silent and when they resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A topic that has fallen silent, or resumed after `seconds` of silence."""

    topic: str
    silent: bool
    seconds: float


class SilenceMonitor:
    """Watches topics that are expected to publish continuously.

    Args:
        silence: seconds without a message after which a topic is silent.
        startup_timeout: the same before the first message: its node may still be starting.
        clock: a time in seconds, from any origin.
    """

    def __init__(self, silence: float, startup_timeout: float, clock: Callable[[], float]) -> None:
        self._silence = silence
        self._startup_timeout = max(silence, startup_timeout)
        self._clock = clock
        self._topics: dict[str, _Topic] = {}

    def add(self, topic: str, required: bool = True, source: str | None = None) -> None:
        """Starts watching a topic.

        Args:
            topic: its name.
            required: whether messages must arrive at all; otherwise it is watched from its first message on.
            source: the topic that this one depends on: while that is silent, this one may be silent, too.
        """
        self._topics[topic] = _Topic(self._clock(), required, source)

    def heard(self, topic: str) -> None:
        """Notes that a message has arrived."""
        state = self._topics[topic]
        state.spoke, state.last = True, self._clock()

    def changes(self) -> list[Change]:
        """What has changed since the last call."""
        clock = self._clock()
        changes = []
        for name, state in self._topics.items():
            passed = clock - state.last
            limit = self._silence if state.spoke else self._startup_timeout
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
        """Whether the topic that it depends on has recent messages, newer than this one's last."""
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
