"""Rigs with a stranger's part that makes a mistake: one message that names it, outputs off, exit code 1."""

from __future__ import annotations

from pathlib import Path

import pytest
from faulty_parts import write_package
from lab_tools import change, command_in, install_example, make_lab

IN_A_RUN = {
    "source": ("ImageFolder", "read", "c = super().read()\nreturn replace(c, image=c.image / 255)"),
    "apply": ("Valve", "apply", "super().apply(*args)\nreturn None"),
    "off": ("Valve", "off", "self.count = getattr(self, 'count', 0) + 1\nsuper().off()\nreturn 5 // (self.count < 3)"),
    "engine": ("Brightest", "run", "return [np.zeros((1, 4, 3), np.float32)]"),
    "filter": ("Mean", "step", "self.state = self.state[:5]"),
}  # fmt: skip
SAID = {
    "source": "source 'bad' of faulty 0.1: read returned a Capture with image an array of float64 and shape (",
    "apply": "output 'bad' of faulty 0.1: apply returned None; expected when it took effect, a whole number",
    "off": "output 'bad' of faulty 0.1: off raised ZeroDivisionError: integer division or modulo by zero (",
    "engine": "engine 'bad' of faulty 0.1: run returned an array of float32 and shape (1, 4, 3); expected a list of",
    "filter": "filter 'bad' of faulty 0.1: step raised IndexError: ",
}
NAMES = {"source": "source: image_folder", "apply": "type: valve", "off": "type: valve", "engine": "type: brightest"}
NAMES |= {"filter": "filter: mean "}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example package is installed."""
    return install_example(tmp_path_factory.mktemp("package"))


@pytest.mark.parametrize("case", sorted(SAID))
def test_a_mistake_in_a_run_ends_it_with_one_message(tmp_path: Path, site: Path, case: str):
    base, method, body = IN_A_RUN[case]
    lab, faulty = make_lab(tmp_path), write_package(tmp_path / "faulty", ("bad", base, method, body))
    name = NAMES[case]
    change(lab / "rig.yaml", name, f"{name.split(':')[0]}: bad ")
    said = command_in(lab, site, faulty)("run", "rig.yaml", "--seconds", "120", code=1)
    assert len([line for line in said.splitlines() if "ERROR" in line and SAID[case] in line]) == 1, said
    assert "Traceback" not in said
    assert (lab / "port").read_text().split()[-1] == "close", "outputs are off"


IN_A_CHECK = [
    ("source: image_folder", "ImageFolder", "settings.image_size", "return 1 / 0", "cameras.top: found source 'bad' "),
    ("source: image_folder", "ImageFolder", "settings.frame_rate", "return 'fast'", "frame_rate returned 'fast'"),
    ("source: image_folder", "ImageFolder", "settings.check", "return None", "check returned None"),
    ("source: image_folder", "ImageFolder", "settings.asked_size", "return (1.5, 2)", "asked_size returned (1.5, 2)"),
    ("source: image_folder", "ImageFolder", "settings.is_depth", "return 7", "is_depth returned 7; expected True or "),
    ("source: image_folder", "ImageFolder", "settings.shared_device", "return 7", "shared_device returned 7"),
    ("source: image_folder", "ImageFolder", "settings.beside", "return 7", "beside returned 7; expected a mapping"),
    ("type: valve", "Valve", "settings.check_command", "return 'no'", "check_command returned 'no'"),
    ("type: valve", "Valve", "settings.without_computer", "return None", "without_computer returned None"),
    ("type: valve", "Valve", "settings.check", "return self.nothing", "outputs.water: found output 'bad' "),
    ("type: brightest", "Brightest", "run", "pass", ""),
    ("type: brightest", "Brightest", "__init__", "return {}['x']", "pose.engine: found engine 'bad' "),
]  # fmt: skip


def test_a_mistake_in_a_check_is_a_problem_at_its_place(tmp_path: Path, site: Path):
    mistakes, places = [], []
    for number, (old, base, method, body, expected) in enumerate(IN_A_CHECK):
        folder = tmp_path / str(number)
        folder.mkdir()
        lab = make_lab(folder, laps=1)
        mistakes.append((f"bad_{number}", base, method, body))
        line = change(lab / "rig.yaml", old, f"{old.split(':')[0]}: bad_{number}")
        places.append((lab, line, expected.replace("'bad'", f"'bad_{number}'")))
    command = command_in(tmp_path, site, write_package(tmp_path / "faulty", *mistakes))
    for lab, line, expected in places:
        said = command("check", str(lab / "rig.yaml"), code=1 if expected else 0)
        assert "Traceback" not in said
        lines = [text for text in said.splitlines() if "of faulty 0.1: " in text]
        assert len(lines) == (1 if expected else 0), said
        for text in lines:
            assert expected in text, text
            assert text.startswith((f"{lab / 'rig.yaml'}:{line}: ", f"{lab / 'experiment.yaml'}:")), text


GAZE = """
class Gaze(PoseSettings):
    def in_words(self):
        return "gazes"
    def keypoints_used(self):
        return []
    def build(self, context):
        return {built}
class GazeTrigger(Trigger):
    def bind(self, keypoints):
        pass
    def decide(self, poses):
        return {decided}
"""


@pytest.mark.parametrize(
    ("built", "decided", "expected"),
    [
        ("GazeTrigger()", "5", "decide returned 5; expected True, False or None (at stamp "),
        ("GazeTrigger()", "{}['x']", "decide raised KeyError: 'x' ("),
        ("None", "None", "build returned None; expected a Condition, a Rule or a Trigger"),
    ],
)
def test_a_trigger_on_poses_that_decides_wrongly(tmp_path: Path, site: Path, built: str, decided: str, expected: str):
    lab = make_lab(tmp_path)
    faulty = write_package(tmp_path / "faulty", more=GAZE.format(built=built, decided=decided))
    change(lab / "experiment.yaml", "triggers:", "triggers:\n  eyes: {type: gaze}")
    said = command_in(lab, site, faulty)("run", "rig.yaml", "--seconds", "120", code=1)
    named = [line for line in said.splitlines() if expected in line and "faulty 0.1" in line]
    assert named, said
    faults = [line for line in named if "ERROR" in line and not line.startswith("rig ")]  # less the status line
    assert len(faults) <= 1, said
    assert "Traceback" not in said
