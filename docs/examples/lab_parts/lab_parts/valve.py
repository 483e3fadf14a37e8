"""A valve at a microcontroller, which takes lines of text from a serial port."""

import os
from collections.abc import Mapping

from dlstream_common import Problem, did_you_mean, now
from dlstream_outputs import Fate, Output, OutputError, OutputSettings


class ValveSettings(OutputSettings):
    """Sends `open 50` for the action open with `ms: 50`, and `close` when off."""

    port: str
    """Device file of the port, such as /dev/ttyACM0."""

    def without_computer(self) -> Fate:
        return Fate("the microcontroller closes it when its milliseconds are over", ends=True)

    def check_command(self, action: str, values: Mapping[str, str]) -> Problem | None:
        if action != "open":
            return Problem(("action",), f"'{action}'", "open or off", did_you_mean(action, ["open", "off"]))
        if not values.get("ms", "").isdigit():
            return Problem(("values", "ms"), repr(values.get("ms", "nothing")), "milliseconds, a whole number")
        return None


class Valve(Output[ValveSettings]):
    """See ValveSettings."""

    def open(self) -> None:
        try:
            self._port = os.open(self.settings.port, os.O_WRONLY | os.O_NOCTTY)
        except OSError as error:
            raise OutputError(f"{self.settings.port}: {error.strerror}; expected the valve's serial port") from error
        self.off()

    def apply(self, action: str, values: Mapping[str, str]) -> int:
        problem = self.settings.check_command(action, values)
        if problem is not None:
            raise OutputError(str(problem))
        return self._send(f"open {values['ms']}")

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
