"""The input node: publishes what one pin of a board does, with the board's time of each change."""

from __future__ import annotations

import sys
import threading

from rclpy.timer import Timer
from std_msgs.msg import Bool

from dlstream_common import DlstreamError, Event, event_kinds, now
from dlstream_common.ros import EVENT, Diagnosis, DlstreamNode, Level, LocalFrames, event_to_message, run_node
from dlstream_msgs.msg import Event as EventMsg
from dlstream_outputs.board import BoardError, BoardEvent
from dlstream_outputs.inputs.board_input import BoardInput, InputSettings

_SIGN_OF_LIFE = 0.5
_FAULT_PERIOD = 0.1


class InputNode(DlstreamNode[InputSettings]):
    """Publishes ~/level at each change and twice a second, and each change as an event on /experiment/events."""

    default_name = "input"

    def __init__(self, *, name: str = "", namespace: str = "/inputs", frames: LocalFrames | None = None) -> None:
        """Args name and namespace are given where several nodes share a process."""
        super().__init__(InputSettings, name=name, namespace=namespace, frames=frames)
        self._input: BoardInput | None = None
        self._timers: list[Timer] = []
        self._lock = threading.Lock()  # the board's thread publishes as well: the order of levels is that of changes
        self._on: bool | None = None  # None: not active
        self._newest: bool | None = None  # by the last change since activation began; None: none yet
        self._changes = 0

    def configure(self, settings: InputSettings) -> None:
        self._changes = 0
        self._input = BoardInput(settings, lambda line: self.get_logger().info(line), self._on_change, self._on_loss)
        self._input.open()
        self.hardware_id = self._input.hardware_id
        rig = f"/{settings.rig_namespace}".rstrip("/")
        self._levels = self.create_lifecycle_publisher(Bool, "~/level", EVENT)
        self._events = self.create_lifecycle_publisher(EventMsg, f"{rig}/experiment/events", EVENT)

    def activate(self) -> None:
        if self._input is None:
            raise DlstreamError("the input is not configured")
        with self._lock:
            self._newest = None
        level = self._input.read()
        with self._lock:
            # What the board told before its answer is in the answer, and what it told since is newer.
            self._on = level if self._newest is None else self._newest
            self._levels.publish(Bool(data=self._on))
        self._timers = [
            self.create_timer(_SIGN_OF_LIFE, self._tell_again),
            self.create_timer(_FAULT_PERIOD, self._look),
        ]

    def deactivate(self) -> None:
        with self._lock:
            self._on = None
        for timer in self._timers:
            self.destroy_timer(timer)
        self._timers = []

    def cleanup(self) -> None:
        if self._input is not None:
            self._input.close()
        self._input = None
        for name in ("_levels", "_events"):
            if hasattr(self, name):
                self.destroy_lifecycle_publisher(getattr(self, name))
                delattr(self, name)

    def diagnose(self) -> Diagnosis:
        return Diagnosis(Level.OK, "on" if self._on else "off", {"changes": self._changes})

    def _on_change(self, on: bool, event: BoardEvent) -> None:
        """A change, in the board's thread."""
        with self._lock:
            self._newest = on
            if self._on is None:
                return
            self._on = on
            self._changes += 1
            self._levels.publish(Bool(data=on))
            kind = event_kinds.INPUT_ROSE if on else event_kinds.INPUT_FELL
            values = {"uncertainty_us": f"{event.uncertainty / 1000:.0f}", "board_us": str(event.board_us)}
            self._events.publish(event_to_message(Event(event.stamp, kind, self.get_name(), values)))

    def _on_loss(self, reason: str) -> None:
        with self._lock:
            if self._on is not None:
                self._tell_fault(reason)

    def _tell_fault(self, reason: str) -> None:
        self.get_logger().error(reason)
        self._events.publish(event_to_message(Event(now(), event_kinds.FAULT, self.get_name(), {"reason": reason})))

    def _tell_again(self) -> None:
        """So that a subscriber which comes later knows the level, and one that hears nothing knows that we are gone."""
        with self._lock:
            if self._on is not None:
                self._levels.publish(Bool(data=self._on))

    def _look(self) -> None:
        """An experiment must not go on with an input that nobody hears."""
        reason = self._input.fault() if self._input is not None else ""
        if reason:
            self._tell_fault(reason)
            self.fail(BoardError(reason))


def main() -> None:
    """Entry point of `ros2 run dlstream_outputs input`."""
    sys.exit(run_node(InputNode))


if __name__ == "__main__":
    main()
