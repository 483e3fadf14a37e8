"""The rigs with which a user's rig is measured: nothing is switched on, but what its cameras need is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlstream.bench.rigs import to_bench, to_record
from dlstream.rig.file import load_rig

ROOT = Path(__file__).parents[2]
RIG = f"""\
rig: box
cameras: {{top: {{source: synthetic, width: 320, height: 240}}}}
pose: {{network: {ROOT}/config/networks/demo_mouse.onnx}}
outputs:
  clock: {{type: frame_trigger, pin: 7, rate: 50}}
  laser: {{type: arduino, pin: 9}}
"""


@pytest.mark.parametrize(("change", "others"), [(to_bench, {"laser": "log"}), (to_record, {})])
def test_only_the_triggers_of_cameras_stay_outputs(tmp_path, change, others):
    file = tmp_path / "rig.yaml"
    file.write_text(RIG)
    rig = load_rig(file)
    found = {name: section.type for name, section in change(rig, tmp_path).outputs.items()}
    assert found == {"clock": "frame_trigger", **others}
    assert change(rig, tmp_path).outputs["clock"] == rig.outputs["clock"]
