from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from check_tools import CONFIG, mistakes, warnings_of
from rich.console import Console

from dlstream.cli.parts import KINDS, show_keys, states
from dlstream.console import make_console
from dlstream.rig.check import checked_rig
from dlstream.rig.file import load_rig
from dlstream.rig.nodes import rig_nodes
from dlstream.rig.overrides import Override
from dlstream_camera import SOURCES, source_settings
from dlstream_common import InputError
from dlstream_common.node_options import RESERVED_KEYS
from dlstream_common.plugins import PartError
from dlstream_experiment import ExperimentSettings
from dlstream_outputs.inputs import InputSettings
from dlstream_panel import PanelSettings
from dlstream_pose import PoseSettings
from dlstream_recorder import RecorderSettings


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


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("  scale: 0.5\n", "  scale: 0.5\n  cameras: [top]\n", "pose.cameras"),
        ("height: 480}", "height: 480, wait_for: 3}", "cameras.top.wait_for"),
        ("type: screen\n", "type: screen\n    memory: used.json\n", "outputs.screen.memory"),
        ("sessions}", "sessions, rig_file: other.yaml}", "recorder.rig_file"),
    ],
)
def test_what_the_rig_fills_in_is_no_key(write, old, new, key):
    [said] = mistakes(write(old, new))
    assert f" {key}: found " in said
    assert said.endswith("expected this key to be left out: the rig itself fills it in")


@pytest.mark.parametrize(("start", "one"), [("rig", True), ("experiment", False), ("service", False)])
def test_an_output_knows_whether_all_runs_are_one_session(write, start, one):
    path = write()
    rig = load_rig(path)
    rig = rig.model_copy(update={"recorder": rig.recorder.model_copy(update={"start": start})})
    nodes = {node.full_name: node for node in rig_nodes(rig, path)}
    assert nodes["/outputs/screen"].parameters["one_session"] is one


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
    assert nodes["/pose"].parameters["frozen_after"] == ["usb=2"], "the others watch themselves"
    for name in ("/pose", "/recorder"):
        assert ("/usb/image_raw", "/usb_cam/image_raw") in nodes[name].remappings


def test_every_name_is_in_the_rigs_namespace(write):
    path = write(
        "  top: {source: synthetic, width: 640, height: 480}\n",
        "  top: {source: synthetic}\n  usb: {source: topic, topic: /usb_cam/image_raw}\n",
    )
    path.write_text(f"namespace: /lab/rig1/\nuse_sim_time: false\n{path.read_text()}")
    rig = load_rig(path)
    assert rig.namespace == "lab/rig1"
    nodes = {node.full_name: node for node in rig_nodes(rig, path)}
    assert all(name.startswith("/lab/rig1/") for name in nodes)
    assert nodes["/lab/rig1/top/camera"].parameters["rig_namespace"] == "lab/rig1"
    assert nodes["/lab/rig1/outputs/screen"].parameters["commander"] == "/lab/rig1/experiment"
    wanted = ("/lab/rig1/usb/image_raw", "/usb_cam/image_raw")
    assert wanted in nodes["/lab/rig1/pose"].remappings
    together = rig_nodes(rig.model_copy(update={"together": True}), path)
    assert together[-1].full_name == "/lab/rig1/together"
    assert together[-1].images == ("/lab/rig1/top/image_raw",)


@pytest.mark.parametrize("name", ["1rig", "rig one", "rig//one", "~rig", "rig-1"])
def test_a_namespace_that_ros_does_not_take_is_refused(write, name):
    path = write("rig: test\n", f"rig: test\nnamespace: '{name}'\n")
    with pytest.raises(InputError, match=f"namespace: found .{name}.; expected nothing, or"):
        load_rig(path)
    with pytest.raises(InputError, match="--namespace"):
        checked_rig(write("rig: test\n", "rig: test\n"), overrides=[Override.namespace(name)])


