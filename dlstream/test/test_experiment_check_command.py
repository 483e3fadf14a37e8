"""`dlstream experiment check`: mistakes with lines, the experiment in words, pictures; and the other small commands."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from dlstream import __version__
from dlstream.authoring.explain import Known, check_file, read_frame
from dlstream.cli.main import main
from dlstream.rig.check import checked_rig
from dlstream.rig.nodes import rig_nodes
from dlstream_common import DlstreamError, InputError

CONFIG = Path(__file__).resolve().parents[2] / "config"
EXAMPLE = CONFIG / "experiments" / "example.yaml"
PYTHON = CONFIG / "experiments" / "python" / "python.yaml"
RIG = CONFIG / "rig.demo.yaml"
NETWORK = CONFIG / "networks" / "demo_mouse.onnx"


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and all that was said, on one line."""
    monkeypatch.setattr("sys.argv", ["dlstream", *words])
    monkeypatch.setenv("COLUMNS", "400")  # a temporary folder's name on one line, however long it is
    code = main()
    return code, " ".join(capsys.readouterr().out.split())


def test_an_experiment_in_order_is_told_and_drawn(monkeypatch, capsys, tmp_path: Path):
    words = ["experiment", "check", str(EXAMPLE), "--rig", str(RIG), "--out", str(tmp_path / "pictures")]
    code, said = command(monkeypatch, capsys, *words)
    assert code == 0
    for part in ("circle: center (550, 163), radius 87.5", "in_left true when", "max_hits", "is valid"):
        assert part in said or part == "max_hits"
    assert "10 times" in said
    assert "Not checked" not in said, "the rig tells all"
    names = sorted(file.name for file in (tmp_path / "pictures").iterdir())
    assert names == ["example.regions.top.png", "example.states.png", "example.states.svg"]


def test_a_place_where_no_picture_can_be_written_is_told(monkeypatch, capsys, tmp_path: Path):
    file = tmp_path / "file"
    file.touch()
    code, said = command(monkeypatch, capsys, "experiment", "check", str(EXAMPLE), "--out", str(file / "pictures"))
    assert code == 1
    assert f"dlstream: can't write {file / 'pictures'}: Not a directory" in said


def test_the_other_kind_of_file_is_named_with_the_command_for_it(monkeypatch, capsys, tmp_path: Path):
    code, said = command(monkeypatch, capsys, "experiment", "check", str(RIG))
    wanted = f"{RIG}: found a rig file; expected an experiment file. To check this one: `dlstream check {RIG}`"
    assert (code, said) == (1, f"dlstream: {wanted}")
    for words in (["check"], ["run"]):
        code, said = command(monkeypatch, capsys, *words, str(EXAMPLE))
        assert code == 1
        assert said.startswith(f"dlstream: {EXAMPLE}: found an experiment file; expected a rig file, which names it ")
        assert said.endswith(f"To check this one: `dlstream experiment check {EXAMPLE}`")
    both = tmp_path / "both.yaml"
    both.write_text("rig: a\ncameras: {}\ntriggers: {}\n")
    for words in (["check"], ["experiment", "check"]):
        code, said = command(monkeypatch, capsys, *words, str(both))
        assert code == 1
        assert "found the unknown key 'triggers'" in said or "found the unknown key 'cameras'" in said
    both.write_text("camera: {top: {source: synthetic}}\nexperiment: {file: a.yaml}\npanel: true\n")
    code, said = command(monkeypatch, capsys, "check", str(both))
    assert (code, "Did you mean 'cameras'?" in said) == (1, True), said


def test_what_is_not_known_is_told(monkeypatch, capsys):
    code, said = command(monkeypatch, capsys, "experiment", "check", str(EXAMPLE))
    assert code == 0
    assert "Not checked, for lack of information: keypoints (--rig or --network)" in said


def test_every_mistake_with_its_line(monkeypatch, capsys, tmp_path: Path):
    file = tmp_path / "wrong.yaml"
    text = EXAMPLE.read_text().replace("[neck]", "[nekc]", 1).replace("output: screen", "output: scren", 1)
    file.write_text(text.replace("radius: 87.5", "radius: 300", 1))
    code, said = command(monkeypatch, capsys, "experiment", "check", str(file), "--rig", str(RIG))
    assert code == 1
    lines = text.splitlines()
    for wrong in ("[nekc]", "output: scren"):
        number = next(number for number, line in enumerate(lines, start=1) if wrong in line)
        assert f"wrong.yaml:{number} " in said
    assert "Did you mean 'neck'?" in said
    assert "Did you mean 'screen'?" in said
    assert "a region inside the image of camera 'top', 640x480" in said
    assert "3 mistakes" in said


