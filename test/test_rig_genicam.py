"""A whole rig with a GenICam camera: Aravis's own GigE Vision camera, over this computer's loopback."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pandas as pd
from rig_tools import CONFIG, PATIENCE, RigUnderTest, recorded

# The camera's picture, a ramp, has no animal: whatever the network takes for one counts.
RIG = """\
rig: genicam
pictures: false
cameras:
  top:
    source: genicam
    serial: GV81
    pixel_format: RGB8
    width: 320
    height: 240
    fps: 25
    exposure: 4000
    features: {{BinningHorizontal: 1}}
    queue: 200
    silence: {silence}
    {more}
pose: {{network: {config}/networks/demo_mouse.onnx, min_confidence: 0}}
experiment:
  {{file: {folder}/experiment.yaml, acknowledgement_timeout: 20, output_timeout: 60, start_timeout: 300}}
outputs:
  laser: {{type: log, file: {folder}/laser.txt, commander_timeout: 60, max_command_age: 60}}
recorder: {{directory: {folder}/sessions, image_depth: 200, silence: 60, min_free: 0.1}}
"""
EXPERIMENT = """\
experiment: genicam
camera: top
regions: {everywhere: {type: rectangle, left: 0, top: 0, right: 319, bottom: 239}}
triggers: {seen: {type: region, region: everywhere, keypoints: [neck], min_confidence: 0}}
protocol:
  type: region_trials
  trials: {on: {trigger: seen, stimulus: {output: laser, action: "on"}}}
  lockout: 0
  max_hits: 100000
max_age: 60
pose_timeout: 2
"""


def write(folder: Path, more: str = "", silence: float = 60) -> str:
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    (folder / "rig.yaml").write_text(RIG.format(config=CONFIG, folder=folder, more=more, silence=silence))
    return str(folder / "rig.yaml")


def actions(folder: Path) -> list[str]:
    """What the output has done so far."""
    file = folder / "laser.txt"
    return [line.partition("\t")[2] for line in file.read_text().splitlines()] if file.exists() else []


def wait_until(condition, rig: RigUnderTest) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, rig.output
        assert rig.process.poll() is None, rig.output
        time.sleep(0.05)


def test_its_frames_come_to_the_experiment_and_the_recorder_with_its_own_stamps(fake, start, tmp_path):
    rig = start("run", write(tmp_path))
    wait_until(lambda: actions(tmp_path)[-1:] == ["on"], rig)
    recorded(rig, 60)
    assert rig.stop() == 0
    assert actions(tmp_path)[-1] == "off"
    about = rig.about()
    assert about["summary"]["frames_recorded"] >= 60
    device = about["cameras"]["top"]["device"]
    assert device["description"] == "Aravis Fake (GigE 127.0.0.1)"
    assert (device["hardware_id"], device["size"], device["fps"]) == ("GV81", "320x240", "25")
    assert device["stamp_source"] == "device"
    assert device["set"]["exposure"] == device["asked"]["exposure"] == "4000"
    assert device["set"]["gain"] == "0", "what was not asked for is written down too"


def test_its_loss_switches_off_and_the_run_goes_on_when_it_is_back(fake, start, tmp_path):
    rig = start("run", write(tmp_path, "reconnect: 0.5", silence=1))
    wait_until(lambda: actions(tmp_path)[-1:] == ["on"], rig)
    before = len(actions(tmp_path))
    fake.kill()
    wait_until(lambda: "off" in actions(tmp_path)[before:], rig)
    rig.saw("Is its cable loose")
    fake.start()
    rig.saw("reconnected after")
    wait_until(lambda: "on" in actions(tmp_path)[before:], rig)
    assert rig.stop() == 0
    assert actions(tmp_path)[-1] == "off"
    events = pd.read_csv(rig.session / "events.csv", keep_default_na=False)
    of_camera = events[events["name"] == "/top/camera"]
    texts = [json.loads(values)["text"] for values in of_camera[of_camera["kind"] == "fault"]["values"]]
    assert len([text for text in texts if "reconnecting every 0.5 s" in text]) >= 1, texts
    assert len(of_camera[of_camera["kind"] == "recovered"]) >= 1


def test_without_reconnect_its_loss_ends_the_run(fake, start, tmp_path):
    rig = start("run", write(tmp_path, silence=1))
    wait_until(lambda: actions(tmp_path)[-1:] == ["on"], rig)
    fake.kill()
    assert rig.wait() == 1
    assert actions(tmp_path)[-1] == "off"
    assert "Is its cable loose" in rig.output
    assert "With `reconnect: 2` dlstream tries to reconnect" in rig.output


def test_what_it_cannot_do_ends_the_run_before_it_starts(fake, start, tmp_path):
    rig = start("run", write(tmp_path, "gain: 11"))
    assert rig.wait() == 1
    assert "camera 'GV81': gain: found 11; expected 0 to 10" in rig.output
    assert "on" not in actions(tmp_path)
