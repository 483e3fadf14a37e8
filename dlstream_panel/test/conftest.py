"""Panels as real nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from panel_client import MODULE, Panel


@pytest.fixture
def panel(start_node, wait_for) -> Callable[..., Panel]:
    def start(**parameters: Any) -> Panel:
        known = {"outputs": ["screen"], "nodes": ["/outputs/screen"], "rig": "test", "port": 0}
        links = 2 if parameters.get("token") else 1
        return Panel(start_node(MODULE, **{**known, **parameters}), wait_for, links)

    return start


@pytest.fixture
def locked(panel, tmp_path) -> Panel:
    """A panel that asks for a token."""
    return panel(token=str(tmp_path / "panel.token"))
