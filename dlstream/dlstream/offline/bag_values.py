"""Values from outside in a bag: the messages of other topics on which an experiment's triggers decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from dlstream.offline.bag_images import stamp_of
from dlstream.offline.outside import Due, external_triggers
from dlstream_experiment import Experiment
from dlstream_experiment.model.external import ExternalSource, field_of
from dlstream_experiment.runtime.inputs import Value

_SAME_CLOCK = 10_000_000_000
"""Nanoseconds between a pose and its recording: where they are more, they are by two clocks."""


class _Messages(Protocol):
    @property
    def topics(self) -> Mapping[str, str]: ...

    def knows(self, kind: str) -> bool: ...

    def messages(self, topics: Iterable[str], damaged: bool = False) -> Iterator[tuple[str, int, Any]]: ...


class BagValues:
    """The values from outside that an experiment needs, as far as a bag has their topics.

    Attributes:
        topics: of the bag that have them.
        sources: those of their values that are there.
        shift: nanoseconds from the time of a recording to the frames' time, where that is another clock's.
    """

    def __init__(self, bag: _Messages, experiment: Experiment, frames: Collection[str]) -> None:
        found: defaultdict[str, list[ExternalSource]] = defaultdict(list)
        for source in dict.fromkeys(external_triggers(experiment).values()):
            if topic := _topic(bag, source):
                found[topic].append(source)
        self._sources: Mapping[str, Sequence[ExternalSource]] = dict(found)
        self.topics = tuple(self._sources)
        self.sources = frozenset(source.source for sources in found.values() for source in sources)
        self.shift = _shift(bag, frames) if found else 0

    def of(self, topic: str, recorded: int, message: Any) -> Iterator[Value]:
        """Those in a message; without those that its fields do not have."""
        for source in self._sources[topic]:
            try:
                value = field_of(message, source.field)
            except (AttributeError, IndexError, TypeError, ValueError):
                continue
            yield Value(recorded + self.shift, source.source, value)

    def all(self, bag: _Messages) -> list[Due]:
        """All of them, each due with the first frame after it."""
        values = (value for message in bag.messages(self.topics, damaged=True) for value in self.of(*message))
        return [Due(value.stamp + 1, value) for value in values]


def _topic(bag: _Messages, source: ExternalSource) -> str:
    """The topic that has the values of a source: a name without a slash before it may be within a rig's namespace."""
    those = [topic for topic, kind in bag.topics.items() if kind == source.message and bag.knows(kind)]
    if source.topic.startswith("/"):
        return source.topic if source.topic in those else ""
    exact, within = f"/{source.topic}", [topic for topic in those if topic.endswith(f"/{source.topic}")]
    return exact if exact in those else within[0] if len(within) == 1 else ""


def _shift(bag: _Messages, topics: Collection[str]) -> int:
    for _, recorded, message in bag.messages(topics, damaged=True):
        if hasattr(message, "header"):
            shift = (stamp_of(message.header.stamp) or recorded) - recorded
            return shift if abs(shift) > _SAME_CLOCK else 0
    return 0
