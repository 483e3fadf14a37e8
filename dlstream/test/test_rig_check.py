"""What `dlstream check` tells of a rig together with its experiment, network and cameras."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from check_tools import CONFIG, mistakes, warnings_of

from dlstream.cli.main import main


def test_another_scale_than_the_networks_gives_a_warning(write):
    assert warnings_of(write()) == warnings_of(write("  scale: 0.5\n")) == []
    (warning,) = warnings_of(write("scale: 0.5", "scale: 1"))
    assert warning.startswith("rig.yaml:6: pose.scale: found 1; expected 0.5, the scale that the network file was")
    (warning,) = warnings_of(write("scale: 0.5", "scale: 5"))
    assert "found 5; expected 0.5" in warning
    (line,) = mistakes(write("scale: 0.5", "scale: 0.05"))
    assert "pose.scale: found 0.05, which leaves 32x24 pixels of camera 'top' (640x480); expected a scale" in line


SPEED = """\
experiment: fast
camera: top
triggers:
  runs: {type: speed, keypoints: [neck], at_least: 100, window: 0.01}
protocol:
  type: states
  states:
    rest: {transitions: [{when: runs, go: run}]}
    run: {enter: [{count: runs}], stimuli: [{output: laser, action: on}], transitions: [{after: 1, go: rest}]}
  stop: [{if: runs >= 3}]
