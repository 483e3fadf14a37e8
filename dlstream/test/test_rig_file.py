from __future__ import annotations

from pathlib import Path

import pytest

from dlstream.rig.check import checked_rig
from dlstream.rig.file import load_rig
from dlstream.rig.nodes import rig_nodes
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


@pytest.fixture
def write(tmp_path: Path):
    """Writes a rig file: the whole one above with a part replaced."""

    def write(old: str = "", new: str = "") -> Path:
        text = RIG.format(config=CONFIG)
        assert old in text
        path = tmp_path / "rig.yaml"
        path.write_text(text.replace(old, new))
        return path

    return write


def refused(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        checked_rig(path)
    return str(error.value).splitlines()


def test_demo_rig_is_in_order():
    rig = load_rig(CONFIG / "rig.demo.yaml")
    assert list(rig.cameras) == ["top"]
    assert rig.pose.network == CONFIG / "networks" / "demo_mouse.onnx"


def test_nodes_in_order_with_what_the_rig_fills_in(write):
    rig, path = checked_rig(write())
    nodes = rig_nodes(rig, path)
    assert [node.full_name for node in nodes] == [
        "/outputs/screen",
        "/recorder",
        "/pose",
        "/experiment",
        "/top/camera",
    ]
    by_name = {node.full_name: node for node in nodes}
    recorder = by_name["/recorder"].parameters
    assert recorder["cameras"] == ["top"]
    assert recorder["outputs"] == ["screen"]
    assert recorder["rig"] == "test"
    assert recorder["rig_file"] == str(path)
    assert recorder["directory"] == str(path.parent / "sessions")
    camera = by_name["/top/camera"]
    assert camera.parameters["wait_for"] == 2, "the pose node and the recorder"
    assert camera.ends_rig
    assert by_name["/pose"].parameters["cameras"] == ["top"]
    for node in nodes:
        assert "on_failure" not in node.parameters


def test_several_cameras_and_foreign_drivers(write):
    path = write(
        "  top: {source: synthetic, width: 640, height: 480}\n",
        "  top: {source: synthetic, on_failure: restart}\n"
        "  side: {source: opencv, device: 2, fps: 60}\n"
        "  usb: {source: topic, topic: /usb_cam/image_raw}\n",
    )
    rig = load_rig(path)
    nodes = {node.full_name: node for node in rig_nodes(rig, path)}
    assert nodes["/side/camera"].parameters["device"] == "2"
    assert nodes["/top/camera"].on_failure == "restart"
    assert "/usb/camera" not in nodes, "somebody else's node publishes it"
    assert nodes["/pose"].parameters["cameras"] == ["side", "top", "usb"]
    for name in ("/pose", "/recorder"):
        assert ("/usb/image_raw", "/usb_cam/image_raw") in nodes[name].remappings


def test_an_output_of_somebody_elses_node_is_commanded_and_not_started(write):
    path = write("outputs:\n", "outputs:\n  laser: {type: topic}\n")
    nodes = {node.full_name: node for node in rig_nodes(load_rig(path), path)}
    assert "/outputs/laser" not in nodes
    assert "laser" in nodes["/experiment"].parameters["outputs"]
    assert "laser" in nodes["/recorder"].parameters["outputs"]
    checked_rig(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("rig: test", "rig: Test rig", 1, "found 'Test rig'"),
        ("source: synthetic", "source: syntetic", 3, "Did you mean 'synthetic'?"),
        ("width: 640", "widht: 640", 3, "Did you mean 'width'?"),
        ("width: 640", "width: wide", 3, "cameras.top.width: found 'wide'; expected a whole number"),
        (
            "width: 640",
            "crop: [600, 0, 100, 100]",
            3,
            "cameras.top.crop: found x=600 y=0 100x100; expected a part of the image",
        ),
        ("demo_mouse.onnx", "no_mouse.onnx", 5, "expected a path to an existing file"),
        ("demo_mouse.onnx", "demo_mouse.pt", 5, "pose.network"),
        ("scale: 0.5", "scale: 0", 6, "pose.scale: found 0"),
        ("experiments/demo.yaml", "experiments/nothing.yaml", 7, "expected a path to an existing file"),
        ("stripes.png", "stripe.png", 11, "there is no file"),
        ("directory: sessions", "direktory: sessions", 12, "Did you mean 'directory'?"),
        ("type: screen", "type: sreen", 10, "Did you mean 'screen'?"),
    ],
)
def test_refused_with_its_line(write, old, new, line, expected):
    path = write(old, new)
    found = refused(path)
    assert any(text.startswith(f"{path}:{line}: ") and expected in text for text in found), found


def test_experiment_that_does_not_fit_the_rig_is_refused_with_the_experiments_own_line(write, tmp_path: Path):
    text = (CONFIG / "experiments" / "demo.yaml").read_text()
    for old, new, expected in [
        ("neck", "nekc", "Did you mean 'neck'?"),
        ("output: screen", "output: sreen", "Did you mean 'screen'?"),
        ("image: left", "image: lefd", "Did you mean 'left'?"),
        ("550", "650", "a region inside the image of camera 'top', 640x480"),
    ]:
        assert old in text
        experiment = tmp_path / "experiment.yaml"
        experiment.write_text(text.replace(old, new))
        [first, *_] = refused(write(f"{CONFIG}/experiments/demo.yaml", str(experiment)))
        assert first.startswith(f"{experiment}:"), first
        assert expected in first


def test_damaged_inputs_are_refused(write, tmp_path: Path):
    network = tmp_path / "half.onnx"
    content = (CONFIG / "networks" / "demo_mouse.onnx").read_bytes()
    network.write_bytes(content[: len(content) // 2])
    [line] = refused(write(f"{CONFIG}/networks/demo_mouse.onnx", str(network)))
    assert "half.onnx" in line
    video = tmp_path / "empty.mp4"
    video.touch()
    [line] = refused(write("source: synthetic, width: 640, height: 480", f"source: video, path: {video}"))
    assert "found an empty file" in line
    blocked = tmp_path / "file"
    blocked.touch()
    [line] = refused(write("directory: sessions", f"directory: {blocked}/sessions"))
    assert line.startswith(f"{tmp_path}/rig.yaml:12: recorder.directory: found")


def test_a_session_that_exists_is_refused(write, tmp_path: Path):
    (tmp_path / "sessions" / "mouse7").mkdir(parents=True)
    [line] = refused(write("directory: sessions", "directory: sessions, session: mouse7"))
    assert line.startswith(f"{tmp_path}/rig.yaml:12: recorder.session: found the session folder")


def test_a_camera_alone_is_a_rig(tmp_path: Path):
    path = tmp_path / "rig.yaml"
    path.write_text("rig: look\ncameras: {top: {source: synthetic}}\n")
    rig, path = checked_rig(path)
    assert [node.full_name for node in rig_nodes(rig, path)] == ["/top/camera"]
