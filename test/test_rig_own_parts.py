"""Parts of somebody's own installed package: docs/examples/lab_parts, in real processes; and rigs without libraries."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import cv2
import pytest
from lab_tools import ROOT, change, command_in, install_example, make_lab

from dlstream_camera import SOURCES
from dlstream_common.plugins import own_parts_only
from dlstream_outputs import OUTPUTS
from dlstream_pose import ENGINES

EACH = (
    "import sys; from dlstream.cli.main import main\nfor rig in sys.argv[1:]:\n sys.argv[1:] = ['check', rig]; main()"
)
with own_parts_only():
    NEEDED = {name for parts in (SOURCES, OUTPUTS, ENGINES) for part in parts.values() for name in part.requires}
    OPTIONAL = {name.partition(".")[0] for name in NEEDED}
OPTIONAL |= {
    "deeplabcut",
    "grpc",
    "lgpio",
    "onnx",
    "pigpio",
    "pyrealsense2",
    "sleap_io",
    "sleap_nn",
    "tensorflow",
    "tf2onnx",
    "torch",
    "torchvision",
}
"""What not every installation has."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example package is installed."""
    return install_example(tmp_path_factory.mktemp("package"))


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    return make_lab(tmp_path)


def test_a_part_of_each_kind_runs_in_a_rig(lab: Path, site: Path):
    command = command_in(lab, site)
    command("check", "rig.yaml")
    command("run", "rig.yaml", "--seconds", "120")
    (session,) = (lab / "sessions").iterdir()
    with (session / "events.csv").open() as file:
        events = [(row["kind"], row["name"], row["trigger"]) for row in csv.DictReader(file)]
    assert [event for event in events if event[0] == "reward"] == [("reward", "1", ""), ("reward", "2", "")]
    assert ("experiment_ended", "lamp", "") in events
    lines = (lab / "port").read_text().split()
    assert lines.count("open") == 2, "what the valve got"
    assert lines[-1] == "close"
    command("replay", str(session))


