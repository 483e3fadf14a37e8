"""A GPIO of the computer on which this runs, by gpiozero."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dlstream_common.installing import pip_install
from dlstream_outputs.actions import Action
from dlstream_outputs.outputs._base import OutputError
from dlstream_outputs.outputs._timed_line import TimedLine

_INSTALL = f"{pip_install('lgpio')}, or on a Pi: sudo apt install python3-lgpio"


def lacks_lgpio() -> str:
    """What to install for a pin of this computer; empty: nothing is missing, or gpiozero is to use another library."""
    if os.environ.get("GPIOZERO_PIN_FACTORY") or find_spec("lgpio") is not None:
        return ""
    return f"pin: found no library lgpio, by which the pins of this computer are reached; {_INSTALL}"


def lgpio_factory() -> Any:
    """The class of gpiozero for lgpio, whose import leaves a pipe in the working directory; not so here."""
    before = Path.cwd()
    with TemporaryDirectory(prefix="dlstream-lgpio-") as folder:
        os.chdir(folder)
        try:
            from gpiozero.pins.lgpio import LGPIOFactory
        except ImportError as error:
            raise OutputError(f"pin: {error}; expected the library lgpio: {_INSTALL}") from error
        finally:
            os.chdir(before)
    return LGPIOFactory


class LocalPin:
    """One pin. gpiozero's variable GPIOZERO_PIN_FACTORY chooses another library than lgpio, such as `mock`.

    Args:
        number: as Broadcom counts.
        active_high: whether on is high.
    """

    def __init__(self, number: int, active_high: bool) -> None:
        self._number, self._active_high = number, active_high
        self._device: Any = None
        self._line = TimedLine(self._switch)

    def open(self) -> None:
        """Takes the pin, off.

        Raises:
            OutputError: no pins, no permission, or the pin is in use.
        """
        import gpiozero

        chosen = os.environ.get("GPIOZERO_PIN_FACTORY")
        if not chosen:
            self._find_chip()
        with self._told("can't be used"):
            factory = None
            if not chosen:
                try:
                    factory = lgpio_factory()()
                except gpiozero.PinUnknownPi as error:
                    raise OutputError(
                        "pin: this computer is no Raspberry Pi that gpiozero knows; "
                        "run this output's node on the Pi, or give the Pi's `address`"
                    ) from error
            self._device = gpiozero.OutputDevice(
                self._number, active_high=self._active_high, initial_value=False, pin_factory=factory
            )

    def _find_chip(self) -> None:
        chips = sorted(Path("/dev").glob("gpiochip*"))
        if not chips:
            raise OutputError(
                "pin: this computer has no GPIO (no /dev/gpiochip0); "
                "run this output's node on the Raspberry Pi, or give the Pi's `address`"
            )
        if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
            raise OutputError(
                f"pin: {chips[0]} may not be used by you; run: sudo usermod -aG gpio $USER, then log out and in again"
            )

    def play(self, action: Action) -> int:
        """As TimedLine.play."""
        return self._line.play(action)

    def low(self) -> int:
        """As TimedLine.low; does nothing to a pin that is not open."""
        return self._line.low()

    def fault(self) -> str:
        """As TimedLine.fault."""
        return self._line.fault()

    def close(self) -> str:
        """Switches off and gives the pin back; returns what went wrong, empty if nothing did."""
        if self._device is None:
            return ""
        try:
            self._line.low()
        except OutputError as error:
            return str(error)
        finally:
            self._device.close()
            self._device = None
        return ""

    def _switch(self, on: bool) -> None:
        if self._device is None:
            return
        with self._told("does not obey"):
            if on:
                self._device.on()
            else:
                self._device.off()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OutputError:
            raise
        except Exception as error:  # gpiozero's, and those of the library below it, which it does not wrap
            busy = "busy" in str(error).lower() or type(error).__name__ == "GPIOPinInUse"
            todo = "; another program has it: close that first" if busy else ""
            raise OutputError(f"pin: GPIO{self._number} {what} ({error}){todo}") from error
