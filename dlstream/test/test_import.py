"""`dlstream import`: DeepLabStream's settings in both of its layouts, and whatever else an ini file may hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from deeplabstream_files import CONDITIONAL, FIRST, NEWEST, OPTOGENETIC, TRIAL, file_without_network, imported

from dlstream.rig.file import load_rig
from dlstream_common import FramePoses, Individual
from dlstream_experiment import Command, Engine, Experiment, check_experiment


def test_the_first_layout(tmp_path: Path):
    file, experiment, notes = imported(tmp_path, FIRST)
    rig = load_rig(file_without_network(file))
    camera = rig.cameras["top"].model_dump()
    assert (camera["source"], camera["device"], camera["fps"]) == ("opencv", "2", 25)
    assert (camera["width"], camera["height"]) == (848, 480)
    assert "openfield-trainset95shuffle1.onnx" in file.read_text()
    assert rig.recorder.directory.name == "results"
    assert rig.experiment.file.name == "example.yaml"
    assert experiment.experiment == "example"
    assert check_experiment(experiment, cameras=rig.cameras, outputs=rig.outputs) == []
    for word in ("settings.ini:6: [Streaming] MULTIPLE_DEVICES", "settings.ini:11: [DeepLabCut] MODEL", "DLC_PATH"):
        assert word in notes
    assert 'make convert-tf ARGS="EXPORTED_FOLDER openfield-trainset95shuffle1.onnx --frames VIDEO"' in notes
    assert "docs/how-to/networks.md" in notes
    assert "device: 2\n" in file.read_text(), "a number, as in the included rig files"
    assert "$schema" not in file.read_text() + experiment.text, "no path of this machine"


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("BaseRegionTrigger", {"type": "region", "keypoints": ("neck", "nose"), "inside": True, "match": "any"}),
        ("BaseOutsideRegionTrigger", {"type": "region", "inside": False, "match": "all"}),
        ("BaseHeaddirectionTrigger", {"type": "head_direction", "neck": "neck", "nose": "nose", "at_most": 25}),
        ("BaseEgoHeaddirectionTrigger", {"type": "ego_head_direction", "side": "left", "at_least": 140}),
        ("BaseScreenTrigger", {"type": "direction", "start": "neck", "end": "nose", "edge": "west", "at_most": 60}),
        ("BaseHeaddirectionROITrigger", {"type": "head_direction_region", "inside": False, "keypoint": "neck"}),
        ("BaseSpeedTrigger", {"type": "speed", "keypoints": ("nose", "neck", "tailroot"), "at_least": 130}),
        ("BaseFreezeTrigger", {"type": "freeze", "keypoints": ("tailroot",), "at_most": 50}),
    ],
)
def test_the_newest_layout_with_every_trigger(tmp_path: Path, trigger: str, expected: dict[str, object]):
    config = CONDITIONAL.format(trigger=trigger, process="switch")
    file, experiment, notes = imported(tmp_path, NEWEST, config)
    made = experiment.triggers["condition"].model_dump()
    assert {key: made[key] for key in expected} == expected
    assert made["min_confidence"] == 0.8
    protocol = experiment.protocol.model_dump()
    assert protocol["stop"][0]["longer_than"] == 1200
    assert protocol["states"]["pause"]["transitions"][0]["longer_than"] == 12
    assert experiment.metadata == {"experimenter": "Ada"}
    rig = load_rig(file_without_network(file))
    camera = rig.cameras["top"].model_dump()
    assert (camera["device"], camera["crop"]) == ("1", [100, 20, 400, 300])
    assert rig.recorder.video == "none"
    sizes = {"top": (400, 300)}
    warnings = check_experiment(experiment, cameras=rig.cameras, outputs=rig.outputs, image_sizes=sizes)
    assert warnings == [], "no region is left that nothing uses"
    assert "Mouse_Net.onnx" in notes
    assert "HANDLE_MISSING" in notes
    assert "[BaseStimulation] PORT = Dev1/PFI6" in notes


def test_the_process_supply_gives_a_timed_stimulus(tmp_path: Path):
    _, experiment, _ = imported(tmp_path, NEWEST, CONDITIONAL.format(trigger="BaseRegionTrigger", process="supply"))
    state = experiment.protocol.model_dump()["states"]["stimulus"]
    assert 2.5 in [action["seconds"] for action in state["enter"]]


def test_the_optogenetic_experiment(tmp_path: Path):
    _, experiment, _ = imported(tmp_path, NEWEST, OPTOGENETIC)
    protocol = experiment.protocol.model_dump()
    longest, shortest = protocol["states"]["stimulus"]["transitions"]
    assert (longest["longer_than"], shortest["after"]) == (11, 2)
    assert protocol["limits"]["laser"]["session"] == 300
    assert protocol["stop"][1]["reaches"] == 300


@pytest.mark.parametrize("none", ["None", "none", "0", "0.0"])
def test_no_total_of_light_is_none_and_told(none: str, tmp_path: Path):
    _, experiment, notes = imported(tmp_path, NEWEST, OPTOGENETIC.replace("STIM_TIME = 300", f"STIM_TIME = {none}"))
    protocol = experiment.protocol.model_dump(exclude_none=True)
    assert protocol["limits"] == {}
    assert [stop["longer_than"] for stop in protocol["stop"]] == [900]
    assert f"[BaseOptogeneticExperiment] MAX_TOTAL_STIM_TIME = {none}: no total, as in DeepLabStream" in notes


def test_a_total_that_is_not_given_stays_the_templates_and_is_listed(tmp_path: Path):
    _, experiment, notes = imported(tmp_path, NEWEST, OPTOGENETIC.replace("MAX_TOTAL_STIM_TIME = 300\n", ""))
    assert experiment.protocol.model_dump()["limits"]["laser"]["session"] == 500
    assert "no total" not in notes


def test_a_length_that_an_experiment_has_no_use_for_is_told(tmp_path: Path):
    _, _, notes = imported(tmp_path, NEWEST, OPTOGENETIC.replace("EXP_TIME = 900", "EXP_TIME = 900\nEXP_LENGTH = 40"))
    assert "EXP_LENGTH" in notes


def test_the_trial_experiment(tmp_path: Path):
    _, experiment, notes = imported(tmp_path, NEWEST, TRIAL)
    protocol = experiment.protocol.model_dump()
    assert protocol["trials"]["repeat"] == 33
    assert protocol["states"]["cue"]["transitions"][0]["longer_than"] == 9
    assert protocol["states"]["cue"]["enter"][0]["seconds"] == 8
    assert "21" in protocol["states"]["success"]["transitions"][0]["reason"]
    assert "RESULT_FUNC" in notes
    assert experiment.triggers["begin"].model_dump()["frame"] == (400, 300), "after the crop"


def test_an_experiment_of_ones_own_is_reported(tmp_path: Path):
    text = NEWEST.replace("EXP_ORIGIN = BASE", "EXP_ORIGIN = CUSTOM").replace(
        "EXP_NAME = Mine", "EXP_NAME = SpedExperiment"
    )
    file, experiment, notes = imported(tmp_path, text)
    assert experiment is None
    assert "Did you mean 'SpeedExperiment'?" in notes
    assert "experiment:" not in file.read_text()


def test_what_contradicts_itself_or_is_not_certain_is_told(tmp_path: Path):
    settings = NEWEST.replace("CAMERA_SOURCE = 1", "CAMERA_SOURCE = None")
    settings = settings.replace("[Experiment]", "ANIMALS_NUMBER = 2\n[Experiment]")
    config = OPTOGENETIC.replace("MIN_STIM_TIME = 2", "MIN_STIM_TIME = 12")
    file, _, notes = imported(tmp_path, settings, config)
    assert "device: 0\n" in file.read_text()
    assert "[BaseOptogeneticExperiment] MIN_STIM_TIME = 12: more than MAX_STIM_TIME (11 s), which comes first" in notes
    assert "ANIMALS_NUMBER = 2: the network defines how many animals there are" in notes


def test_inside_or_outside_is_told(tmp_path: Path):
    config = CONDITIONAL.format(trigger="BaseHeaddirectionROITrigger", process="switch")
    _, _, notes = imported(tmp_path, NEWEST, config)
    assert "ROI_BODYPARTS = neck: DeepLabStream's two versions disagree: here true outside, or `inside: true`" in notes


def on_while_the_head_points(experiment: Experiment, names: tuple[str, str, str], right: bool) -> bool:
    """Whether the trigger's output is on for an animal, left of everything, that looks to the right or to the left."""
    places = {"nose": (70 if right else 30, 63), "neck": (50, 63), "tailroot": (30 if right else 70, 63)}
    x, y = np.array([places[part] for part in ("nose", "neck", "tailroot")], np.float32).T
    engine = Engine(experiment)
    engine.start(0)
    poses = FramePoses("top", 1, 1_000_000, names, (Individual("mouse", x, y, np.ones(3, np.float32)),))
    return any(isinstance(effect, Command) and effect.action != "off" for effect in engine.poses(poses))


