"""A board at the other end of a serial port, for tests: it notes what it gets."""

from __future__ import annotations

import os
import pty
import threading
import tty


class Board:
    """The far end of a pseudo-terminal. Its near end, `port`, is a serial port like any other."""

    def __init__(self) -> None:
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        self.port = os.ttyname(self._near)
        self.got = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                more = os.read(self._far, 100)
            except OSError:
                return
            if not more or b"\0" in more:
                return
            self.got += more

    def says(self, text: bytes) -> None:
        """What a board prints, though nobody asked."""
        os.write(self._far, text)

    def unplug(self) -> None:
        """The port is gone, as when its cable is pulled."""
        if self._thread.is_alive():
            os.write(self._near, b"\0")  # so that nobody reads any more
            self._thread.join()
        for end in (self._near, self._far):
            if end >= 0:
                os.close(end)
        self._near = self._far = -1
