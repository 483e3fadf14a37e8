"""A network that swallows everything for a while, as on a tablet that is carried about; in a browser, else skipped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from panel_tools import BY_HAND, OFF_BY_HAND, link_of, needs_chromium

pytestmark = needs_chromium
SOON = 120.0
"""Seconds: browsers themselves give up a WebSocket that nobody answers after four minutes."""


class Road:
    """A way to a port. While it is dead it takes connections and bytes, and passes nothing on, then or later."""

    def __init__(self, address: str, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._dead = False
        self._lost: list[socket.socket] = []
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._server = socket.create_server((address, port))
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                here, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(here)
                if self._dead:
                    continue
                try:
                    there = socket.create_connection(self._to)
                except OSError:  # the rig has ended
                    continue
                self._open.append(there)
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                with self._lock:
                    if self._dead or one not in self._open:
                        return
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def dies(self) -> None:
        """From now on nothing gets through."""
        with self._lock:
            self._dead = True
            self._lost += self._open
            self._open = []

    def lives(self) -> None:
        """New connections get through again; the old ones hear nothing of it."""
        with self._lock:
            self._dead = False
            self._lost += self._open
            self._open = []

    def close(self) -> None:
        """Ends all."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()
        for one in (*self._lost, *self._open):
            one.close()


@pytest.fixture
def roads() -> Iterator[list[Road]]:
    made: list[Road] = []
    yield made
    for road in made:
        road.close()


def test_a_page_that_was_cut_off_comes_back_as_soon_as_the_network_does(open_panel, browser, roads):
    names = ("panel: {port: 0}", "panel: {port: 0, names: [127.0.0.2]}")
    rig, first = open_panel(BY_HAND, OFF_BY_HAND, names)
    first.go("about:blank")
    port = int(link_of(rig).rstrip("/").rpartition(":")[2])
    roads.append(Road("127.0.0.2", port))
    page = browser.open(f"http://127.0.0.2:{port}/")
    live = "document.querySelector('.camera').dataset.live === '{}'"
    page.until(live.format("yes"))
    roads[0].dies()
    page.until("document.body.dataset.connection === 'lost'")
    page.until(live.format("no"))
    page.press("s")
    page.until("document.getElementById('messages').innerText.includes('whether this was done is not known')")
    roads[0].lives()
    page.until("document.body.dataset.connection === 'open'", SOON)
    page.until(live.format("yes"))
    page.press("s")
    page.until("document.querySelector('#outputs .what').innerText === 'off · disarmed'")
    assert rig.stop() == 0
