"""The board in the simulator, for the tests of what it drives and hears."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_board import SimulatedBoard, be_patient


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may let the simulator wait."""
    be_patient(monkeypatch)


@pytest.fixture
def board(patient: None, tmp_path: Path) -> Iterator[SimulatedBoard]:
    """A board that was just plugged in; its bootloader takes a moment."""
    pytest.importorskip("serial", reason="pyserial is not installed (make devices)")
    with SimulatedBoard(tmp_path / "trace.txt", bootloader=0.2) as simulated:
        yield simulated
