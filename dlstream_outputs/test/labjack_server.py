"""The device's end of Modbus TCP: a LabJack with registers and a watchdog, served by pymodbus."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

T7 = 7.0
_SIZE = 62_000


class Device:
    """Registers; each one that a client writes is noted, with when, by the monotonic clock.

    Its watchdog is that of the manual: strict (only its key feeds it), without a reset, and again and again.

    Attributes:
        slow: the next answer whether the watchdog is enabled waits for `answer`: it may be an old one by then.
    """

    def __init__(self, product: float = T7) -> None:
        self.registers = [0] * _SIZE
        self.written: list[tuple[int, int, float]] = []
        self.fed = time.monotonic()
        self.slow, self.answer = threading.Event(), threading.Event()
        self.put(60_000, ">f", product)
        self.put(60_028, ">I", 470012345)

    async def asked(
        self, function: int, start: int, address: int, count: int, current: list[int], values: list[int] | None
    ) -> ExcCodes | None:
        """What the server calls before it reads or writes its own registers."""
        if values is None:
            asked, found = slice(address - start, address - start + count), self.registers[address : address + count]
            if address == 61_600 and self.slow.is_set():
                self.slow.clear()
                while not self.answer.is_set():
                    await asyncio.sleep(0.005)
            current[asked] = found
            return None
        stamp = time.monotonic()
        if 61_602 <= address < 61_660 and address != 61_614 and self.number(61_600):
            return ExcCodes.ILLEGAL_VALUE  # the watchdog takes no settings while it is enabled
        self.registers[address : address + count] = values
        self.written += [(address + offset, value, stamp) for offset, value in enumerate(values)]
        if address == 61_600 or (address == 61_614 and self.number(61_614) == self.number(61_612)):
            self.fed = stamp
        return None

    def put(self, address: int, code: str, value: float) -> None:
        self.registers[address : address + 2] = struct.unpack(">HH", struct.pack(code, value))

    def number(self, address: int, code: str = ">I") -> float:
        """Two registers as one number."""
        return struct.unpack(code, struct.pack(">HH", *self.registers[address : address + 2]))[0]

    def line(self, number: int) -> int:
        return self.registers[2000 + number]

    def volts(self, channel: int) -> float:
        return self.number(1000 + 2 * channel, ">f")

    def levels(self, number: int) -> list[int]:
        """What was written to a digital line, one after the other, repetitions left out."""
        found = [value for address, value, _ in self.written if address == 2000 + number]
        return [value for index, value in enumerate(found) if index == 0 or value != found[index - 1]]

    def watch(self) -> None:
        """What the watchdog does now."""
        if not self.number(61_600) or time.monotonic() - self.fed < self.number(61_604):
            return
        self.fed = time.monotonic()
        if self.number(61_630):
            for number in range(23):
                if not int(self.number(61_636)) >> number & 1:
                    self.registers[2000 + number] = int(self.number(61_632)) >> number & 1
        for channel, (enable, value) in enumerate(((61_640, 61_642), (61_650, 61_652))):
            if self.number(enable):
                self.put(1000 + 2 * channel, ">f", self.number(value, ">f"))


@contextmanager
def labjack(product: float = T7) -> Iterator[tuple[Device, int]]:
    """A device and its port; the end of the block unplugs it."""
    device, ready, found = Device(product), threading.Event(), {}

    async def serve() -> None:
        registers = SimData(0, values=[0] * _SIZE, datatype=DataType.REGISTERS)
        server = ModbusTcpServer(SimDevice(1, [registers], action=device.asked), address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        found.update(
            loop=asyncio.get_running_loop(), end=asyncio.Event(), port=server.transport.sockets[0].getsockname()[1]
        )
        ready.set()
        while not found["end"].is_set():
            device.watch()
            try:
                await asyncio.wait_for(found["end"].wait(), 0.02)
            except asyncio.TimeoutError:
                continue
        await server.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield device, found["port"]
    finally:
        found["loop"].call_soon_threadsafe(found["end"].set)
        thread.join()
