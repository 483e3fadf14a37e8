"""`dlstream panel`: serves the page Wizard from a folder until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from dlstream.wizard.folder import Folder
from dlstream.wizard.page import WizardPage
from dlstream_common import DlstreamError, resolved
from dlstream_panel import PanelSettings
from dlstream_panel.access import Access
from dlstream_panel.board import Board
from dlstream_panel.checks import Checks
from dlstream_panel.clients import Hub
from dlstream_panel.course import Course
from dlstream_panel.pages import Pages
from dlstream_panel.server import Server
from dlstream_panel.serving import ServingThread
from dlstream_panel.sessions import Sessions
from dlstream_panel.tokens import DEFAULT, read_or_make

_SESSIONS = "sessions"


def serve(folder: Path, settings: PanelSettings) -> None:
    """Serves the page until Ctrl-C; a rig that it has started ends first, with its session.

    Raises:
        DlstreamError: there is no such folder, or the address or port can't be used.
    """
    folder = resolved(folder.expanduser())
    if not folder.is_dir():
        raise DlstreamError(f"{folder}: found no folder; expected one with videos and networks in it")
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    tokens = read_or_make(settings.token or DEFAULT) if settings.needs_token else None
    board = Board([], [], [])
    sessions = Sessions(folder / _SESSIONS)
    checks = Checks(settings, board, sessions, lookers=False)
    page = WizardPage(Folder(folder), checks, _reached_alike(settings))
    pages = Pages(checks, Course(board), sessions=sessions, wizard=page)
    hub = Hub(board, [], page.watch)
    serving = ServingThread("wizard server")
    serving.start()
    links: dict[str, str] = {}

    def application(port: int) -> Any:
        access = Access(settings.hosts, port, tokens, lookers=False)
        links.update(access.links())
        return Server(access, hub, page, pages, about(folder)).application()

    try:
        serving.serve(application, settings.address, settings.port)
        for link in links.values():
            print(f"[panel] open {link}   (Ctrl-C ends it)", flush=True)
        ending.wait()
    finally:
        page.close()
        serving.close()


def about(folder: Path) -> dict[str, Any]:
    """What the page gets once."""
    return {
        "rig": folder.name,
        "file": "",
        "cameras": [],
        "outputs": [],
        "actions": {},
        "nodes": [],
        "recording": "",
        "directory": str(folder / _SESSIONS),
        "subject": "",
        "min_confidence": 0.5,
        "pages": ["wizard", "regions", "sessions"],
    }


def _reached_alike(settings: PanelSettings) -> list[str]:
    """The options with which a rig's panel is reached as this page is."""
    words = []
    if settings.address != PanelSettings().address:
        words += ["--set", f"panel.address={settings.address}"]
    if settings.names:
        words += ["--set", f"panel.names=[{', '.join(settings.names)}]"]
    if settings.token is not None:
        words += ["--set", f"panel.token={settings.token}"]
    return words