def test_words_that_fit_an_experiment_file(monkeypatch, capsys, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    for text in ("", "- a\n"):
        file.write_text(text)
        code, said = command(monkeypatch, capsys, "experiment", "check", str(file))
        assert code == 1
        assert "keys and values, such as 'experiment: two sides'" in said
    file.write_text(f"experiment: {'x' * 101}\n")
    assert "at most 100 characters" in command(monkeypatch, capsys, "experiment", "check", str(file))[1]


def test_a_network_alone_tells_the_keypoints(monkeypatch, capsys, tmp_path: Path):
    file = tmp_path / "wrong.yaml"
    file.write_text(EXAMPLE.read_text().replace("[neck]", "[back]"))
    network = str(CONFIG / "networks" / "demo_mouse.onnx")
    code, said = command(monkeypatch, capsys, "experiment", "check", str(file), "--network", network)
    assert code == 1
    assert "a keypoint of the network" in said


def test_regions_larger_than_any_image_are_refused_without_a_rig(monkeypatch, capsys, tmp_path: Path):
    file = tmp_path / "large.yaml"
    file.write_text(EXAMPLE.read_text().replace("radius: 87.5", "radius: 90000", 1))
    code, said = command(monkeypatch, capsys, "experiment", "check", str(file))
    assert code == 1
    assert "large.yaml:" in said
    assert "no camera has a larger one" in said


def test_a_frame_tells_the_size(tmp_path: Path):
    picture = tmp_path / "frame.png"
    cv2.imwrite(str(picture), np.zeros((300, 400, 3), np.uint8))
    with pytest.raises(InputError, match="400x300"):
        check_file(EXAMPLE, Known.of(None, None, picture), None, Console(quiet=True))
    (tmp_path / "text.png").write_text("no picture")
    for wrong in (tmp_path / "text.png", tmp_path / "none.png", tmp_path):
        with pytest.raises(DlstreamError, match="frame"):
            read_frame(wrong)


def test_the_first_frame_of_a_video(tmp_path: Path):
    file = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for value in (200, 10, 10):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    assert abs(float(read_frame(file).mean()) - 200) < 5


def test_nobody_else_speaks_beside_us(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    for name in ("clip.yaml", "picture.png"):
        file = tmp_path / name
        file.write_text("neither picture nor video")
        with pytest.raises(DlstreamError, match=r"a text; expected a video|that can be read"):
            read_frame(file)
    assert capfd.readouterr() == ("", "")


def test_every_line_of_a_rigs_mistakes_begins_with_its_place(monkeypatch, capsys, tmp_path: Path):
    file = tmp_path / "rig.yaml"
    cameras = "{top: {source: synthetic, fps: many}, 1 top-cam: {source: synthetic}}"
    file.write_text(f"rig: box\ncameras: {cameras}\noutputs: {{fan: {{type: ventilator}}}}\n")
    monkeypatch.setattr("sys.argv", ["dlstream", "check", str(file)])
    assert main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{file}:") for line in lines)
    assert "cameras.1 top-cam: found '1 top-cam'; expected a name of letters" in " ".join(lines)
    (fan,) = (line for line in lines if "outputs.fan.type" in line)
    assert fan.endswith("`type: topic`, and a node of your own on /outputs/fan/command (docs/how-to/ros2.md).")


def test_all_pictures_that_are_none_are_told_at_once(monkeypatch, capsys, tmp_path: Path):
    file = tmp_path / "rig.yaml"
    images = "{left: nope.png, right: rig.yaml, third: none.png}"
    text = (
        f"rig: box\ncameras: {{top: {{source: synthetic}}}}\noutputs: {{screen: {{type: screen, images: {images}}}}}\n"
    )
    file.write_text(text)
    code, said = command(monkeypatch, capsys, "check", str(file))
    assert code == 1
    for name in ("left", "right", "third"):
        assert f"for the image '{name}'" in said
    file.write_text(text.replace("left: nope.png, ", "").replace(", third: none.png", ""))
    code, said = command(monkeypatch, capsys, "check", str(file))
    assert code == 1
    assert "can't be read as an image" in said


def test_python_needs_permission(monkeypatch, capsys):
    code, said = command(monkeypatch, capsys, "experiment", "check", str(PYTHON))
    assert code == 1
    assert "--allow-python" in said
    code, said = command(monkeypatch, capsys, "experiment", "check", str(PYTHON), "--allow-python")
    assert code == 0
    assert "near the wall" in said or "within 60 px" in said


def test_a_rig_file_can_not_permit_python_but_who_starts_it_can(tmp_path: Path):
    file = tmp_path / "rig.yaml"
    text = RIG.read_text().replace("networks/", f"{CONFIG}/networks/").replace("images/", f"{CONFIG}/images/")
    file.write_text(text.replace("experiment: experiments/demo.yaml", f"experiment: {PYTHON}"))
    with pytest.raises(InputError, match="--allow-python"):
        checked_rig(file)
    rig, path = checked_rig(file, allow_python=True)
    [node] = [node for node in rig_nodes(rig, path) if node.name == "experiment"]
    assert node.parameters["allow_python"] is True
    file.write_text(
        file.read_text().replace(f"experiment: {PYTHON}", f"experiment: {{file: {PYTHON}, allow_python: true}}")
    )
    with pytest.raises(InputError, match="no file can allow code to run"):
        checked_rig(file, allow_python=True)


def test_a_rig_whose_experiment_is_not_written_yet(monkeypatch, capsys, tmp_path: Path):
    """Cameras, network and outputs are taken from it; the experiment is what is to be written."""
    rig = tmp_path / "rig.yaml"
    text = RIG.read_text().replace("networks/", f"{CONFIG}/networks/").replace("images/", f"{CONFIG}/images/")
    rig.write_text(text.replace("experiment: experiments/demo.yaml", "experiment: mine.yaml"))
    code, said = command(monkeypatch, capsys, "experiment", "check", str(EXAMPLE), "--rig", str(rig))
    assert (code, "Not checked" in said) == (0, False)
    words = ["--template", "example", "--rig", str(rig), "--set", "camera=top"]
    code, said = command(monkeypatch, capsys, "experiment", "new", str(tmp_path / "mine.yaml"), *words)
    assert code == 0
    assert "Written" in said
    (tmp_path / "mine.yaml").unlink()
    code, said = command(monkeypatch, capsys, "check", str(rig))
    assert code == 1
    assert "there is no file" in said


@pytest.mark.parametrize(
    "words", [("experiment", "check"), ("check",), ("analyze",), ("experiment", "check", "frame"), ("network", "info")]
)
def test_what_is_no_plain_file_is_refused(monkeypatch, capsys, tmp_path: Path, words):
    """A link that leads to itself, a pipe nobody writes to, a device, a folder: none of them is waited for."""
    pipe, loop = tmp_path / "pipe.yaml", tmp_path / "loop.yaml"
    os.mkfifo(pipe)
    loop.symlink_to("loop.yaml")
    for file, what in ((pipe, "a pipe"), (loop, "levels of symbolic links"), (Path("/dev/zero"), "a device")):
        if words == ("analyze",):
            video = "/dev/null"
            given = [
                "analyze",
                video,
                "--experiment",
                str(file),
                "--network",
                "none.onnx",
                "--out",
                str(tmp_path / "o"),
            ]
        elif "frame" in words:
            given, what = ["experiment", "check", str(EXAMPLE), "--frame", str(file)], f"frame {file}"
        else:
            given = [*words, str(file)]
            what = what if words[0] != "network" or "links" in what else "a pipe or a device"
        code, said = command(monkeypatch, capsys, *given)
        assert code == 1
        assert what in said
        assert str(file) in said


def test_the_schema_is_printed(monkeypatch, capsys, tmp_path: Path):
    code, said = command(monkeypatch, capsys, "experiment", "schema")
    assert code == 0
    assert json.loads(said)["title"] == "dlstream experiment file"
    command(monkeypatch, capsys, "experiment", "schema", "rig", "--out", str(tmp_path / "rig.json"))
    assert json.loads((tmp_path / "rig.json").read_text())["title"] == "dlstream rig file"
    code, said = command(monkeypatch, capsys, "experiment", "schema", "rigg")
    assert code == 1
    assert "Did you mean 'rig'?" in said


def test_the_version_both_ways(monkeypatch, capsys):
    assert command(monkeypatch, capsys, "--version") == (0, __version__)
    assert command(monkeypatch, capsys, "version") == (0, __version__)
