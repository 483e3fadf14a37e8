"""A Harp Behavior board's registers and lines, by the published device.yml of its firmware."""

from __future__ import annotations

from dataclasses import dataclass

WHO_AM_I = 1216
"""What a Behavior board says that it is."""
OLDEST_FIRMWARE = (2, 0)
"""The first that ends each output's pulse by OutputPulseEnable."""
LONGEST = 65_534
"""Milliseconds of a pulse: the firmware counts from one more in 16 bits, so that one of 65535 ms would never end."""
TICKS = 31_250
"""Of the clock in a second: 32 us each."""

_LINES = (
    *("DOPort0", "DOPort1", "DOPort2", "SupplyPort0", "SupplyPort1", "SupplyPort2"),
    *("Led0", "Led1", "Rgb0", "Rgb1", "DO0", "DO1", "DO2", "DO3"),
)
"""In the order of the bits of DigitalOutputs."""


@dataclass(frozen=True)
class Register:
    """A register.

    Attributes:
        name: as device.yml has it.
        address: of it.
        bits: of its number: 8 or 16.
        kept: the bits that its answer has as they were written.
    """

    name: str
    address: int
    bits: int = 16
    kept: int = 0xFFFF


WHO = Register("WhoAmI", 0)
FIRMWARE = (Register("FirmwareVersionHigh", 6, 8), Register("FirmwareVersionLow", 7, 8))
OPERATION = Register("OperationControl", 10, 8, kept=0b1_0011)
SET = Register("OutputSet", 34)
CLEAR = Register("OutputClear", 35)
STATE = Register("OutputState", 37)
PULSE_ENABLE = Register("OutputPulseEnable", 45)
PWM_STOP = Register("PwmStop", 69, 8)
CAMERAS = Register("StartCameras", 78, 8)
SERVOS = Register("EnableServos", 80, 8)
_FIRST_PULSE = 46

NAME_ADDRESS, NAME_LENGTH = 12, 25
"""Of DeviceName: letters, filled up with zeros."""
STANDBY = 0b1110_0100
"""What OperationControl keeps for an output: no events, no dump, no muted replies."""


@dataclass(frozen=True)
class Line:
    """A line that is an output.

    Attributes:
        name: as device.yml has it, such as DO0 or SupplyPort1.
        bit: of it in the registers of all outputs.
        pulse: the register with the length of its pulse in milliseconds.
        timer: of DO0 to DO3, its bit in the registers that let a timer drive it; else 0.
    """

    name: str
    bit: int
    pulse: Register
    timer: int = 0


def line_of_name(name: str) -> Line:
    """The line of that name.

    Raises:
        ValueError: there is none; completes "expected ...".
    """
    if name not in _LINES:
        raise ValueError(f"an output of a Harp Behavior: {', '.join(_LINES)}")
    number, timer = _LINES.index(name), name.removeprefix("DO")
    pulse = Register(f"Pulse{name}", _FIRST_PULSE + number)
    return Line(name, 1 << number, pulse, 1 << int(timer) if timer.isdecimal() else 0)
