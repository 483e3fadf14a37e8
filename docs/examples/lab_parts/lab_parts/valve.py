"""A valve at a microcontroller, which takes lines of text from a serial port."""

import os

from dlstream_common import now
from dlstream_outputs import Action, Fate, Output, OutputError, OutputSettings, Pulse


class ValveSettings(OutputSettings):
    """Sends `open 50` for a pulse with `width: 50 ms`, and `close` when off."""

    port: str
    """Device file of the port, such as /dev/ttyACM0."""

    actions = (Pulse,)

    def without_computer(self) -> Fate:
        return Fate("the microcontroller closes it when its milliseconds are over", ends=True)


class Valve(Output[ValveSettings]):
    """See ValveSettings."""

    ends_actions = True  # the microcontroller counts the milliseconds

    def open(self) -> None:
        try:
            self._port = os.open(self.settings.port, os.O_WRONLY | os.O_NOCTTY)
        except OSError as error:
            raise OutputError(f"{self.settings.port}: {error.strerror}; expected the valve's serial port") from error
        self.off()

    def apply(self, action: Action) -> int:
        assert isinstance(action, Pulse)  # the only one of its actions
        return self._send(f"open {action.width:.0f}")

    def off(self) -> int:
        return self._send("close")

    def close(self) -> None:
        if self._port >= 0:
            os.close(self._port)
            self._port = -1

    _port = -1

    def _send(self, line: str) -> int:
        if self._port >= 0:
            os.write(self._port, f"{line}\n".encode())
        return now()