@pytest.mark.parametrize("trigger", ["BaseHeaddirectionTrigger", "BaseScreenTrigger", "BaseHeaddirectionROITrigger"])
@pytest.mark.parametrize(
    ("parts", "names", "at_it", "said"),
    [
        ("neck, nose", ("nose", "neck", "tailroot"), True, "taken as neck -> nose: true while the head points at it"),
        ("nose, neck", ("nose", "neck", "tailroot"), True, "for that, write `at_least: 150` in the place of"),
        ("Neck,Snout_tip", ("Snout_tip", "Neck", "tail"), True, "taken as Neck -> Snout_tip: true"),
        ("a, b", ("b", "a", "c"), True, "taken as a -> b, by the order, as DeepLabStream does"),
        ("b, a", ("b", "a", "c"), False, "taken as b -> a, by the order, as DeepLabStream does"),
    ],
)
def test_a_head_points_as_in_deeplabstream_in_either_order(
    tmp_path: Path, trigger: str, parts: str, names: tuple[str, str, str], at_it: bool, said: str
):
    config = CONDITIONAL.format(trigger=trigger, process="switch").replace("DIRECTION = West", "DIRECTION = East")
    config = config.replace("BODYPARTS = nose, neck\n", f"BODYPARTS = {parts}\n").replace("ANGLE = 60", "ANGLE = 30")
    config = config.replace("ANGLE = 25", "ANGLE = 30").replace("ROI_BODYPARTS = neck", f"ROI_BODYPARTS = {names[1]}")
    settings = NEWEST.replace("ALL_BODYPARTS = nose, neck, tailroot", f"ALL_BODYPARTS = {', '.join(names)}")
    _, experiment, notes = imported(tmp_path, settings, config)
    assert experiment is not None
    assert on_while_the_head_points(experiment, names, right=True) is at_it
    assert on_while_the_head_points(experiment, names, right=False) is not at_it
    assert said in notes


@pytest.mark.parametrize(
    "parts", ["nose, neck, tailroot", "neck, nose, tailroot", "tailroot, neck, nose", "neck, nose"]
)
def test_a_turned_head_has_its_parts_by_their_names(tmp_path: Path, parts: str):
    config = CONDITIONAL.format(trigger="BaseEgoHeaddirectionTrigger", process="switch")
    config = config.replace("BODYPARTS = nose, neck, tailroot", f"BODYPARTS = {parts}")
    _, experiment, notes = imported(tmp_path, NEWEST, config)
    made = experiment.triggers["condition"].model_dump()
    assert (made["tailroot"], made["neck"], made["nose"]) == ("tailroot", "neck", "nose")
    assert f"BODYPARTS = {parts}: taken as tailroot -> neck -> nose; DeepLabStream goes by the order" in notes