def test_a_part_of_each_kind_runs_without_ros(lab: Path, site: Path):
    command = command_in(lab, site)
    clip = cv2.VideoWriter(str(lab / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (320, 120))
    for file in sorted((lab / "images").iterdir())[:90]:
        clip.write(cv2.imread(str(file)))
    clip.release()
    command("analyze", "clip.avi", "--rig", "rig.yaml", "--out", "analysis")
    (events,) = (lab / "analysis").rglob("events.csv")
    with events.open() as file:
        assert [row["kind"] for row in csv.DictReader(file)].count("reward") == 2


def test_every_part_is_listed_with_its_package(lab: Path, site: Path):
    command = command_in(lab, site)
    listed = command("parts")
    for name in ("image_folder", "valve", "near_point", "reward", "brightest", "mean"):
        (line,) = [line for line in listed.splitlines() if line.split()[:1] == [name]]
        assert line.split() == [name, "ready", "lab-parts", "1.0"]
    assert "Device file of the port" in command("parts", "output", "valve")
    assert "Mean of blue, green and red below which" in command("parts", "engine", "brightest")
    assert "Of what is measured; 1: no filter at all." in command("parts", "filter", "mean")
    assert "Did you mean 'image_folder'" in command("parts", "source", "image_fold", code=1)


PUBLISHED = f"""
import sys
sys.path.insert(0, {str(ROOT / "tools")!r})
import document_keys
from dlstream.rig.schema import published_schema, schema_text
print(document_keys.text(), published_schema("rig"), published_schema("experiment"))
print("HERE", schema_text("rig"), schema_text("experiment"))
"""


def test_what_is_published_has_only_our_own_parts(lab: Path, site: Path):
    published, here = command_in(lab, site, program=PUBLISHED)().split("HERE")
    for name in ("image_folder", "valve", "near_point", "reward", "brightest", "mean"):
        assert f'"const": "{name}"' not in published
        assert f"type: {name}`" not in published
        assert f'"const": "{name}"' in here, "an editor on this machine completes it"
    assert "`pose.filter` with `type: kalman`" in published
    assert "(one of `none`, `kalman`, `one_euro`)" in published


MISTAKES = [
    ("rig", "fps: 20", "fsp: 20", "top.fsp: found the unknown key 'fsp'; expected a known key. Did you mean 'fps'"),
    ("rig", "fps: 20", "fps: fast", "cameras.top.fps: found 'fast'; expected a number"),
    ("rig", "fps: 20", "crop: [300, 0, 100, 100]", "crop: found x=300 y=0 100x100; expected a part of the "),
    ("rig", "folder: images", "folder: pictures", "found no image; expected files that end in .png"),
    ("rig", "image_folder", "image_foldr", "cameras.top.source: found 'image_foldr'; expected one of "),
    ("rig", "brightest", "brighest", "pose.engine.type: found 'brighest'; expected one of auto, "),
    ("rig", "min_light: 100", "min_ligt: 100", "pose.engine.min_ligt: found the unknown key 'min_ligt'; expected a "),
    ("rig", "min_light: 100", "min_light: 300", "pose.engine.min_light: found 300; expected a number at most 255"),
    ("rig", "filter: mean ", "filter: men ", "pose.filter: found 'men'; expected one of none, "),
    ("rig", "filter: mean ", "filter: {type: mean, weight: 0} ", "pose.filter.weight: found 0; expected a number gr"),
    ("rig", "lamp.json", "rig.yaml", "expected a JSON file such as"),
    ("rig", "type: valve", "type: vale", "outputs.water.type: found 'vale'; expected one of "),
    ("experiment", "near_point", "near_pont", "triggers.at_spout.type: found 'near_pont'; expected one of "),
    ("experiment", "point: [200, 60]", "point: 200", "triggers.at_spout.point: found 200; expected a list"),
    ("experiment", "keypoint: lamp", "keypoint: lmp", "triggers.at_spout.keypoint: found 'lmp'"),
    ("experiment", "trigger: at_spout", "trigger: at_spot", "protocol.trigger: found 'at_spot'; expected a trigger"),
    (
        "experiment",
        "{width: 50 ms}",
        "{width: long}",
        "protocol.stimulus.values.width: found 'long'; expected a number in ms",
    ),
    ("experiment", "type: reward", "type: rewrd", "protocol.type: found 'rewrd'; expected one of "),
]  # fmt: skip


def test_mistakes_in_them_are_told_as_in_any_other(tmp_path: Path, site: Path):
    places = []
    for number, (file, old, new, _) in enumerate(MISTAKES):
        folder = tmp_path / str(number)
        folder.mkdir()
        places.append((make_lab(folder, laps=1) / f"{file}.yaml", change(folder / f"{file}.yaml", old, new)))
    said = command_in(tmp_path, site, program=EACH)(*(str(file.parent / "rig.yaml") for file, _ in places))
    for (path, line), (*_, expected) in zip(places, MISTAKES, strict=True):
        assert any(text.startswith(f"{path}:{line}: ") and expected in text for text in said.splitlines()), expected


def test_the_check_of_an_experiment_asks_the_rigs_own_engine(lab: Path, site: Path):
    command = command_in(lab, site)
    assert "experiment.yaml is valid." in command("experiment", "check", "experiment.yaml", "--rig", "rig.yaml")
    change(lab / "experiment.yaml", "keypoint: lamp", "keypoint: lmp")
    words = ("experiment", "check", "experiment.yaml", "--rig", "rig.yaml")
    assert "a keypoint of the network" in command(*words, code=1)


def test_all_mistakes_at_once(lab: Path, site: Path):
    """None hides another, and none has a second message that only follows from it."""
    rig, experiment = lab / "rig.yaml", lab / "experiment.yaml"
    change(rig, "brightest", "brighest")
    change(rig, "with_experiment: true", "with_experiment: maybe")
    change(experiment, "distance: 25", "distance: near")
    change(experiment, "type: reward", "type: reward\n  rewards: few")
    change(experiment, "\n  rewards: 2", "")
    change(experiment, "{width: 50 ms}", "{width: long, lvl: 3}")
    said = command_in(lab, site)("check", "rig.yaml", code=1)
    expected = [
        ("rig.yaml", "pose.engine.type: found 'brighest'"),
        ("rig.yaml", "stop.with_experiment: found 'maybe'"),
        ("experiment.yaml", "triggers.at_spout.distance: found 'near'"),
        ("experiment.yaml", "protocol.rewards: found 'few'"),
        ("experiment.yaml", "protocol.stimulus.values.lvl: found the unknown value 'lvl'"),
        ("experiment.yaml", "protocol.stimulus.values.width: found 'long'"),
    ]
    lines = [line for line in said.splitlines() if ": found " in line]
    assert [any(file in line and text in line for line in lines) for file, text in expected] == [True] * 6, said
    assert len(lines) == 6, said


STRANGER = """\
[dlstream.sources]
webcam = stranger.camera:Webcam
video = stranger.camera:Webcam
[dlstream.outputs]
laser = stranger.nothing:Laser
[dlstream.triggers]
blink = stranger.blink:Blink
stare = stranger.blink:Stare
"""
BLINK = """\
from dlstream_common import Problem
from dlstream_experiment.model.triggers import Trigger, TriggerSettings

class Blink(TriggerSettings):
    def build(self, context):
        return BlinkTrigger()
    def camera_in(self, context):
        return context.camera
    def in_words(self):
        return "blinks"

    def problems(self, context):
        if self.dwell > 5:
            yield Problem(("dwell",), f"{self.dwell:g}", "5 at most: no eye is closed for longer")

class Stare(TriggerSettings):
    def in_words(self):
        return "stares"

class BlinkTrigger(Trigger):
    def bind(self, keypoints):
        pass
    def decide(self, scene):
        raise OSError("out of order")
"""


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """Where a package is installed that has a conflict, a missing library, a mistake, and a trigger that fails."""
    site = tmp_path / "stranger_site"
    (site / "stranger-0.3.dist-info").mkdir(parents=True)
    (site / "stranger-0.3.dist-info" / "METADATA").write_text("Name: stranger\nVersion: 0.3\n")
    (site / "stranger-0.3.dist-info" / "entry_points.txt").write_text(STRANGER)
    (site / "stranger").mkdir()
    (site / "stranger" / "__init__.py").touch()
    (site / "stranger" / "camera.py").write_text("import no_such_vendor\n")
    (site / "stranger" / "blink.py").write_text(BLINK)
    return site


def test_a_strangers_broken_package_breaks_nothing_else(lab: Path, site: Path, stranger: Path):
    command = command_in(lab, site, stranger)
    command("check", "rig.yaml")
    listed = command("parts")
    assert "found no library no_such_vendor on this machine, which stranger 0.3 " in listed
    assert "found two parts of this name: dlstream_camera (dlstream_camera.sources.video) and stranger 0.3 " in listed
    assert "found stranger 0.3 (stranger.nothing:Laser), which can't be imported (ModuleNotFoundError" in listed


REFUSED = [
    ("{source: image_folder", "{source: webcam", "'webcam': no library no_such_vendor on this machine"),
    ("{source: image_folder", "{source: video", "'video': two parts of this name: dlstream_camera "),
    ("{type: valve", "{type: laser", "'laser': stranger 0.3 (stranger.nothing:Laser), which can't be imported"),
]


def test_a_part_that_can_not_be_imported_is_refused_where_it_is_named(tmp_path: Path, site: Path, stranger: Path):
    places = []
    for number, (old, new, _) in enumerate(REFUSED):
        folder = tmp_path / str(number)
        folder.mkdir()
        places.append((make_lab(folder, laps=1) / "rig.yaml", change(folder / "rig.yaml", old, new)))
    said = command_in(tmp_path, site, stranger, program=EACH)(*(str(file) for file, _ in places))
    for (path, line), (*_, expected) in zip(places, REFUSED, strict=True):
        assert any(text.startswith(f"{path}:{line}: ") and expected in text for text in said.splitlines()), expected


def test_a_strangers_trigger_is_checked_by_itself(lab: Path, site: Path, stranger: Path):
    text = (lab / "experiment.yaml").read_text()
    (lab / "experiment.yaml").write_text(
        text.replace("triggers:", "triggers:\n  eyes: {type: blink, dwell: 9}\n  gaze: {type: stare}")
    )
    said = command_in(lab, site, stranger)("check", "rig.yaml", code=1)
    assert f"{lab}/experiment.yaml:5: triggers.eyes.dwell: found 9; expected 5 at most" in said
    assert f"{lab}/experiment.yaml:6: triggers.gaze.type: found 'stare': stranger 0.3 " in said
    assert "which has no method build" in said


def test_a_strangers_trigger_that_fails_is_a_fault_with_its_place(lab: Path, site: Path, stranger: Path):
    text = (lab / "experiment.yaml").read_text()
    (lab / "experiment.yaml").write_text(text.replace("triggers:", "triggers:\n  eyes: {type: blink}"))
    command = command_in(lab, site, stranger)
    command("check", "rig.yaml")
    said = command("run", "rig.yaml", "--seconds", "120", code=1)
    assert "trigger 'eyes' (blink): decide raised OSError: out of order" in said
    assert (lab / "port").read_text().split()[-1] == "close", "outputs are off"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """What makes Python's imports of optional libraries fail, in every process."""
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"import sys\nOPTIONAL = {sorted(OPTIONAL)!r}\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in OPTIONAL:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    return folder


def test_without_any_optional_library_the_rest_runs(lab: Path, site: Path, bare: Path):
    command = command_in(lab, bare, site)
    listed = command("parts")
    for library, package in (
        ("pygame", "pygame-ce"),
        ("openvino", "openvino"),
        ("nidaqmx", "'nidaqmx[grpc]'"),
        ("gpiozero", "gpiozero"),
        ("harp.device.client", "harp-device"),
    ):
        assert re.search(rf"needs {library}: /\S*python\S* -m pip install {re.escape(package)}", listed), library
    command("check", "rig.yaml")
    command("run", "rig.yaml", "--seconds", "120")
    (session,) = (lab / "sessions").iterdir()
    command("report", str(session))
    command("replay", str(session))
    command("network", "info", str(ROOT / "config" / "networks" / "demo_mouse.onnx"))


def test_a_rig_that_needs_one_says_what_to_install(lab: Path, site: Path, bare: Path):
    command = command_in(lab, bare, site)
    line = change(lab / "rig.yaml", "water: {type: valve, port: port,", "water: {type: screen, offscreen: true,")
    said = command("check", "rig.yaml", code=1)
    assert f"rig.yaml:{line}: outputs.water.type: found 'screen': no library pygame on this machine" in said
    assert "pip install pygame-ce" in said
