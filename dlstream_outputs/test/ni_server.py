# ruff: noqa: N802 - the names are those of NI's protocol
"""An NI gRPC Device Server with one card, for NI's own Python library: it keeps what its lines were told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from nidaqmx._stubs import nidaqmx_pb2 as messages
from nidaqmx._stubs import nidaqmx_pb2_grpc as service

_CHANNEL_NAMES, _TASK_CHANNELS = 4726, 4723
_DIGITAL, _ANALOG = 10153, 10102
_NO_DEVICE, _RESERVED, _GONE, _NOT_SUPPORTED, _ABSENT = -200220, -50103, -88708, -200452, -200324


class NiCard(service.NiDAQmxServicer):
    """The card Dev1: what each of its lines was told, in order.

    Attributes:
        values: what each line has now.
        played: by line, the samples and the rate of each finite generation.
        calls: names of the calls that changed anything, in order.
        unplugged: whether every call to the card fails from now on.
        server: what it is reached by.
        silent_tasks: whether the driver does not notice it by its tasks, as of a line without a transfer.
    """

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.played: dict[str, list[tuple[list[float], float]]] = {}
        self.calls: list[str] = []
        self.unplugged = False
        self.silent_tasks = False
        self.server: grpc.Server | None = None
        self._lock = threading.Lock()
        self._lines: dict[str, str] = {}
        self._rates: dict[str, float] = {}
        self._waiting: dict[str, list[float]] = {}

    def _create(self, name: str, task: str, channel: str, context: Any) -> None:
        self._answer(context)
        with self._lock:
            if not channel.startswith("Dev1/"):
                _fail(context, _NO_DEVICE, "Device cannot be accessed: no such device.")
            if channel in self._lines.values():
                _fail(context, _RESERVED, "The specified resource is reserved.")
            self._lines[task] = channel
            self.calls.append(name)

    def _write(self, task: str, values: list[float], auto_start: bool, context: Any) -> None:
        self._answer(context)
        with self._lock:
            if auto_start:
                self.values[self._lines[task]] = values[-1]
            else:
                self._waiting[task] = values
            self.calls.append(f"write {values[-1]:g}" if auto_start else f"load {len(values)}")

    def _answer(self, context: Any) -> None:
        if self.unplugged:
            _fail(context, _GONE, "The device has been removed.")

    def CreateTask(self, request: Any, context: Any) -> Any:
        response = messages.CreateTaskResponse(status=0, new_session_initialized=True)
        response.task.name = request.session_name
        return response

    def CreateDOChan(self, request: Any, context: Any) -> Any:
        self._create("digital", request.task.name, request.lines, context)
        return messages.CreateDOChanResponse(status=0)

    def CreateAOVoltageChan(self, request: Any, context: Any) -> Any:
        self._create("analog", request.task.name, request.physical_channel, context)
        return messages.CreateAOVoltageChanResponse(status=0)

    def WriteDigitalLines(self, request: Any, context: Any) -> Any:
        values = [float(value) for value in request.write_array]
        self._write(request.task.name, values, request.auto_start, context)
        return messages.WriteDigitalLinesResponse(status=0, samps_per_chan_written=len(values))

    def WriteAnalogF64(self, request: Any, context: Any) -> Any:
        values = list(request.write_array)
        self._write(request.task.name, values, request.auto_start, context)
        return messages.WriteAnalogF64Response(status=0, samps_per_chan_written=len(values))

    def CfgSampClkTiming(self, request: Any, context: Any) -> Any:
        self._answer(context)
        if not self._lines[request.task.name].startswith(("Dev1/port0/", "Dev1/ao")):  # as on NI's cards
            _fail(context, _NOT_SUPPORTED, "Specified property is not supported by the device.")
        self._rates[request.task.name] = request.rate
        return messages.CfgSampClkTimingResponse(status=0)

    def StartTask(self, request: Any, context: Any) -> Any:
        self._answer(context)
        task = request.task.name
        with self._lock:
            if task in self._waiting:
                line, samples = self._lines[task], self._waiting.pop(task)
                self.played.setdefault(line, []).append((samples, self._rates[task]))
                self.values[line] = samples[-1]  # what the line has once the clock has run through
                self.calls.append("start")
        return messages.StartTaskResponse(status=0)

    def StopTask(self, request: Any, context: Any) -> Any:
        self._answer(context)
        self.calls.append("stop")
        return messages.StopTaskResponse(status=0)

    def IsTaskDone(self, request: Any, context: Any) -> Any:
        if not self.silent_tasks:
            self._answer(context)
        return messages.IsTaskDoneResponse(status=0, is_task_done=True)

    def GetDeviceAttributeUInt32(self, request: Any, context: Any) -> Any:
        if request.device_name != "Dev1" or self.unplugged:
            _fail(context, _ABSENT, "Specified device is not present or is not active in the system.")
        return messages.GetDeviceAttributeUInt32Response(status=0, value=0x1234567)

    def SetTimingAttributeInt32(self, request: Any, context: Any) -> Any:
        self._answer(context)
        return messages.SetTimingAttributeInt32Response(status=0)

    def ClearTask(self, request: Any, context: Any) -> Any:
        self._lines.pop(request.task.name, None)
        return messages.ClearTaskResponse(status=0)

    def GetTaskAttributeString(self, request: Any, context: Any) -> Any:
        line = self._lines.get(request.task.name, "")
        return messages.GetTaskAttributeStringResponse(status=0, value=line)

    def GetChanAttributeInt32(self, request: Any, context: Any) -> Any:
        kind = _ANALOG if "/ao" in request.channel else _DIGITAL
        return messages.GetChanAttributeInt32Response(status=0, value_raw=kind)

    def GetChanAttributeUInt32(self, request: Any, context: Any) -> Any:
        return messages.GetChanAttributeUInt32Response(status=0, value=1)

    def GetTaskAttributeUInt32(self, request: Any, context: Any) -> Any:
        return messages.GetTaskAttributeUInt32Response(status=0, value=1)

    def GetWriteAttributeUInt32(self, request: Any, context: Any) -> Any:
        return messages.GetWriteAttributeUInt32Response(status=0, value=1)

    def GetSystemInfoAttributeUInt32(self, request: Any, context: Any) -> Any:
        return messages.GetSystemInfoAttributeUInt32Response(status=0, value=25)


def _fail(context: Any, code: int, text: str) -> None:
    """Answers with an error of the driver, as NI's server does."""
    context.set_trailing_metadata((("ni-error", str(code)),))
    context.abort(grpc.StatusCode.UNKNOWN, text)


@contextmanager
def ni_server() -> Iterator[tuple[NiCard, str]]:
    """A server on this machine: the card, and its host:port."""
    card = NiCard()
    server = card.server = grpc.server(futures.ThreadPoolExecutor(4))
    service.add_NiDAQmxServicer_to_server(card, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield card, f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
