"""What the tests of `dlstream check` share."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlstream.rig.check import checked_rig
from dlstream_common import InputError

CONFIG = Path(__file__).resolve().parents[2] / "config"
RIG = """\
rig: test
cameras:
  top: {{source: synthetic, width: 640, height: 480}}
pose:
  network: {config}/networks/demo_mouse.onnx
  scale: 0.5
experiment: {config}/experiments/demo.yaml
outputs:
  screen:
    type: screen
    images: {{left: {config}/images/stripes.png, right: {config}/images/checkers.png}}
recorder: {{directory: sessions}}
"""


def mistakes(path: Path) -> list[str]:
    """What `dlstream check` refuses of a rig file, line by line; it must refuse something."""
    with pytest.raises(InputError) as error:
        checked_rig(path)
    return str(error.value).splitlines()


def warnings_of(path: Path) -> list[str]:
    """The warnings on a rig that is valid."""
    found: list[str] = []
    checked_rig(path, warn=lambda file, problem: found.append(f"{file.name}:{problem.line}: {problem}"))
    return found


def refused(folder: Path, text: str) -> str:
    """What `dlstream check` says of a rig file with this text; empty if nothing."""
    path = folder / "rig.yaml"
    path.write_text(text)
    try:
        checked_rig(path)
    except InputError as error:
        return str(error)
    return ""
