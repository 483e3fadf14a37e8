"""A LabJack of the T series by Modbus TCP: registers of LabJack's published map, and its watchdog."""

from __future__ import annotations

import struct
import threading
from typing import Any

from dlstream_outputs.outputs._base import OutputError

PORT = 502
_ANSWER_TIMEOUT = 0.5
"""Seconds in which the device must answer."""
_DIO, _DAC = 2000, 1000
_PRODUCT, _SERIAL = 60000, 60028
_ENABLE, _TIMEOUT, _STRICT, _KEY, _CLEAR, _RESET = 61600, 61604, 61610, 61612, 61614, 61620
_DIO_ENABLE, _DIO_STATE, _DIO_DIRECTION, _DIO_INHIBIT = 61630, 61632, 61634, 61636
_DAC_ENABLE, _DAC_VALUE = (61640, 61650), (61642, 61652)
_OUR_KEY = 0x646C
_ALL_LINES = 0x7FFFFF
_BANKS = {"FIO": (0, 8), "EIO": (8, 8), "CIO": (16, 4), "MIO": (20, 3)}
_PRODUCTS = {4: "T4", 7: "T7", 8: "T8"}


def line_number(name: str) -> int | None:
    """The number of a digital line, as the device counts all of them: 0 for FIO0, 8 for EIO0; None: there is none."""
    bank = _BANKS.get(name[:3])
    if bank is None or not name[3:].isdecimal() or int(name[3:]) >= bank[1]:
        return None
    return bank[0] + int(name[3:])


class LabJack:
    """One connection to a device. Its methods may be called by several threads.

    Args:
        host, port: where the device is.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._client: Any = None
        self._lock = threading.Lock()
        self.description = ""
        self.serial = 0

    @property
    def is_open(self) -> bool:
        """Whether it is connected, as far as we know."""
        return self._client is not None

    def open(self) -> None:
        """Connects, and asks what device it is.

        Raises:
            OutputError: nobody answers there, or no LabJack of the T series.
        """
        from pymodbus.client import ModbusTcpClient

        where = f"{self._host}:{self._port}"
        client = ModbusTcpClient(self._host, port=self._port, timeout=_ANSWER_TIMEOUT, retries=0)
        if not client.connect():
            raise OutputError(
                f"address: found no LabJack that answers at {where}; is it on, and in this network? Its address is in "
                "Kipling (LabJack's program). A device on USB only needs Ethernet or WiFi for this output"
            )
        self._client = client
        try:
            product = self._number(_PRODUCT, ">f")
            name = _PRODUCTS.get(round(product))
            if name is None:
                raise OutputError(
                    f"address: found a device of the product number {product:g} at {where}; expected a T4, T7 or T8"
                )
            self.serial = self._integer(_SERIAL)
            self.description = f"LabJack {name}, serial number {self.serial}, at {where}"
        except OutputError:
            self.close()
            raise

    def set_line(self, number: int, high: bool) -> None:
        """Makes a digital line an output, high or low."""
        self._write(_DIO + number, [int(high)])

    def set_volts(self, channel: int, volts: float) -> None:
        """Sets a DAC."""
        self._write(_DAC + 2 * channel, _registers(">f", volts))

    def answers(self) -> None:
        """Asks for a sign of life.

        Raises:
            OutputError: there is none.
        """
        self._number(_SERIAL, ">I")

    def feed(self) -> None:
        """Tells the watchdog that its commander lives."""
        self._write(_CLEAR, _registers(">I", _OUR_KEY))

    def guard(self, seconds: int, line: int | None, channel: int | None) -> None:
        """Lets the device's watchdog switch a line or a DAC off after so many seconds without `feed`; 0: no more.

        Other lines that the watchdog holds stay with it. What is set already is not written again: it is in the
        device's flash memory.

        Raises:
            OutputError: the device does not answer, or its watchdog is set to something else.
        """
        enabled, key = self._integer(_ENABLE), self._integer(_KEY)
        foreign = bool(enabled) and (key != _OUR_KEY or not self._integer(_STRICT))
        if foreign and not seconds:
            return
        if foreign:
            raise OutputError(
                "watchdog: found that of the LabJack in use by another program's settings; switch it off in Kipling, "
                "or give watchdog: 0, with which the output stays on if this computer dies"
            )
        held = 0
        if enabled and self._integer(_DIO_ENABLE):
            held = ~self._integer(_DIO_INHIBIT) & _ALL_LINES
        dacs = [bool(enabled and self._integer(address)) for address in _DAC_ENABLE]
        if line is not None:
            held = held | 1 << line if seconds else held & ~(1 << line)
        if channel is not None:
            dacs[channel] = bool(seconds)
        timeout = seconds or self._integer(_TIMEOUT)
        if enabled and seconds:
            timeout = min(timeout, self._integer(_TIMEOUT))
        wanted = {
            _TIMEOUT: timeout,
            _STRICT: 1,
            _KEY: _OUR_KEY,
            _RESET: 0,
            _DIO_ENABLE: int(held != 0),
            _DIO_STATE: 0,
            _DIO_DIRECTION: held,
            _DIO_INHIBIT: ~held & _ALL_LINES,
            _DAC_ENABLE[0]: int(dacs[0]),
            _DAC_ENABLE[1]: int(dacs[1]),
        }
        on = int(held != 0 or any(dacs))
        if enabled == on and (not on or all(self._integer(address) == value for address, value in wanted.items())):
            return
        self._write(_ENABLE, _registers(">I", 0))  # the device takes no settings while it is enabled
        if on:
            for address, value in wanted.items():
                self._write(address, _registers(">I", value))
            for address in _DAC_VALUE:
                self._write(address, _registers(">f", 0.0))
            self._write(_ENABLE, _registers(">I", 1))

    def close(self) -> None:
        """Ends the connection."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _integer(self, address: int) -> int:
        return int(self._number(address, ">I"))

    def _number(self, address: int, code: str) -> float:
        found = self._ask("read_holding_registers", address, count=2).registers
        return float(struct.unpack(code, struct.pack(">HH", *found))[0])

    def _write(self, address: int, registers: list[int]) -> None:
        self._ask("write_registers", address, registers)

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        from pymodbus.exceptions import ModbusException

        with self._lock:
            if self._client is None:
                raise OutputError(f"the LabJack at {self._host} is not connected")
            try:
                answer = getattr(self._client, method)(*arguments, **named)
            except (ModbusException, OSError) as error:
                raise OutputError(self._gone(str(error))) from error
        if answer.isError():
            raise OutputError(f"the LabJack at {self._host} refused register {arguments[0]} ({answer})")
        return answer

    def _gone(self, reason: str) -> str:
        return f"the LabJack at {self._host} does not answer any more ({reason}); is it unplugged, or the network down?"


def _registers(code: str, value: float) -> list[int]:
    return list(struct.unpack(">HH", struct.pack(code, int(value) if code == ">I" else value)))
