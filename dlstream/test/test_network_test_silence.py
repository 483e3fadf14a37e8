"""`dlstream network test` on a camera that falls silent while it is tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from network_camera import NetworkCamera, network_camera

from dlstream.bench.network import try_network
from dlstream.rig.file import load_rig
from dlstream_common import DlstreamError

NETWORK = Path(__file__).resolve().parents[2] / "config" / "networks" / "demo_mouse.onnx"


@pytest.fixture
def falls_silent() -> Iterator[NetworkCamera]:
    """A network camera that keeps its connection, and sends nothing any more after some frames."""
    with network_camera() as camera:
        all_frames = camera.frames

        def few() -> Iterator[bytes]:
            for number, frame in enumerate(all_frames()):
                if number == 10:
                    camera.running.clear()
                yield frame

        camera.frames = few  # type: ignore[method-assign]
        yield camera


def test_a_camera_that_falls_silent_is_told_with_the_frames_that_it_gave(falls_silent, tmp_path):
    file = tmp_path / "rig.yaml"
    camera = f"{{source: opencv, device: '{falls_silent.url}', silence: 5}}"
    file.write_text(f"rig: silent\ncameras: {{top: {camera}}}\npose: {{network: {NETWORK}, scale: 1}}\n")
    with pytest.raises(DlstreamError) as told:
        list(try_network(load_rig(file), 1000, tmp_path / "pictures", patience=2.0))
    assert re.fullmatch(
        r"camera 'top' gave no frame after [1-9]\d* within 2 s; `dlstream camera test RIG` looks at it", str(told.value)
    )
    assert falls_silent.sent <= 11, "it was silent, and had not ended"
    assert not (tmp_path / "pictures").exists(), "no figures of a camera that could not be tried to the end"
