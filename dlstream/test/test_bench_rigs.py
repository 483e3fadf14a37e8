"""The rigs with which a user's rig is measured: nothing is switched on, but what its cameras need is there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from dlstream.bench.recording import RecordedCamera, until_full
from dlstream.bench.rigs import bench_folder, to_bench, to_record
from dlstream.rig.file import load_rig
from dlstream_common import DlstreamError, RecordingError
from dlstream_recorder import disk_of

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


@pytest.mark.parametrize("change", [to_bench, to_record])
@pytest.mark.parametrize(
    ("replaced", "text"),
    [
        (("outputs:", "hosts: {box: 10.0.0.1, arena: 10.0.0.7}\noutputs:"), "hosts: found box, arena; expected a rig"),
        (("{source: synthetic, width: 320, height: 240}", "{source: topic}"), "cameras.top.source: found topic; exp"),
        (
            (
                "cameras: {top: {source: synthetic, width: 320, height: 240}}",
                "use_sim_time: true\ncameras: {top: {source: topic}}",
            ),
            "use_sim_time: found true; expected false",
        ),
    ],
    ids=["hosts", "topic", "simulated time"],
)
def test_what_others_run_for_a_rig_is_refused_and_not_waited_for(tmp_path, change, replaced, text):
    file = tmp_path / "rig.yaml"
    assert replaced[0] in RIG
    file.write_text(RIG.replace(*replaced))
    with pytest.raises(DlstreamError, match=text) as refused:
        change(load_rig(file), tmp_path)
    assert "`dlstream run`" in str(refused.value)


@pytest.mark.parametrize("change", [to_bench, to_record])
def test_a_rig_to_measure_with_has_no_panel_that_somebody_could_open(tmp_path, change):
    file = tmp_path / "rig.yaml"
    file.write_text(f"{RIG}panel: {{port: 0}}\n")
    assert change(load_rig(file), tmp_path).panel is None


def test_the_disk_of_the_sessions_is_measured(tmp_path, monkeypatch):
    file = tmp_path / "rig.yaml"
    file.write_text(f"{RIG}recorder: {{directory: data/sessions}}\n")
    with bench_folder(load_rig(file)) as folder:
        assert folder.parent == tmp_path, "where the folder of the sessions will be"
    (tmp_path / "data" / "sessions").mkdir(parents=True)
    with bench_folder(load_rig(file)) as folder:
        assert folder.parent == tmp_path / "data" / "sessions"
        assert folder.name.startswith("."), "no session"
    assert list((tmp_path / "data" / "sessions").iterdir()) == []
    file.write_text(f"{RIG}recorder: {{directory: /proc/sessions}}\n")
    with pytest.raises(RecordingError, match="/proc"), bench_folder(load_rig(file)):
        pass
    file.write_text(RIG)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "data"))
    with bench_folder(load_rig(file)) as folder:
        assert folder.parent == tmp_path / "data", "it records nothing"


def test_all_cameras_fill_the_disk_together(tmp_path):
    cameras = [RecordedCamera("a", True, 2e9), RecordedCamera("b", True, 3e9), RecordedCamera("c", False)]
    said = until_full(cameras, tmp_path)
    assert said.startswith(f"5000.0 MB a second in all: the disk {disk_of(tmp_path)} is full in ")
    hours = float(said.removesuffix(" h").rpartition(" ")[2])
    assert hours == pytest.approx(shutil.disk_usage(tmp_path).free / 5e9 / 3600, abs=0.1)
    assert until_full(cameras[2:], tmp_path) == ""