def test_simulated_time_is_for_bags_and_goes_to_every_node(write):
    path = write("rig: test\n", "rig: test\nuse_sim_time: true\n")
    with pytest.raises(InputError, match="source: found a camera of this computer, whose stamps are not of"):
        checked_rig(path)
    assert all(node.parameters["use_sim_time"] for node in rig_nodes(load_rig(path), path))


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
            "cameras.top.crop: found x=600 y=0 100x100; expected a part of the 640x480 image",
        ),
        ("demo_mouse.onnx", "no_mouse.onnx", 5, "expected a path to an existing file"),
        ("demo_mouse.onnx", "demo_mouse.pt", 5, "pose.network"),
        (
            "networks/demo_mouse.onnx",
            "experiments/demo.yaml",
            5,
            f"pose.network: {CONFIG}/experiments/demo.yaml: found ",
        ),
        ("scale: 0.5", "scale: 0", 6, "pose.scale: found 0"),
        ("experiments/demo.yaml", "experiments/nothing.yaml", 7, "expected a path to an existing file"),
        ("stripes.png", "stripe.png", 11, "there is no file"),
        ("directory: sessions", "direktory: sessions", 12, "Did you mean 'directory'?"),
        ("type: screen", "type: sreen", 10, "Did you mean 'screen'?"),
        ("type: screen", "type:", 10, "outputs.screen.type: found nothing; expected one of"),
        ("source: synthetic", "source: [synthetic]", 3, "cameras.top.source: found ['synthetic']; expected one of"),
    ],
)
def test_refused_with_its_line(write, old, new, line, expected):
    path = write(old, new)
    found = mistakes(path)
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
        [first, *_] = mistakes(write(f"{CONFIG}/experiments/demo.yaml", str(experiment)))
        assert first.startswith(f"{experiment}:"), first
        assert expected in first