"""


NO_REGION = "{type: region, region: 5, keypoints: [nekc]}"


def test_check_of_a_rig_tells_all_that_the_check_of_its_experiment_tells(tmp_path: Path, monkeypatch, capsys):
    """Warnings included, with frame rates and image sizes of the sources: of a video those of its file."""
    (tmp_path / "fast.yaml").write_text(SPEED)
    video = tmp_path / "mouse.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 20, (640, 480))
    for _ in range(5):
        writer.write(np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8))
    writer.release()
    rig = tmp_path / "rig.yaml"
    network = f"pose: {{network: {CONFIG}/networks/demo_mouse.onnx}}\n"
    for source, rate in ((f"source: video, path: {video}", 20), ("source: synthetic, fps: 40", 40)):
        text = f"rig: t\ncameras: {{top: {{{source}}}}}\n{network}"
        rig.write_text(text + "experiment: fast.yaml\noutputs: {laser: {type: log}}\n")
        found = warnings_of(rig)
        assert len(found) == 2
        assert found[0].startswith("fast.yaml:4: triggers.runs.window: found 0.01 s, shorter than a frame of camera")
        assert f"({1 / rate:.3g} s)" in found[0]
        assert found[1].startswith("fast.yaml:9: protocol.states.run.enter[0]: found 'runs', which changes as 'run'")
        monkeypatch.setattr(
            "sys.argv", ["dlstream", "experiment", "check", str(tmp_path / "fast.yaml"), "--rig", str(rig)]
        )
        assert main() == 0
        said = " ".join(capsys.readouterr().out.split())
        monkeypatch.setattr("sys.argv", ["dlstream", "check", str(rig)])
        assert main() == 0
        also = " ".join(capsys.readouterr().out.split())
        for words in (f"shorter than a frame of camera 'top' ({1 / rate:.3g} s)", "the last stimulus lasts one frame"):
            assert words in said
            assert words in also
        assert "is valid. 2 warnings." in also


@pytest.mark.parametrize(("predict", "told"), [("now", True), ("ahead", False), ("none", False)])
def test_motion_of_poses_that_are_predicted_by_different_times_gives_a_warning(
    tmp_path, monkeypatch, capsys, predict, told
):
    (tmp_path / "fast.yaml").write_text(SPEED.replace("window: 0.01", "window: 0.2"))
    rig = tmp_path / "rig.yaml"
    pose = f"pose: {{network: {CONFIG}/networks/demo_mouse.onnx, filter: kalman, predict: {predict}}}\n"
    rest = "experiment: fast.yaml\noutputs: {laser: {type: log}}\n"
    rig.write_text(f"rig: t\ncameras: {{top: {{source: synthetic, fps: 40}}}}\n{pose}{rest}")
    words = "fast.yaml:4: triggers.runs.type: found 'speed' of poses with `predict: now`"
    assert any(line.startswith(words) for line in warnings_of(rig)) is told
    monkeypatch.setattr("sys.argv", ["dlstream", "experiment", "check", str(tmp_path / "fast.yaml"), "--rig", str(rig)])
    assert main() == 0
    assert ("of poses with `predict: now`" in " ".join(capsys.readouterr().out.split())) is told


def test_a_device_without_its_guards_gives_a_warning_and_a_screen_does_not(write):
    guards = "commander_timeout: 0, max_command_age: 0"
    laser = f"outputs:\n  laser: {{type: serial, port: /dev/ttyS77, {guards}}}\n  lines: {{type: log, {guards}}}\n"
    found = warnings_of(write("outputs:\n", laser))
    assert [text.partition("; expected")[0].partition(": ")[2] for text in found] == [
        "outputs.laser.commander_timeout: found 0: what the experiment switched on stays on when it dies, hangs or "
        "can't be reached",
        "outputs.laser.max_command_age: found 0: a command is carried out however long it was on its way",
    ]


def test_the_size_asked_of_a_camera_is_enough_for_a_warning(tmp_path: Path):
    """It may deliver another one, so that nothing is refused."""
    (tmp_path / "far.yaml").write_text(
        SPEED.replace(
            "triggers:\n", "regions: {far: {type: circle, center: [700, 100], radius: 30}}\ntriggers:\n"
        ).replace("window: 0.01}", "window: 0.5, dwell: 0}\n  far: {type: region, region: far, keypoints: [neck]}")
    )
    rig = tmp_path / "rig.yaml"
    camera = "source: opencv, device: 0, width: 640, height: 480"
    rig.write_text(f"rig: t\ncameras: {{top: {{{camera}}}}}\npose: {{network: {CONFIG}/networks/demo_mouse.onnx}}\n")
    rig.write_text(rig.read_text() + "experiment: far.yaml\noutputs: {laser: {type: log}}\n")
    assert any(
        "regions.far: found x 670 to 730, y 70 to 130; expected a region inside the image" in t
        for t in warnings_of(rig)
    )
    rig.write_text(rig.read_text().replace("640", "800"))
    assert not any("regions.far: found x" in text for text in warnings_of(rig))


def test_a_mistake_in_the_rig_file_hides_none_of_the_experiments(tmp_path: Path):
    rig, fast = tmp_path / "rig.yaml", tmp_path / "fast.yaml"
    network = f"{{network: {CONFIG}/networks/demo_mouse.onnx, treads: 1}}"
    text = f"rig: t\ncameras: {{top: {{source: synthetic}}}}\npose: {network}\nexperiment: fast.yaml\n"
    rig.write_text(text + "outputs: {lamp: {type: log}}\n")
    expected = {
        SPEED.replace("type: speed", "type: sped"): [
            f"{fast}:4: triggers.runs.type: found 'sped'",
            f"{fast}:9: protocol.states.run.stimuli[0].output: found 'laser'",
        ],
        SPEED.replace("[neck]", "[nekc]"): [
            f"{fast}:4: triggers.runs.keypoints[0]: found 'nekc'",
            f"{fast}:9: protocol.states.run.stimuli[0].output: found 'laser'",
        ],
        SPEED.replace("[neck]", "[nekc], dwell: -1"): [
            f"{fast}:4: triggers.runs.dwell: found -1",
            f"{fast}:4: triggers.runs.keypoints[0]: found 'nekc'",
            f"{fast}:9: protocol.states.run.stimuli[0].output: found 'laser'",
        ],
        SPEED.replace("{type: speed, keypoints: [neck], at_least: 100, window: 0.01}", NO_REGION): [
            f"{fast}:4: triggers.runs.region: found 5",
            f"{fast}:4: triggers.runs.keypoints[0]: found 'nekc'",
            f"{fast}:9: protocol.states.run.stimuli[0].output: found 'laser'",
        ],
        SPEED.replace("[neck], at_least: 100", "[nekc], at_least: fast"): [
            f"{fast}:4: triggers.runs.at_least: found 'fast'",
            f"{fast}:4: triggers.runs.keypoints[0]: found 'nekc'",
            f"{fast}:9: protocol.states.run.stimuli[0].output: found 'laser'",
        ],
    }
    for experiment, wanted in expected.items():
        fast.write_text(experiment)
        lines = mistakes(rig)
        assert lines[0].startswith(f"{rig}:3: pose.treads")
        assert [line.startswith(one) for line, one in zip(lines[1:], wanted, strict=True)] == [True] * len(wanted)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("source: synthetic", "source: synthetik", "2: cameras.top.source: found 'synthetik'"),
        ("cameras: {top: {source: synthetic}}\n", "", "1: cameras: found nothing"),
        ("rig: t", "rig: a b", "1: rig: found 'a b'"),
        ("rig: t\n", "", "1: rig: found nothing"),
    ],
)
def test_without_what_a_rig_must_have_the_rest_is_still_checked(tmp_path: Path, old: str, new: str, expected: str):
    """Such as its only camera, in most rigs, or its name."""
    rig, fast = tmp_path / "rig.yaml", tmp_path / "fast.yaml"
    fast.write_text(SPEED.replace("type: speed", "type: sped"))
    text = f"rig: t\ncameras: {{top: {{source: synthetic}}}}\npose: {{network: {CONFIG}/networks/demo_mouse.onnx}}\n"
    rig.write_text(text.replace(old, new) + "experiment: fast.yaml\noutputs: {lamp: {type: log}}\n")
    lines = mistakes(rig)
    assert lines[0].startswith(f"{rig}:{expected}")
    rest = ["4: triggers.runs.type: found 'sped'", "9: protocol.states.run.stimuli[0].output: found 'laser'"]
    assert [line.startswith(f"{fast}:{one}") for line, one in zip(lines[1:], rest, strict=True)] == [True, True]


def test_what_a_mistake_took_away_is_not_missed(tmp_path: Path):
    """An output whose section can't be read may still be the one that the experiment names."""
    (tmp_path / "fast.yaml").write_text(SPEED)
    rig = tmp_path / "rig.yaml"
    network = f"{{network: {CONFIG}/networks/demo_mouse.onnx}}"
    text = f"rig: t\ncameras: {{top: {{source: synthetic}}}}\npose: {network}\nexperiment: fast.yaml\n"
    rig.write_text(text + "outputs: {laser: {type: screen, images: 3}}\n")
    (line,) = mistakes(rig)
    assert "outputs.laser.images" in line
