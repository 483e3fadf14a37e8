"""The firmware in the simulator, spoken to line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from simulated_board import SimulatedBoard

if TYPE_CHECKING:
    from firmware_host import Host


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Starts a board and greets it: `begin(free=True)`."""
    from firmware_host import Host

    boards: list[SimulatedBoard] = []
    hosts: list[Host] = []

    def start(*, greet: bool = True, free: bool = False) -> Host:
        boards.append(SimulatedBoard(tmp_path / f"trace{len(boards)}.txt", free=free))
        hosts.append(Host(boards[-1]))
        if greet:
            hosts[-1].hello()
        return hosts[-1]

    yield start
    for host in hosts:
        host.port.close()
    for board in boards:
        board.close()
