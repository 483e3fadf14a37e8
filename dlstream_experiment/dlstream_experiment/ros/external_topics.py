"""Values from outside: fields of other ROS topics' messages, on which triggers decide."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from functools import partial
from importlib import import_module
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile, ReliabilityPolicy

from dlstream_common import DlstreamError
from dlstream_common.ros import EVENT
from dlstream_experiment.model.external import ExternalSource, field_of
from dlstream_experiment.runtime.inputs import Value

_ANY_PUBLISHER = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


class ExternalTopics:
    """Subscribes to the topics of the sources.

    Args:
        complain: called, once for each source, with its name and why no value can be taken from its messages.

    Raises:
        DlstreamError: there is no such type of message.
    """

    def __init__(
        self,
        node: LifecycleNode,
        sources: Collection[ExternalSource],
        clock: Callable[[], int],
        on_input: Callable[[Value], None],
        complain: Callable[[str, str], None],
    ) -> None:
        self._node, self._clock, self._on_input, self._complain = node, clock, on_input, complain
        self._complained: set[str] = set()
        self._last: dict[str, tuple[float | str, float]] = {}  # each with its arrival, by the monotonic clock
        self._heard = {source.source: -math.inf for source in sources if source.gives_signs_of_life}
        self._subscriptions = [
            node.create_subscription(
                message_type(source.message),
                source.topic,
                partial(self._receive, source),
                EVENT if source.reliable else _ANY_PUBLISHER,
            )
            for source in sources
        ]

    @property
    def heard(self) -> float:
        """When all inputs of the rig had been heard, by the monotonic clock; infinite where there is none."""
        return min(self._heard.values(), default=math.inf)

    def last(self) -> list[Value]:
        """The newest value of each source that sent one, with its age now."""
        stamp, steady = self._clock(), time.monotonic()
        return [
            Value(stamp, source, value, int((steady - arrived) * 1e9))
            for source, (value, arrived) in self._last.items()
        ]

    def close(self) -> None:
        """Lets go of the topics."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _receive(self, source: ExternalSource, message: Any) -> None:
        arrived = self._clock()
        try:
            value = field_of(message, source.field)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            if source.source not in self._complained:
                self._complained.add(source.source)
                self._complain(source.topic, f"no value '{source.field}' in a message of {source.topic}: {error}")
            return
        steady = time.monotonic()
        self._last[source.source] = (value, steady)
        if source.source in self._heard:
            self._heard[source.source] = steady
        self._on_input(Value(arrived, source.source, value))


def message_type(name: str) -> Any:
    """The class of `package/msg/Name`.

    Raises:
        DlstreamError: there is none.
    """
    package, _, last = name.split("/")
    try:
        return getattr(import_module(f"{package}.msg"), last)
    except (ImportError, AttributeError) as error:
        raise DlstreamError(
            f"message type: found '{name}'; expected one that is installed ({error}). Source its workspace first"
        ) from error
