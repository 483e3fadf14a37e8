"""Carries out what a page asks for, by the topics and services that the rig's nodes offer to everybody."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

from dlstream_common import OFF, DlstreamError, event_kinds, now
from dlstream_common.ros import COMMAND, EVENT, key_values, stamp_from_message, stamp_to_message
from dlstream_msgs.msg import Command, Event
from dlstream_msgs.srv import StartRecording, TestOutput
from dlstream_panel.board import Board
from dlstream_panel.pages import Pages
from dlstream_panel.request import Request
from dlstream_panel.requests import (
    Acting,
    Arm,
    EndJob,
    Remark,
    Run,
    SaveCalibration,
    SaveRegions,
    StartJob,
    StopAll,
    Test,
)
from dlstream_panel.ros.pictures import Pictures
from dlstream_panel.settings import PanelSettings

_TIMEOUT = 10.0
_DISCOVERY = 5.0
"""Seconds to wait for a service that is not known yet: a page may be open before its nodes have found each other."""
_LONGEST_WAY = 5_000_000_000
"""Nanoseconds that a page's note may be under way; a page that says longer has another clock."""
_SOURCE = "panel"
_STOPPED = "STOP on the panel"
_AGAIN = 0.25
"""Seconds after which STOP is said again to an output that has not said that it is off."""
_INSISTS = 5.0
"""Seconds for which it is."""
_TOO_LATE = "STOP was pressed meanwhile, and goes before this: nothing was done. Look at the state, then press again"


class OrderError(DlstreamError):
    """Something that was refused, or that nobody answered."""


