"""What the command line shows of a running rig: it listens to /diagnostics and the experiment's status."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from dlstream.run.claim import Claim
from dlstream.run.faults import FaultPublisher, OutputStopper
from dlstream.run.hanging import Hanging
from dlstream.secure import security_hint
from dlstream_common import DlstreamError, event_kinds
from dlstream_common.plain_text import one_line
from dlstream_common.ros import ENDS_BECAUSE, EVENT, TOLD_TO_END
from dlstream_msgs.msg import ExperimentStatus

_LEVELS = {DiagnosticStatus.WARN: "WARN", DiagnosticStatus.ERROR: "ERROR", DiagnosticStatus.STALE: "STALE"}
_SILENT_AFTER = 3.0
"""Seconds without a diagnosis after which a node counts as silent."""
_LAST_WORDS = 0.3
"""Seconds in which what a node said last is heard."""
_COMPLAINT = 10.0
"""Seconds between two complaints about messages that can't be used."""
_DIGITS = 18
"""Of a count; more are nobody's."""


class Monitor:
    """The newest diagnosis of the rig's nodes and the experiment's status, from a node of its own.

    Args:
        rig: the rig's name.
        file: the rig's file.
        nodes: full names of the rig's nodes; other nodes in the same ROS domain are ignored.
        outputs: the rig's outputs by name, including those that other nodes run.
        namespace: of the rig.
        claimed: those of the nodes that are started here; None: all.
        needed: those without which the rig ends: when a signal tells one of them to end, the outputs go off at once.
        deciding: those by which outputs are commanded: the same, even if the rig goes on without one.
        simulated: whether the rig's time is that of /clock.
        topics: see Claim.

    Raises:
        DlstreamError: ROS does not start, as where its security is switched on and it can't do that.
    """

    def __init__(
        self,
        rig: str,
        file: Path,
        nodes: Collection[str],
        outputs: Collection[str] = (),
        namespace: str = "",
        claimed: Collection[str] | None = None,
        needed: Collection[str] = (),
        deciding: Collection[str] = (),
        simulated: bool = False,
        topics: Mapping[str, int] | None = None,
    ) -> None:
        self._nodes = frozenset(nodes)
        self._own = self._nodes if claimed is None else frozenset(claimed)
        self._needed, self._deciding = frozenset(needed), frozenset(deciding)
        self._hanging = Hanging()
        self._pose = f"/{namespace}/pose" if namespace else "/pose"
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._heard_one = threading.Condition(self._lock)
        self._diagnoses: dict[str, tuple[float, DiagnosticStatus]] = {}
        self.first_frame: float | None = None
        """When the first frame was reported, by the monotonic clock."""
        self.poses = 0
        """How many poses the pose node reported, of all cameras together."""
        self.session: Path | None = None
        """The newest session folder that a recorder reported."""
        self.status: ExperimentStatus | None = None
        self.told_to_end = ""
        """The needed node that was asked to end, or gave up, while the rig went on."""
        self.gave_up = ""
        """Why it gave up; empty: a signal has asked it to end."""
        self.rig_ends = False
        """Whether the rig's nodes are being asked to end, one after the other."""
        self.ran = False
        """Whether the experiment has run since the monitor started."""
        self.waited_for = ""
        """What a run waited for last before it could begin; empty: no run was to begin, or it told nothing."""
        self.called_off = False
        """Whether somebody has stopped the experiment while it waited, before the rig ended."""
        self._context = rclpy.Context()
        try:
            rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
            self._node = rclpy.create_node(
                "dlstream_monitor",
                namespace=namespace,
                context=self._context,
                start_parameter_services=False,
                parameter_overrides=[Parameter("use_sim_time", value=simulated)],
            )
        except RCLError as error:
            raise DlstreamError(f"ROS does not start: {error}{security_hint()}") from error
        self.claim = Claim(self._node, rig, file, nodes if claimed is None else claimed, topics)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)
        self._node.create_subscription(ExperimentStatus, "experiment/status", self._on_status, EVENT)
        self._faults = FaultPublisher(self._node)
        self._stopper = OutputStopper(self._node, outputs)
        self._closed = threading.Event()
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="monitor", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leaves the ROS graph."""
        self._closed.set()
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    @property
    def node(self) -> Node:
        """The monitor's own node, in the rig's namespace; its executor has a thread of its own."""
        return self._node

    @property
    def is_heard(self) -> bool:
        """Whether anybody takes what is reported, such as the recorder."""
        return self._faults.heard

    def report(self, kind: str, name: str, values: Mapping[str, str]) -> None:
        """Publishes an event, and waits for nothing."""
        self._faults.send(kind, name, values)

    def report_fault(self, node: str, text: str) -> None:
        """Publishes that a node has died, for the recorder and other subscribers."""
        self._faults.publish(node, text)

    def stop_outputs(self, reason: str, for_good: bool) -> None:
        """Switches all outputs off, at once; `for_good`: until the rig has ended."""
        self._stopper.stop(reason, for_good)

    def was_told_to_end(self, nodes: Collection[str]) -> bool:
        """Whether a signal has told one of these nodes, which have ended, to end; once, as they may be started again.

        Waits a moment for what they said: the end of a process may be seen before.
        """
        with self._heard_one:
            told = self._heard_one.wait_for(lambda: not self._told.isdisjoint(nodes), _LAST_WORDS)
            self._told.difference_update(nodes)
        return told

    def tell_of_hanging(self, say: Callable[[str, str], None]) -> None:
        """Says which nodes of this host hang or are back, and publishes it; to be called again and again."""
        with self._lock:
            news = self._hanging.news(time.monotonic(), self._is_there)
        for one in news:
            say("rig", f"{one.node}: {one.text}" if one.back else f"[ERROR] {one.node} {one.text}")
            self.report(event_kinds.RECOVERED if one.back else event_kinds.FAULT, one.node, {"text": one.text})

    def _is_there(self, node: str) -> bool:
        namespace, _, name = node.rpartition("/")
        return (name, namespace or "/") in self._node.get_node_names_and_namespaces()

    @property
    def experiment_failed(self) -> bool:
        """Whether the experiment ended with a fault."""
        return self.status is not None and self.status.status == ExperimentStatus.FAULT

    @property
    def experiment_ended(self) -> bool:
        """Whether the experiment ran and has ended."""
        return self.ran and self.status is not None and self.status.status != ExperimentStatus.RUNNING

    def line(self) -> str:
        """One line on the state of the rig."""
        with self._lock:
            diagnoses = dict(sorted(self._diagnoses.items()))
        clock = time.monotonic()
        parts = [
            f"{name.strip('/')}: {_level(item)}{item.message}"
            if clock - heard < _SILENT_AFTER
            else f"{name.strip('/')}: silent"
            for name, (heard, item) in diagnoses.items()
        ]
        return "  |  ".join(parts) or "waiting for the nodes"

    def _spin(self) -> None:
        while not self._closed.is_set():
            try:
                self._executor.spin()
                return
            except ExternalShutdownException:
                return
            except Exception as error:  # of one message, as of a stranger's: what comes next is still heard
                if not self._closed.is_set():
                    text = f"a message was left out ({type(error).__name__}: {error})"
                    self._node.get_logger().error(one_line(text), throttle_duration_sec=_COMPLAINT)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._lock:
            for item in message.status:
                if item.name not in self._nodes:
                    continue
                self._diagnoses[item.name] = (time.monotonic(), item)
                if item.name in self._own:
                    self._hanging.add(item, time.monotonic())
                values = {pair.key: pair.value for pair in item.values}
                if TOLD_TO_END in values and item.name in self._own and not self.rig_ends:
                    self._on_told_to_end(item.name, values.get(ENDS_BECAUSE, ""))
                if item.name == self._pose:
                    self.poses = sum(_count(value) for key, value in values.items() if key.endswith("/poses"))
                if "session" in values:
                    self.session = Path(values["session"])
                if self.first_frame is None and _has_frames(values):
                    self.first_frame = time.monotonic()

    def _on_told_to_end(self, node: str, because: str) -> None:
        if not because:
            self._told.add(node)
            self._heard_one.notify_all()
        reason = f"{node} ends: {because}" if because else f"{node} was asked to end"
        if node in self._needed and not self.told_to_end:
            self.told_to_end, self.gave_up = node, because
            self.stop_outputs(reason, for_good=True)
        elif node in self._deciding and not self.told_to_end:
            self.stop_outputs(reason, for_good=False)

    def _on_status(self, message: ExperimentStatus) -> None:
        waited = self.status is not None and self.status.status == ExperimentStatus.WAITING
        if not self.rig_ends and message.status == ExperimentStatus.IDLE:
            self.called_off = self.called_off or waited
        elif not self.rig_ends:
            self.called_off = False
        self.status = message
        self.ran = self.ran or message.status == ExperimentStatus.RUNNING
        if message.status == ExperimentStatus.WAITING:
            self.waited_for = message.reason


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else 0


def _has_frames(values: Mapping[str, str]) -> bool:
    """Whether a node has had a frame: a camera of the rig, or whoever takes the frames of somebody else's."""
    counts = ("frames", "frames_recorded", "poses")
    return any(value not in ("", "0") for key, value in values.items() if key.rpartition("/")[2] in counts)


def _level(item: DiagnosticStatus) -> str:
    level = _LEVELS.get(item.level, "")
    return f"{level} " if level else ""
