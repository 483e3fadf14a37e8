"""The rig file's `hosts`: which part runs where, and what is refused before the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlstream.rig.check import checked_rig
from dlstream_common import InputError

HEAD = "rig: test\ncameras: {top: {source: synthetic}}\n"


def refused(folder: Path, text: str) -> str:
    """What `dlstream check` says of the rig; empty if nothing."""
    path = folder / "rig.yaml"
    path.write_text(HEAD + text)
    try:
        checked_rig(path)
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            "{type: gpio, pin: 17, host: 10.0.0.5}",
            "rig.yaml:3: outputs.laser.host: found '10.0.0.5'; expected a section 'hosts' that names it. The address "
            "of the device is `address` and `port` (once `host` and `host_port`).",
        ),
        (
            "{type: gpio, pin: 17, address: 10.0.0.5, host_port: 8888}",
            "outputs.laser.host_port: found the unknown key 'host_port'; expected a known key. Did you mean 'port'?",
        ),
        (
            "{type: labjack, line: FIO0, host: 10.0.0.6}",
            "outputs.laser.host: found '10.0.0.6'; expected the key address for where the LabJack is",
        ),
    ],
)
def test_the_former_keys_of_an_address_name_the_newer_ones(tmp_path: Path, output: str, message: str) -> None:
    assert message in refused(tmp_path, f"outputs: {{laser: {output}}}\n")
