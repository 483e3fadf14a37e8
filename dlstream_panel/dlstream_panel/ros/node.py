"""The panel node: serves the page, and passes what the rig publishes to it."""

from __future__ import annotations

import json
import sys
from typing import Any

from dlstream_common.ros import Diagnosis, DlstreamNode, Level, run_node
from dlstream_panel.access import Access
from dlstream_panel.board import Board
from dlstream_panel.clients import Hub
from dlstream_panel.pages import Pages
from dlstream_panel.ros.orders import Orders
from dlstream_panel.ros.pictures import Pictures
from dlstream_panel.ros.state import State
from dlstream_panel.server import Server
from dlstream_panel.serving import ServingThread
from dlstream_panel.settings import PanelSettings
from dlstream_panel.tokens import DEFAULT, read_or_make


class PanelNode(DlstreamNode[PanelSettings]):
    """Serves the rig's page. Nobody needs it: its end changes nothing in a run."""

    default_name = "panel"

    def __init__(self) -> None:
        super().__init__(PanelSettings)
        self._serving: ServingThread | None = None
        self._parts: list[Any] = []

    def configure(self, settings: PanelSettings) -> None:
        self._tokens = read_or_make(settings.token or DEFAULT) if settings.needs_token else None

    def activate(self) -> None:
        try:
            self._activate()
        except Exception:
            self.deactivate()
            raise

    def _activate(self) -> None:
        assert self.settings is not None
        settings, serving = self.settings, ServingThread()
        self._serving = serving
        serving.start()
        board = Board(settings.cameras, settings.outputs, settings.nodes)
        pictures = Pictures(self, settings.cameras, serving.post)
        hub = Hub(board, settings.cameras, pictures.watch)
        pictures.connect(hub)
        pages = Pages.of(settings, board)
        orders = Orders(self, settings, pictures, board, pages)
        self._parts = [pictures, State(self, settings, hub, serving.post), orders, pages.checks]
        self._hub = hub

        def application(port: int) -> Any:
            self._access = Access(settings.hosts, port, self._tokens)
            return Server(self._access, hub, orders, pages, about(settings, self.in_simulated_time)).application()

        serving.serve(application, settings.address, settings.port)
        self.hardware_id = self._access.hosts[0]
        for role, link in self._access.links().items():
            # Printed, not logged: the log is a topic that everybody can read and record.
            print(f"[{self.get_name()}] open {link}{role and f'   ({role})'}", flush=True)

    def deactivate(self) -> None:
        for part in self._parts:  # subscriptions first: they call into the server's loop
            part.close()
        self._parts = []
        if self._serving is not None:
            self._serving.close()
        self._serving = None

    def diagnose(self) -> Diagnosis:
        clients = len(self._hub.clients)
        text = f"{clients} page{'s' if clients != 1 else ''} open"
        return Diagnosis(Level.OK, text, {"pages": clients, "address": self.hardware_id})


def about(settings: PanelSettings, simulated: bool = False) -> dict[str, Any]:
    """What a page gets once.

    Args:
        simulated: whether the rig's time is that of /clock, which says nothing of how old a picture is.
    """
    return {
        "rig": settings.rig,
        "file": settings.rig_file,
        "cameras": settings.cameras,
        "outputs": settings.outputs,
        "actions": {name: json.loads(text) for name, text in (item.split("=", 1) for item in settings.actions)},
        "nodes": settings.nodes,
        "recording": settings.recording,
        "directory": settings.directory,
        "subject": settings.subject,
        "min_confidence": settings.min_confidence,
        "simulated": simulated,
        "pages": [
            "rig",
            *(["regions"] if settings.experiment_file else []),
            *(["outputs"] if settings.outputs and settings.rig_file else []),
            *(["sessions"] if settings.directory else []),
        ]
        + (["checks"] if settings.rig_file else []),
    }


def main() -> None:
    """Entry point of `ros2 run dlstream_panel panel`."""
    sys.exit(run_node(PanelNode))


if __name__ == "__main__":
    main()
