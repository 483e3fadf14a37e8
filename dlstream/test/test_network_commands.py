"""`dlstream network`: what is printed, and the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from dlstream.cli.main import app
from dlstream_camera.arena import Arena
from dlstream_common import DlstreamError, NetworkError

NETWORKS = "config/networks/demo_mouse.onnx"


@pytest.fixture(scope="module")
def network():
    from pathlib import Path

    return Path(__file__).parents[2] / NETWORKS


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "arena.avi"
    arena = Arena(seed=5)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (arena.width, arena.height))
    for number in range(0, 80, 10):
        writer.write(arena.render(number)[0])
    writer.release()
    return path


def run(*words: object):
    return CliRunner().invoke(app, ["network", *map(str, words)], catch_exceptions=True)


@pytest.mark.parametrize(
    "cameras",
    [
        "{top: {source: realsense, stream: depth}}",
        "{top: {source: topic}}",
        "{top: {source: topic}, above: {source: realsense, stream: depth}}",
    ],
)
def test_a_rig_without_a_camera_to_try_is_refused(network, tmp_path, cameras):
    """Nothing was tested: that is no success."""
    rig = tmp_path / "rig.yaml"
    rig.write_text(f"rig: box\ncameras: {cameras}\npose: {{network: {network}}}\n")
    result = run("test", rig)
    assert isinstance(result.exception, DlstreamError)
    assert "run by somebody else's node, or shows depth" in str(result.exception)


def test_info_says_what_a_network_is(network):
    result = run("info", network)
    assert result.exit_code == 0, result.output
    for word in ("snout", "tailbase", "snout-", "320x240", "heatmap", "DeepLabCut", "uint8 0 to 255"):
        assert word in result.output


def test_check_draws_the_animal_and_says_how_often_it_was_seen(network, video, tmp_path):
    result = run("check", network, video, "--scale", 0.5, "--out", tmp_path / "deep" / "look.png", "--frames", 8)
    assert result.exit_code == 0, result.output
    assert "8 frames of 640x480, scale 0.5: 1.00 individuals per frame" in result.output
    assert "100%" in result.output
    picture = cv2.imread(str(tmp_path / "deep" / "look.png"))
    assert picture.shape == (2 * 360 + 4, 3 * 480 + 2 * 4, 3)
    saturation = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[..., 1]
    assert (saturation > 150).sum() > 500  # the arena is grey, the keypoints are not


def test_the_scale_of_the_file_is_shown_and_taken(network, video, tmp_path):
    """At another one the demo's network sees less: the warning has both numbers."""
    assert "scale 0.5" in " ".join(run("info", network).output.split())
    result = run("check", network, video, "--out", tmp_path / "look.png", "--frames", 8)
    assert "8 frames of 640x480, scale 0.5: 1.00 individuals per frame" in result.output
    assert "warning" not in result.output
    assert "expected 0.5" not in result.output
    result = run("check", network, video, "--out", tmp_path / "look.png", "--frames", 8, "--scale", 2, "--force")
    assert "8 frames of 640x480, scale 2:" in result.output
    assert "scale: found 2; expected 0.5" in " ".join(result.output.split())
    assert run("check", network, video, "--scale", 0).exit_code == 2
    assert run("check", network, video, "--scale", 9).exit_code == 2


def test_check_takes_an_image(network, video, tmp_path):
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((480, 640, 3), np.uint8))
    result = run("check", network, tmp_path / "one.png", "--scale", 0.5, "--out", tmp_path / "look.png")
    assert result.exit_code == 0, result.output
    assert cv2.imread(str(tmp_path / "look.png")).shape == (360, 480, 3)


@pytest.mark.parametrize("name", ["look.txt", "look"])
def test_check_refuses_a_name_that_is_no_picture(network, video, tmp_path, name):
    result = run("check", network, video, "--scale", 0.5, "--frames", 6, "--out", tmp_path / name)
    assert isinstance(result.exception, DlstreamError)
    assert "expected a name like check.png" in str(result.exception)


def test_check_says_why_its_picture_can_not_be_written(network, video, tmp_path):
    (tmp_path / "look.png").mkdir()
    result = run("check", network, video, "--frames", 6, "--out", tmp_path / "look.png", "--force")
    assert "look.png: can't be written (Is a directory)" in str(result.exception)


def test_check_names_a_video_that_is_not_there(network, tmp_path):
    result = run("check", network, tmp_path / "none.mp4")
    assert isinstance(result.exception, DlstreamError)
    assert "found no such file" in str(result.exception)


def test_info_of_what_is_no_network_is_an_error(tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    assert isinstance(run("info", tmp_path / "text.onnx").exception, NetworkError)


def test_no_picture_of_the_users_is_overwritten(network, video, tmp_path):
    mine = tmp_path / "mine.png"
    mine.write_bytes(b"a picture of mine")
    for words in (("--out", mine), ("--out", mine, "--frames", 1)):
        result = run("check", network, video, *words)
        assert "mine.png: found a file of this name; nothing is overwritten" in str(result.exception)
    assert mine.read_bytes() == b"a picture of mine"