class Orders:
    """Publishers and clients are made at the start, so that the nodes have discovered them before a STOP needs them.

    Its coroutines run in the server's thread; answers come in the node's.
    """

    def __init__(self, node: Node, settings: PanelSettings, pictures: Pictures, board: Board, pages: Pages) -> None:
        self._node, self._settings, self._pictures = node, settings, pictures
        self._board, self._pages = board, pages
        self._count = 0
        self._insisting: asyncio.Task[None] | None = None
        self._unheard: set[str] = set()
        """The outputs to which STOP is said again."""
        self._commands = {
            name: node.create_publisher(Command, f"outputs/{name}/command", COMMAND) for name in settings.outputs
        }
        self._events = node.create_publisher(Event, "experiment/events", EVENT)
        self._clients: dict[str, Any] = {}
        for name in settings.outputs:
            self._client(SetBool, f"/outputs/{name}/arm")
            self._client(TestOutput, f"/outputs/{name}/test")
        if "/experiment" in settings.nodes:
            self._client(Trigger, "/experiment/start")
            self._client(Trigger, "/experiment/stop")
            self._client(Trigger, "/experiment/reload")
        if settings.recording:
            self._client(StartRecording, "/recorder/start")
            self._client(Trigger, "/recorder/stop")
        for name in self._switchable:
            self._client(ChangeState, f"{name}/change_state")

    @property
    def _switchable(self) -> list[str]:
        """The nodes that a row of the page activates and deactivates."""
        cameras = [f"/{camera}/camera" for camera in self._settings.cameras]
        return [name for name in (*cameras, "/pose") if name in self._settings.nodes]

    def _client(self, kind: type, service: str) -> None:
        self._clients[service] = self._node.create_client(kind, service.removeprefix("/"))  # in the rig's namespace

    def close(self) -> None:
        """Takes publishers and clients down."""
        for publisher in (*self._commands.values(), self._events):
            self._node.destroy_publisher(publisher)
        for client in self._clients.values():
            self._node.destroy_client(client)

    # What a page asks for.

    def watch(self, cameras: frozenset[str]) -> None:
        """As Rig.watch."""
        self._pictures.watch(cameras)

    async def carry_out(self, request: Request) -> str:
        """As Rig.carry_out."""
        if isinstance(request, Acting) and request.switches_on and request.is_before(self._board.stops):
            raise OrderError(_TOO_LATE)  # it was under way for longer than the STOP
        match request:
            case StopAll():
                return await self._stop()
            case Arm():
                return await self._arm(request)
            case Test():
                return await self._test(request)
            case Run():
                return await self._run(request)
            case Remark():
                return self._remark(request)
            case SaveRegions():
                return await self._save_regions(request)
            case SaveCalibration():
                return await self._save_calibration(request)
            case StartJob():
                return self._pages.checks.start(request)
            case EndJob():
                return self._pages.checks.end(request)
        raise OrderError("a rig is running here: `dlstream panel FOLDER` serves the wizard")

    async def _stop(self) -> str:
        """Commands first, to every output at once; then the run ends. An output that is gone keeps none waiting."""
        self._board.stopped()
        stamp = self._node.get_clock().now().to_msg()
        for name in self._commands:
            self._switch_off(name, stamp)
        if self._insisting is not None:
            self._insisting.cancel()
        self._unheard = set(self._commands)
        self._insisting = asyncio.ensure_future(self._insist(stamp_from_message(stamp) / 1e6))
        self._publish_event(event_kinds.MARK, "STOP", "every output was commanded off, by the panel", stamp)
        if "/experiment" not in self._settings.nodes:
            return "every output was commanded off"
        try:
            ended = (await self._call("/experiment/stop", Trigger.Request())).success
        except OrderError as error:
            raise OrderError(f"every output was commanded off, but the run may go on: {error}") from error
        return "every output was commanded off" + ("; the run has ended" if ended else "; no run was in progress")

    def _switch_off(self, output: str, decided: Any) -> None:
        self._count += 1
        sent = self._node.get_clock().now().to_msg()
        command = Command(source=_SOURCE, id=self._count, action=OFF, decided=decided, sent=sent, value=math.nan)
        command.values = key_values({"reason": _STOPPED})
        command.arm = Command.DISARM
        self._commands[output].publish(command)

    async def _insist(self, since: float) -> None:
        """Says STOP again where it may have reached nobody: just after its start this node is not known to all."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _INSISTS
        while loop.time() < end:
            await asyncio.sleep(_AGAIN)
            self._unheard = {name for name in self._unheard if not self._board.is_off(name, since)}
            if not self._unheard:
                return
            for name in self._unheard:
                self._switch_off(name, self._node.get_clock().now().to_msg())

    async def _arm(self, request: Arm) -> str:
        self._known(request.output)
        self._meant(request, request.output)
        asked = SetBool.Request(data=request.armed)
        answer = await self._call(f"/outputs/{request.output}/arm", asked, self._stops(request))
        return _accepted(answer, f"{request.output}: {answer.message}")

    async def _test(self, request: Test) -> str:
        self._known(request.output)
        self._meant(request, request.output)
        values = key_values({name: value for name, value in request.values.items() if value})
        asked = TestOutput.Request(action=request.action, values=values, seconds=request.seconds)
        answer = await self._call(f"/outputs/{request.output}/test", asked, self._stops(request))
        return _accepted(answer, f"{request.output}: {answer.message}")

    async def _run(self, request: Run) -> str:
        if request.what in ("camera", "analysis"):
            return await self._switch(request)
        service = f"/{'recorder' if request.what == 'recording' else 'experiment'}/{'start' if request.on else 'stop'}"
        if service not in self._clients:
            raise OrderError(f"this rig has no {request.what}")
        if request.what == "recording" and self._settings.recording != "service":
            raise OrderError(f"this rig records by itself (recorder.start: {self._settings.recording})")
        if request.what == "experiment" and request.on and self._pages.checks.running:
            raise OrderError("a check is running, which takes this machine's time: wait for its end, or end it")
        if service == "/recorder/start":
            metadata = {name: value for name, value in request.metadata.items() if value}
            asked: Any = StartRecording.Request(name=request.name, metadata=key_values(metadata))
        else:
            asked = Trigger.Request()
        self._meant(request, *self._commands)
        answer = await self._call(service, asked, self._stops(request))
        return _accepted(answer, answer.message)

    async def _switch(self, request: Run) -> str:
        node = "/pose" if request.what == "analysis" else f"/{request.camera}/camera"
        if node not in self._switchable:
            raise OrderError(f"found '{node}'; expected a node of this rig")
        if not request.on and self._board.run_is_on:
            raise OrderError(f"a run is on: end it first; {node} was not stopped")
        step = Transition.TRANSITION_ACTIVATE if request.on else Transition.TRANSITION_DEACTIVATE
        answer = await self._call(f"{node}/change_state", ChangeState.Request(transition=Transition(id=step)))
        if not answer.success:
            raise OrderError(f"{node} could not be {'started' if request.on else 'stopped'}; its log says why")
        return f"{node} was {'started' if request.on else 'stopped'}"

    async def _save_regions(self, request: SaveRegions) -> str:
        if self._pages.regions is None or "/experiment" not in self._settings.nodes:
            raise OrderError("this rig has no experiment, so there is no file in which regions could be saved")
        self._no_run()
        saved = await asyncio.to_thread(self._pages.regions.save, request, self._no_run)
        self._board.file_saved()
        try:
            answer = await self._call("/experiment/reload", Trigger.Request())
        except OrderError as error:
            return f"{saved}; the next run takes it over ({error})"
        return f"{saved}; the experiment has taken it over" if answer.success else f"{saved}, but: {answer.message}"

    async def _save_calibration(self, request: SaveCalibration) -> str:
        if self._pages.calibration is None:
            raise OrderError("this rig has no output and rig file, so there is no table that could be saved")
        self._no_run()
        saved = await asyncio.to_thread(self._pages.calibration.save, request, self._no_run)
        self._board.rig_file_saved()
        return saved

    def _remark(self, request: Remark) -> str:
        text = request.text.strip()
        if not text:
            raise OrderError(f"{request.kind}: found an empty text; expected what happened")
        name = "operator" if request.kind == event_kinds.NOTE else text
        way = min(max(0, now() - round(request.sent * 1e6)), _LONGEST_WAY) if request.sent else 0
        moment = self._node.get_clock().now().nanoseconds  # with use_sim_time not that of the page
        self._publish_event(request.kind, name, text, stamp_to_message(max(0, moment - way - round(request.ago * 1e9))))
        return f"{request.kind}: {text}"

    def _publish_event(self, kind: str, name: str, text: str, stamp: Any) -> None:
        self._events.publish(Event(kind=kind, name=name, stamp=stamp, values=key_values({"text": text})))

    def _known(self, output: str) -> None:
        if output not in self._commands:
            raise OrderError(f"found the output '{output}'; expected one of {', '.join(self._commands) or 'none'}")

    def _meant(self, request: Acting, *outputs: str) -> None:
        """What is pressed after a STOP is meant: these outputs are not told again. The others still have to hear it."""
        if request.switches_on:
            self._unheard.difference_update(outputs)

    def _no_run(self) -> None:
        """Nothing is written in a run.

        Raises:
            OrderError: one is on.
        """
        if self._board.run_is_on:
            raise OrderError("a run is on: end it first; nothing was written")

    def _stops(self, request: Acting) -> int | None:
        """The number of STOPs with which a request is still meant; None: STOP is nothing to it."""
        return self._board.stops if request.switches_on else None

    async def _call(self, service: str, request: Any, stops: int | None = None) -> Any:
        """The answer of a service, waited for where it is not known yet; stops: as _stops."""
        client, loop = self._clients[service], asyncio.get_running_loop()
        end = loop.time() + _DISCOVERY
        while not client.service_is_ready() and loop.time() < end:
            await asyncio.sleep(0.05)
        if not client.service_is_ready():
            raise OrderError(f"{service} does not answer: is its node running?")
        if stops is not None and self._board.stops != stops:
            raise OrderError(_TOO_LATE)
        answered: asyncio.Future[Any] = loop.create_future()

        def take(answer: Any) -> None:
            if not answered.done():
                answered.set_result(answer)

        def done(future: Any) -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(take, future)

        future = client.call_async(request)
        future.add_done_callback(done)
        try:
            await asyncio.wait_for(answered, _TIMEOUT)
        except (TimeoutError, asyncio.TimeoutError) as error:
            client.remove_pending_request(future)
            raise OrderError(f"{service} did not answer within {_TIMEOUT:g} s; what it did is not known") from error
        return future.result()


def _accepted(answer: Any, text: str) -> str:
    """What was done.

    Raises:
        OrderError: it was refused.
    """
    if not answer.success:
        raise OrderError(str(answer.message))
    return text
