"""A rig and an experiment from a page's answers: what they come to, and what is refused and never overwritten."""

from __future__ import annotations

import asyncio
import json
import resource
import string
from pathlib import Path

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dlstream.authoring.templates import templates
from dlstream.cli.main import app
from dlstream.rig.check import checked_rig
from dlstream.rig.file import load_rig
from dlstream.rig.overrides import Override
from dlstream.wizard.folder import DEMO, Folder, FolderError
from dlstream.wizard.look import Look
from dlstream.wizard.page import WizardPage
from dlstream_camera.arena import Arena
from dlstream_common import DlstreamError
from dlstream_panel import PanelSettings
from dlstream_panel.board import Board
from dlstream_panel.checks import Checks
from dlstream_panel.wizard_requests import Answers, LookAtRig, RunRig, WriteRig

pytestmark = pytest.mark.slow
VIDEO = {"kind": "video", "name": "top", "video": "mouse.mp4"}


def answers(**changes: object) -> Answers:
    """Those of a rig that runs, with others in their place."""
    given = {
        "cameras": [VIDEO],
        "network": DEMO,
        "template": "demo",
        "rig": "mine",
        "title": "Mine",
        "rig_file": "mine.yaml",
        "experiment_file": "exp.yaml",
    }
    return Answers.model_validate_json(json.dumps(given | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a video of 320x240, a file that is no video, and one that is no network."""
    place = tmp_path_factory.mktemp("lab")
    arena = Arena(320, 240, seed=1)
    writer = cv2.VideoWriter(str(place / "mouse.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, (320, 240))
    for number in range(20):
        writer.write(arena.render(number)[0])
    writer.release()
    (place / "broken.mp4").write_bytes(b"no video")
    (place / "broken.onnx").write_bytes(b"no network")
    (place / "theirs.yaml").write_text("of somebody else\n")
    return place


def look(folder: Path, **changes: object) -> Look:
    return Look(answers(**changes), Folder(folder), frozenset())


def problems(folder: Path, **changes: object) -> dict[str, str]:
    """What does not fit, by step."""
    found: dict[str, str] = {}
    for item in look(folder, **changes).problems:
        found[item["step"]] = found.get(item["step"], "") + item["text"]
    return found


@pytest.fixture
def page(folder: Path, tmp_path: Path):
    """The page on a folder of its own, and what it reads there."""
    (tmp_path / "mouse.mp4").write_bytes((folder / "mouse.mp4").read_bytes())
    (tmp_path / "theirs.yaml").write_text("of somebody else\n")
    made = WizardPage(Folder(tmp_path), Checks(PanelSettings(), Board([], [], []), None), [])
    yield made
    made.close()


@pytest.mark.parametrize("template", [item.name for item in templates()])
def test_each_included_experiment_becomes_one_that_fits_or_says_what_it_needs(folder, template):
    made = look(folder, template=template)
    view = json.loads(json.dumps(made.view()))
    needs = " ".join(item["text"] for item in view["problems"])
    if needs:  # a second animal, a classifier: this rig has neither
        assert "animal" in needs or "individual" in needs or "classifier" in needs, needs
        return
    assert view["explained"]["words"]
    assert view["explained"]["whole"]["boxes"]
    width, height = view["sizes"]["top"]
    for region in view["drawing"]["regions"].values():
        if region["type"] == "circle":
            assert all(0 <= value < side for value, side in zip(region["center"], (width, height), strict=True))
    for point in view["drawing"]["points"].values():
        assert all(0 <= value < side for value, side in zip(point["at"], (width, height), strict=True))


def test_what_the_answers_come_to_is_written_and_is_a_rig_that_the_check_accepts(page, tmp_path):
    regions = {"left": {"type": "rectangle", "left": 0, "top": 0, "right": 100, "bottom": 200}}
    regions |= {"right": {"type": "ellipse", "center": [200, 100], "radii": [60, 40], "rotation": 10}}
    values = {"protocol.max_hits": "3", "triggers.in_left.keypoints": "snout, ne", "seed": "7"}
    given = answers(regions=regions, values=values, scales={"top": 12.5}, scale=1.0)
    said = asyncio.run(page.carry_out(WriteRig(answers=given)))
    assert said == "written: mine.yaml and exp.yaml"
    rig, _ = checked_rig(tmp_path / "mine.yaml")
    assert (rig.rig, rig.cameras["top"].source, rig.panel.port) == ("mine", "video", 8642)
    text = (tmp_path / "exp.yaml").read_text()
    for words in (
        "left: {type: rectangle, left: 0, top: 0, right: 100, bottom: 200}",
        "keypoints: [snout, neck]",
        "max_hits: 3",
        "seed: 7",
        "top: 12.5",
    ):
        assert words in text
    # What was written here may be written again, but not once somebody else has changed it.
    asyncio.run(page.carry_out(WriteRig(answers=answers(title="Other"))))
    assert "Other" in (tmp_path / "exp.yaml").read_text()
    (tmp_path / "exp.yaml").write_text("by hand\n")
    with pytest.raises(FolderError, match=r"exp\.yaml: such a file is there already and is not overwritten"):
        asyncio.run(page.carry_out(WriteRig(answers=answers())))
    assert (tmp_path / "exp.yaml").read_text() == "by hand\n"


def test_a_rig_of_several_cameras_has_regions_on_each(page, tmp_path):
    synthetic = {"kind": "synthetic", "name": "side"}
    on_side = {"type": "rectangle", "camera": "side", "left": 400, "top": 300, "right": 600, "bottom": 450}
    regions = {"left": {"type": "circle", "center": [80, 120], "radius": 30}, "right": on_side}
    cameras = [VIDEO, synthetic, synthetic | {"name": "front"}]
    given = answers(cameras=cameras, regions=regions, scales={"side": 20.0})
    view = asyncio.run(page.carry_out(LookAtRig(answers=given)))
    assert view["problems"] == []
    assert view["drawing"]["cameras"] == ["top", "side", "front"]
    assert view["sizes"] == {"top": (320, 240), "side": (640, 480), "front": (640, 480)}
    asyncio.run(page.carry_out(WriteRig(answers=given)))
    rig, _ = checked_rig(tmp_path / "mine.yaml")
    assert [(name, camera.source) for name, camera in rig.cameras.items()] == [
        ("top", "video"),
        ("side", "synthetic"),
        ("front", "synthetic"),
    ]
    assert rig.stop.with_experiment, "a live camera does not end by itself"
    assert "camera: side" in (tmp_path / "exp.yaml").read_text()
    # A region that does not fit the picture of its own camera is told at the regions.
    wrong = regions | {"right": on_side | {"camera": "top"}}
    problem = asyncio.run(page.carry_out(LookAtRig(answers=answers(cameras=cameras, regions=wrong))))
    assert [item["step"] for item in problem["problems"]] == ["regions"]


def test_the_experiment_watches_the_camera_that_was_chosen(folder):
    cameras = [{"kind": "synthetic", "name": "side"}, VIDEO]
    view = look(folder, cameras=cameras, camera="top").view()
    assert "camera: top" in view["experiment_text"]
    assert view["drawing"]["camera"] == "top"
    assert all(max(item["center"]) < 320 for item in view["drawing"]["regions"].values()), "in its own picture"
    assert "camera: side" in look(folder, cameras=cameras, camera="gone").view()["experiment_text"]


def test_nothing_is_written_where_a_file_is_there_or_something_does_not_fit(page, tmp_path):
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for changes, words in (
        ({"rig_file": "theirs.yaml"}, "not overwritten"),
        ({"rig_file": "../mine.yaml"}, "expected a name"),
        ({"rig_file": "exp.yaml"}, "both files have this name"),
        ({"rig": "no name"}, "rig: found"),
        ({"network": "none.onnx"}, "the folder has no such network"),
        ({"cameras": [VIDEO | {"video": "/etc/passwd"}]}, "the folder has no such video"),
        ({"cameras": [VIDEO, VIDEO]}, "two cameras have this name"),
        ({"cameras": [VIDEO, VIDEO | {"name": "no name"}]}, "cameras.no name"),
        ({"cameras": [{"kind": "device", "name": "top", "source": "opencv", "serial": "9"}]}, "look for cameras"),
        ({"template": ""}, "choose an experiment"),
        ({"template": "../../etc/passwd"}, "no such experiment to begin with"),
        ({"outputs": {"screen": {"type": "gpio"}}}, "outputs.screen.pin"),
        ({"outputs": {"screen": {"type": "serial", "keys": {"port": "/etc/passwd"}}}}, "a path can't be typed here"),
        ({"values": {"triggers.in_left.keypoints": "[paw]"}}, "paw"),
        ({"values": {"protocol.max_hits": "-1"}}, "max_hits"),
        ({"values": {"nothing.at.all": "1"}}, "nothing"),
        ({"values": {"protocol.control": "{type: yoked, recording: /etc}"}}, "a path can't be typed here"),
        ({"regions": {"left": {"type": "circle", "center": [900, 100], "radius": 5}}}, "left"),
    ):
        with pytest.raises(DlstreamError) as refusal:
            asyncio.run(page.carry_out(WriteRig(answers=answers(**changes))))
        assert words in str(refusal.value), (changes, str(refusal.value))
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    with pytest.raises(FolderError, match="write the files first"):
        asyncio.run(page.carry_out(RunRig(rig_file="theirs.yaml")))


def test_a_mistake_is_told_at_the_step_where_it_is_mended(folder):
    assert list(problems(folder, network="broken.onnx")) == ["network"]
    assert list(problems(folder, cameras=[VIDEO | {"video": "broken.mp4"}])) == ["camera"]
    assert "outputs" in problems(folder, template="optogenetic", outputs={"laser": {"type": "gpio"}})
    assert list(problems(folder, rig_file="theirs.yaml")) == ["files"]
    assert problems(folder) == {}


def test_a_keypoint_that_the_network_does_not_find_is_replaced_and_that_is_said(folder):
    fields = {item["key"]: item for item in look(folder, template="example_openfield").view()["fields"]}
    changed = [item for item in fields.values() if item["note"]]
    assert all("which does not fit here" in item["note"] for item in changed)
    assert not any(item["problem"] for item in fields.values())


def test_files_are_found_by_the_names_of_the_list_only(folder):
    files = Folder(folder)
    assert files.videos() == ["broken.mp4", "mouse.mp4"]
    assert files.networks() == ["broken.onnx", DEMO]
    for name in ("../lab/mouse.mp4", str(folder / "mouse.mp4"), "mouse", "", "theirs.yaml", "mouse.mp4\0"):
        with pytest.raises(FolderError):
            files.video(name)
    (folder / "link.yaml").symlink_to(folder / "nowhere.yaml")
    with pytest.raises(FolderError, match="not overwritten"):
        files.new_file("link.yaml")
    (folder / "link.yaml").unlink()


def test_a_write_that_fails_midway_leaves_all_as_it_was(tmp_path):
    files = Folder(tmp_path)
    files.write({"mine.yaml": "old\n"})
    long = "long\n" * 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as on a full disk
    try:
        for texts in ({"exp.yaml": "new\n", "mine.yaml": long}, {"mine.yaml": "new\n", "exp.yaml": long}):
            with pytest.raises(FolderError, match="nothing was written"):
                files.write(texts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"mine.yaml": "old\n"}
    files.write({"mine.yaml": long, "exp.yaml": "new\n"})
    (tmp_path / "usual").touch()
    assert {file.stat().st_mode for file in tmp_path.iterdir()} == {(tmp_path / "usual").stat().st_mode}


TEXTS = st.text(alphabet=[*string.printable, "ä", "\u2028", "\0"], max_size=30)


@settings(max_examples=20)
@given(st.dictionaries(TEXTS.filter(bool), TEXTS.filter(bool), max_size=3), TEXTS, TEXTS, TEXTS)
def test_whatever_is_typed_gets_an_answer_and_writes_nothing(folder, values, name, template, file):
    before = sorted(item.name for item in folder.iterdir())
    camera = VIDEO | {"name": name}
    made = look(folder, values=values, cameras=[camera], template=template, rig=name, rig_file=file)
    assert json.dumps(made.view())
    values = {f"protocol.{key}": text for key, text in values.items()}
    assert json.dumps(look(folder, values=values).view())
    assert sorted(item.name for item in folder.iterdir()) == before


BOMB = "[&a [1, 1], &b [*a, *a], &c [*b, *b]]"
SECTIONS = (
    "triggers",
    "triggers.in_left",
    "triggers.new",
    "regions",
    "regions.left",
    "protocol",
    "keypoints",
    "camera",
)


@pytest.mark.parametrize("text", ["5", "[1]", "{a: 5}", "{a: {b: c}}", "&a [*a]", BOMB, "[" * 500 + "]" * 500])
def test_a_value_of_another_shape_is_told_at_its_key(folder, text):
    for key in SECTIONS:
        view = look(folder, values={key: text}).view()
        assert json.dumps(view)
        assert any(problem["text"].startswith(key) for problem in view["problems"]), (key, view["problems"])


@pytest.mark.parametrize(
    ("template", "key", "text"),
    [
        ("optogenetic", "triggers.points_there.point", "[16 0, 100]"),
        ("optogenetic", "triggers.points_there.point", "[x, 100]"),
        ("optogenetic", "triggers.points_there.point", "[.nan, 100]"),
        ("optogenetic", "triggers.points_there.point", "[100]"),
        ("optogenetic", "triggers.points_there.point", f"[1{'0' * 400}, 100]"),
        ("demo", "regions.left.center", "5"),
        ("demo", "regions.left.radius", "big"),
        ("demo", "regions.left", "{}"),
    ],
)
def test_what_can_not_be_drawn_is_told_and_left_out_of_the_drawing(folder, template, key, text):
    view = look(folder, template=template, values={key: text}).view()
    assert any(problem["text"].startswith(key) for problem in view["problems"]), view["problems"]
    assert "points_there" not in view["drawing"]["points"]
    assert "left" not in view["drawing"]["regions"]
    assert json.dumps(view, allow_nan=False)


def test_an_option_goes_into_a_panel_that_is_just_true(page, tmp_path):
    asyncio.run(page.carry_out(WriteRig(answers=answers())))
    rig = load_rig(tmp_path / "mine.yaml", without_experiment=True, overrides=[Override.set("panel.port=0")])
    assert rig.panel.port == 0


def test_two_pages_that_write_the_same_names_do_not_mix_their_files(page, tmp_path):
    async def both() -> None:
        first, second = answers(title="First"), answers(title="Second")
        await asyncio.gather(*(page.carry_out(WriteRig(answers=one)) for one in (first, second)))

    asyncio.run(both())
    assert "experiment: Second" in (tmp_path / "exp.yaml").read_text()


def test_the_view_has_no_path_to_choose_from_but_the_folder_itself(page, tmp_path):
    view = page.view()
    assert view["folder"] == str(tmp_path)
    names = [*view["videos"], *view["networks"], *view["taken"], *(item["name"] for item in view["templates"])]
    assert not any("/" in name for name in names)
    asyncio.run(page.carry_out(LookAtRig(answers=answers())))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "found no folder"),
        ([".", "--address", "0.0.0.0"], "--address 0.0.0.0: expected names as well"),
        ([".", "--address", "lab"], "--address lab: expected an IP address"),
        ([".", "--address", "fe80::1%lo"], "--address fe80::1%lo: expected an address without a scope"),
        ([".", "--name", "no name"], "--name: found 'no name'"),
    ],
)
def test_a_page_that_can_not_be_served_says_why(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["panel", *words])
    assert said in " ".join(str(result.exception).split())