def test_damaged_inputs_are_refused(write, tmp_path: Path):
    network = tmp_path / "half.onnx"
    content = (CONFIG / "networks" / "demo_mouse.onnx").read_bytes()
    network.write_bytes(content[: len(content) // 2])
    [line] = mistakes(write(f"{CONFIG}/networks/demo_mouse.onnx", str(network)))
    assert "half.onnx" in line
    video = tmp_path / "empty.mp4"
    video.touch()
    [line] = mistakes(write("source: synthetic, width: 640, height: 480", f"source: video, path: {video}"))
    assert "found an empty file" in line
    blocked = tmp_path / "file"
    blocked.touch()
    [line] = mistakes(write("directory: sessions", f"directory: {blocked}/sessions"))
    assert line.startswith(f"{tmp_path}/rig.yaml:12: recorder.directory: {blocked}")


def test_metadata_that_contradicts_the_rigs_is_refused(write, tmp_path: Path):
    experiment = tmp_path / "mine.yaml"
    text = (CONFIG / "experiments" / "demo.yaml").read_text()
    experiment.write_text(text.replace("\ncamera: top", "\nmetadata: {subject: m1, weight: 21.5}\ncamera: top", 1))
    number = experiment.read_text().splitlines().index("metadata: {subject: m1, weight: 21.5}") + 1
    path = write(f"{CONFIG}/experiments/demo.yaml", str(experiment))

    def recording(session: str) -> Path:
        path.write_text(path.read_text().partition("session:")[0] + f"session: {session}\n")
        return path

    (line,) = mistakes(recording("{subject: m2, other: {cage: 4}}"))
    assert line.startswith(f"{experiment}:{number}: metadata.subject: found 'm1', where the rig's session says 'm2'")
    assert warnings_of(recording("{subject: m1, other: {cage: 4, weight: 21.5}}")) == []


def test_a_session_that_exists_is_refused(write, tmp_path: Path):
    (tmp_path / "sessions" / "mouse7").mkdir(parents=True)
    [line] = mistakes(write("directory: sessions", "directory: sessions, session: mouse7"))
    assert line.startswith(f"{tmp_path}/rig.yaml:12: recorder.session: found the session folder")


def test_a_camera_alone_is_a_rig(tmp_path: Path):
    path = tmp_path / "rig.yaml"
    path.write_text("rig: look\ncameras: {top: {source: synthetic}}\n")
    rig, path = checked_rig(path)
    assert [node.full_name for node in rig_nodes(rig, path)] == ["/top/camera"]


def imported_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", ["--help", "status"])
def test_what_needs_no_part_imports_none(words):
    """Neither does a mark, or another word to a rig that runs: its moment is when it was typed."""
    modules = imported_by(f"from dlstream.cli.main import main\nsys.argv[1:] = ['{words}']\nmain()")
    assert "dlstream.cli.main" in modules
    assert not [
        name for name in modules if name.startswith(("dlstream_camera", "dlstream_pose", "dlstream_experiment"))
    ]


def test_a_rig_imports_only_the_parts_that_it_names():
    rig = Path(__file__).resolve().parents[2] / "config" / "rig.demo.yaml"
    modules = imported_by(f"from dlstream.rig.check import checked_rig\nchecked_rig({str(rig)!r})")
    assert {"dlstream_camera.sources.synthetic", "dlstream_outputs.outputs.screen"} < modules
    others = {
        "dlstream_camera.sources.opencv",
        "dlstream_outputs.outputs.log",
        "dlstream_pose.runtime.engines.openvino",
    }
    assert not others & modules


def test_the_password_of_a_camera_is_not_shown(write, capsys):
    path = write("{source: synthetic", '{source: opencv, device: "rtsp://operator:my Hunter2!@host/cam", x: ')
    text = "\n".join(mistakes(path))
    assert "rtsp://operator:***@host/cam" in text
    assert "Hunter2" not in text
    make_console().print(f"[red]{path.read_text()}[/]")
    assert "Hunter2" not in capsys.readouterr().out


def test_the_password_of_a_camera_that_an_option_gives_goes_to_the_camera_only(write):
    options = [
        Override.set("cameras.top.source=opencv"),
        Override.set("cameras.top.device=rtsp://operator:Hunter2@host/cam"),
    ]
    path = write("{source: synthetic, ", "{")
    rig, path = checked_rig(str(path), overrides=options)
    nodes = {spec.full_name: spec.parameters for spec in rig_nodes(rig, path)}
    assert nodes["/top/camera"]["device"] == "rtsp://operator:Hunter2@host/cam"
    assert nodes["/recorder"]["changes"][1] == "--set cameras.top.device=rtsp://operator:***@host/cam"
    assert [name for name, parameters in nodes.items() if "Hunter2" in str(parameters)] == ["/top/camera"]


CAMERA = """\
from dlstream_camera import FrameSource, SourceSettings

class LeftSettings(SourceSettings):
    {key}: str = "usb0"

class Left(FrameSource[LeftSettings]):
    open = read = close = lambda self: None
"""


@pytest.mark.parametrize("key", ["host", "on_failure", "autostart", "use_sim_time", "source", "wait_for"])
def test_a_part_has_no_key_that_means_something_else(tmp_path, monkeypatch, key: str):
    """The file would set the other thing, and the part would take its default."""
    info = tmp_path / "lab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: lab\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dlstream.sources]\nleft = lab_left:Left\n")
    (tmp_path / "lab_left.py").write_text(CAMERA.format(key=key))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lab_left", raising=False)
    told = (
        f"found lab 1.0 (lab_left:Left), whose settings LeftSettings have the key '{key}'; expected another name: "
        f"dlstream uses '{key}' for something else. Ask the makers of lab 1.0, or uninstall it."
    )
    with pytest.raises(PartError, match=re.escape(f"source 'left': {told}")):
        source_settings("left")
    listed = {name: state for name, state, _ in states(SOURCES)}
    assert listed["left"].startswith(told.partition(";")[0]), "`dlstream parts` tells it as well"
    assert listed["synthetic"] == "ready"


def test_what_the_rig_fills_in_stands_in_no_list_of_keys(write):
    output = io.StringIO()
    show_keys(KINDS["outputs"], "log", Console(file=output, width=200))
    assert "max_on" in output.getvalue()
    assert "one_session" not in output.getvalue()
    assert "memory" not in output.getvalue()
    said = "\n".join(mistakes(write("height: 480", "height: 480, wait_fr: 2")))
    assert "cameras.top.wait_fr: found the unknown key 'wait_fr'" in said
    assert "wait_for" not in said


@pytest.mark.parametrize("settings", [ExperimentSettings, InputSettings, PanelSettings, PoseSettings, RecorderSettings])
def test_nor_have_our_own_nodes(settings):
    assert not set(settings.model_fields) & set(RESERVED_KEYS)
