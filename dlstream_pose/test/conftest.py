from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spot_network import write_spot_network


@pytest.fixture(scope="session")
def spot_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that finds the brightest and the darkest pixel."""
    return write_spot_network(tmp_path_factory.mktemp("network") / "spot.onnx")


@pytest.fixture
def write_network(tmp_path: Path) -> Callable[..., Path]:
    """Writes the same network with other metadata: `write_network(metadata)`."""
    return lambda metadata: write_spot_network(tmp_path / "other.onnx", metadata)


@pytest.fixture(scope="session")
def demo_network() -> Path:
    """The demo's network."""
    return Path(__file__).parents[2] / "config" / "networks" / "demo_mouse.onnx"
