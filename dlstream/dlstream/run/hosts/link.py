"""What the hosts of a rig know of each other: whether they live, run the same rig, have the same time, and end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from std_msgs.msg import String

from dlstream.rig.file import Rig
from dlstream.rig.nodes import NodeSpec
from dlstream.run.hosts.beat import BEAT_QOS, PERIOD, TOPIC, Beat, State
from dlstream.run.hosts.files import differing
from dlstream.run.hosts.peer import Peer
from dlstream.run.monitor import Monitor
from dlstream.run.supervision import Ending, Say
from dlstream_common import DlstreamError, event_kinds, now
from dlstream_common.lateness import uptime
from dlstream_common.ros.host_clocks import CLOCKS_QOS, Ahead, clocks_text, clocks_topic

_LAST_BEATS = 20
_REMIND = 3.0
_CLOCK_EVERY = 10.0
_TELL_CLOCKS = 20
"""Beats after which the nodes of this host are told how the others' clocks differ."""


class HostsError(DlstreamError):
    """The hosts of a rig can't start together."""


class HostLink:
    """Beats for this host, and listens to the beats of the others.

    Every host runs the same code; only the main host tells the session of the clocks.

    Args:
        files: what must be the same on every host, each with its hash.
        nodes: all nodes of the rig on all hosts, in the order in which they start.
    """

    def __init__(
        self, rig: Rig, host: str, files: Mapping[str, str], nodes: Sequence[NodeSpec], monitor: Monitor, say: Say
    ) -> None:
        self.host = host
        self._is_main = host == next(iter(rig.hosts))
        self._monitor, self._say = monitor, say
        self._order = {spec.full_name: number for number, spec in enumerate(nodes)}
        prefix = f"/{rig.namespace}" if rig.namespace else ""
        self._parts = {
            host: [node.full_name.removeprefix(prefix) for spec in nodes if spec.host == host for node in spec.nodes]
            for host in rig.hosts
        }
        self._nodes = [(node.full_name, spec.host) for spec in nodes for node in spec.nodes]
        own = [spec.full_name for spec in nodes if spec.host == host]
        self.left: Callable[[], Sequence[str]] = lambda: own
        """Which nodes of this host have not ended; by the runner, once there is one."""
        self._own = Beat(rig.rig, host, files=dict(files))
        deciding = {spec.host for spec in nodes if spec.decides}
        self._peers = {
            name: Peer(name, options, name in deciding) for name, options in rig.hosts.items() if name != host
        }
        self._ended = threading.Event()
        self._next_clock = 0.0
        self._publisher = monitor.node.create_publisher(String, TOPIC, BEAT_QOS)
        self._clocks = monitor.node.create_publisher(String, clocks_topic(host), CLOCKS_QOS)
        monitor.node.create_subscription(String, TOPIC, self._on_beat, BEAT_QOS)
        self._thread = threading.Thread(target=self._beat, name="hosts", daemon=True)
        self._thread.start()

    def wait_for_others(self, tick: Callable[[], None] = lambda: None) -> None:
        """Waits until every other host is there, has the same files, and a clock that agrees.

        Args:
            tick: called meanwhile; may raise.

        Raises:
            HostsError: one of them did not come, differs, or has ended.
        """
        begun, reminded = time.monotonic(), False
        while missing := [peer for peer in self._peers.values() if not peer.is_ready(self.host)]:
            tick()
            for peer in self._peers.values():
                self._refuse(peer, time.monotonic() - begun)
            if not reminded and time.monotonic() - begun > _REMIND:
                reminded = True
                for peer in missing:
                    if peer.beat is None and not peer.options.ssh:
                        self._say("rig", f"waits for host {peer.name}, which runs: dlstream run RIG --host {peer.name}")
            time.sleep(PERIOD)
        for peer in self._peers.values():
            self._refuse(peer, 0.0)
            self._say("rig", f"host {peer.name} ({peer.options.address}) is there; its clock is {peer.clock.offset}")
        self._become("runs")

    def _refuse(self, peer: Peer, waited: float) -> None:
        """Raises HostsError where the rig can't start with this host."""
        beat, offset, limit = peer.beat, peer.clock.offset, peer.options.clock_limit
        if waited > peer.options.start_timeout and not peer.is_ready(self.host):
            heard = "was heard, but does not hear this one" if beat else "was not heard"
            raise HostsError(
                f"host {peer.name} ({peer.options.address}) {heard} within {peer.options.start_timeout:g} s; "
                f"expected `dlstream run RIG --host {peer.name}` to run there, and both in one network. "
                "See docs/how-to/several-hosts.md"
            )
        if beat is not None and beat.state == "ends":
            raise HostsError(f"host {peer.name} does not start: {beat.reason}")
        if beat is not None and (names := differing(self._own.files, beat.files)):
            raise HostsError(
                f"host {peer.name} has another {', another '.join(names)} than {self.host}; expected the same on every "
                "host. Copy the rig's folder to each of them"
            )
        if offset is not None and offset.surely > limit * 1e9:
            raise HostsError(
                f"the clock of host {peer.name} is {offset}; expected less than {limit:g} s (hosts.{peer.name}."
                "clock_limit). Let chrony or PTP set the clocks of all hosts. See docs/how-to/several-hosts.md"
            )

    def tick(self) -> Ending | None:
        """Why the rig is to end because of another host; None while it goes on."""
        for peer in self._peers.values():
            if peer.beat is not None and peer.beat.state == "ends":
                return Ending(f"host {peer.name}: {peer.beat.reason}", peer.beat.failed, peer.beat.at_once)
            if ending := self._after_silence(peer) or self._after_clock(peer):
                return ending
        if self._is_main and time.monotonic() > self._next_clock and self._monitor.is_heard:
            self._next_clock = time.monotonic() + _CLOCK_EVERY
            self._record_clocks()
        return None

    def _after_silence(self, peer: Peer) -> Ending | None:
        silent = peer.silent_for
        if peer.silent_since and silent < peer.options.silence:
            text = f"host {peer.name} is back after {time.monotonic() - peer.silent_since:.1f} s"
            peer.silent_since, peer.gone = 0.0, False
            self._say("rig", text)
            self._monitor.report(event_kinds.RECOVERED, f"host/{peer.name}", {"text": text})
        elif not peer.silent_since and silent > max(1.0, peer.options.silence):
            peer.silent_since = time.monotonic() - silent
            text = f"nothing has been heard of host {peer.name} for {silent:.1f} s"
            self._say("rig", text)
            self._monitor.report(event_kinds.FAULT, f"host/{peer.name}", {"text": text})
        if silent > peer.options.gone_after and not peer.gone:
            peer.gone = True
            if peer.options.on_failure == "stop":
                self._monitor.stop_outputs(f"host {peer.name} is gone", True)
                return Ending(f"host {peer.name} is gone: nothing heard for {silent:.1f} s", failed=True)
            self._say("rig", f"host {peer.name} is gone; the rig continues without it")
        return None

    def _after_clock(self, peer: Peer) -> Ending | None:
        offset, options = peer.clock.offset, peer.options
        if offset is None:
            return None
        if offset.surely > options.clock_limit * 1e9:
            text = f"the clock of host {peer.name} is {offset}; expected less than {options.clock_limit:g} s"
            self._monitor.stop_outputs(text, True)
            self._monitor.report(event_kinds.FAULT, f"host/{peer.name}", {"text": text})
            return Ending(text, failed=True)
        doubtful = offset.surely > options.clock_warning * 1e9
        if doubtful and not peer.warned:
            text = f"the clock of host {peer.name} is {offset}; expected less than {options.clock_warning * 1e3:g} ms"
            self._say("rig", f"[WARN] {text}")
            if self._is_main:
                self._monitor.report(event_kinds.FAULT, f"host/{peer.name}", {"text": text})
        peer.warned = doubtful
        return None

    def _record_clocks(self) -> None:
        for peer in self._peers.values():
            if (offset := peer.clock.offset) is not None and not peer.silent_since:
                values = {
                    "offset_ns": str(offset.nanoseconds),
                    "uncertainty_ns": str(offset.uncertainty),
                    "of": self.host,
                    "nodes": " ".join(self._parts[peer.name]),
                }
                self._monitor.report(event_kinds.CLOCK_OFFSET, f"host/{peer.name}", values)

    def _tell_clocks(self) -> None:
        """Tells the nodes of this host, which judge the age of what comes from others."""
        offsets = {name: peer.clock.offset for name, peer in self._peers.items()}
        known = {name: Ahead(one.nanoseconds, one.uncertainty) for name, one in offsets.items() if one is not None}
        ahead = {node: known[host] for node, host in self._nodes if host in known}
        self._clocks.publish(String(data=clocks_text(ahead)))

    # The end, in the order of the whole rig.

    def ends(self, ending: Ending) -> None:
        """Tells the others that this host ends, and why; they end as well."""
        if self._own.state != "ends":
            self._own = replace(self._own, reason=ending.reason, failed=ending.failed, at_once=ending.at_once)
            self._become("ends")

    def may_end(self, spec: NodeSpec) -> bool:
        """Whether a node's turn has come: those that end before it, on other hosts, have ended or are not heard of."""
        number = self._order.get(spec.full_name, -1)
        for peer in self._peers.values():
            if peer.beat is None or peer.silent_for > max(1.0, peer.options.silence):
                continue
            if any(self._order.get(name, -1) > number for name in peer.beat.left):
                return False
        return True

    def close(self, reason: str = "it has ended") -> None:
        """Says a few times that this host has ended, and beats no more."""
        self.ends(Ending(reason, failed=True))
        self.left = lambda: ()
        self._ended.set()
        self._thread.join()

    # Beats.

    def _become(self, state: State) -> None:
        self._own = replace(self._own, state=state)

    def _beat(self) -> None:
        last, count = _LAST_BEATS, 0
        while last:
            if count % _TELL_CLOCKS == 0:
                self._tell_clocks()
            count += 1
            last -= self._ended.is_set()
            heard = {name: list(peer.heard) for name, peer in self._peers.items() if peer.heard is not None}
            beat = replace(self._own, left=list(self.left()), heard=heard, sent=now(), uptime=uptime())
            self._publisher.publish(String(data=beat.text()))
            self._watch()
            time.sleep(PERIOD / 2)
            self._watch()
            time.sleep(PERIOD / 2)

    def _watch(self) -> None:
        """Outputs go off at once when a host falls silent on which they depend: the runner may be busy."""
        for peer in self._peers.values():
            peer.lateness.turn(uptime())
        if self._own.state != "runs":
            return
        for peer in self._peers.values():
            silent = peer.silent_for > peer.options.silence
            if silent and not peer.off and peer.decides:
                self._monitor.stop_outputs(f"nothing heard of host {peer.name} for {peer.options.silence:g} s", False)
            peer.off = silent

    def _on_beat(self, message: String) -> None:
        came = now()
        beat = Beat.read(message.data)
        peer = self._peers.get(beat.host) if beat is not None and beat.rig == self._own.rig else None
        if beat is None or peer is None:
            return
        jump = peer.add(beat, came, self.host)
        if jump is not None:
            self._next_clock = 0.0  # the session gets the new difference at once
            self._say(
                "rig", f"[WARN] the clock of host {peer.name}, or this one's, was set by {jump.nanoseconds / 1e9:.3f} s"
            )
