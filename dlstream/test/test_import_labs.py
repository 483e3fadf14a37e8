"""`dlstream import` of four labs' folders: every key has its place or its reason, and `dlstream check` passes them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deeplabstream_labs import light_in_the_network, optogenetics, pictures, rewards

from dlstream.importing.convert import Imported, convert_setup
from dlstream.rig.check import checked_rig
from dlstream_common import FramePoses, Individual, Problem, read_yaml
from dlstream_experiment import Command, Engine, load_experiment

CONFIG = Path(__file__).parents[2] / "config"


def imported(settings: Path, config: Path | None, out: Path) -> tuple[Imported, dict[str, Any], dict[str, Any]]:
    """The import; the rig's and the experiment's content. The network is converted meanwhile, and the files checked."""
    done = convert_setup(settings, config, out)
    rig = read_yaml(done.rig)
    shutil.copy(CONFIG / "networks" / "demo_mouse.onnx", out / rig["pose"]["network"])
    warnings: list[Problem] = []
    checked_rig(done.rig, warn=lambda _, problem: warnings.append(problem))
    expected = ("end", "one wave at a time")
    assert not [warning for warning in warnings if not any(words in str(warning) for words in expected)], warnings
    assert done.experiment is not None
    return done, rig, read_yaml(done.experiment)


def lost(done: Imported) -> list[str]:
    return [note.where.rpartition(" ")[2] for note in done.notes if note.lost]


def test_a_realsense_and_light_at_an_ni_card(tmp_path: Path) -> None:
    done, rig, experiment = imported(*optogenetics(tmp_path / "DeepLabStream"), tmp_path / "rig")
    assert lost(done) == []
    assert rig["cameras"]["top"] == {"source": "realsense", "fps": 30.0, "width": 848, "height": 480}
    assert rig["outputs"] == {"laser": {"type": "nidaq", "channel": "Dev1/PFI6"}}
    assert experiment["triggers"]["condition"]["at_most"] == 30
    assert experiment["triggers"]["condition"]["min_confidence"] == 0.9
    assert experiment["protocol"]["limits"] == {"laser": {"session": 600}}
    assert any("stream: depth" in note.todo for note in done.notes)
    assert any("only the process `supply` uses it" in note.todo for note in done.notes)


def test_basler_cameras_and_a_dispenser_that_withdraws(tmp_path: Path) -> None:
    done, rig, experiment = imported(*rewards(tmp_path / "DeepLabStream"), tmp_path / "rig")
    assert lost(done) == []
    assert rig["cameras"]["top"] == {"source": "basler", "fps": 60.0, "crop": [100, 0, 1024, 1000]}
    pi = {"type": "gpio", "address": "192.168.1.20"}
    assert rig["outputs"] == {"reward": {**pi, "pin": 17}, "removal": {**pi, "pin": 27}}
    states = experiment["protocol"]["states"]
    command = {"output": "removal", "action": "on", "values": {"duration": "1.5 s"}}
    assert states["withdraw"]["enter"] == [{"give": command, "seconds": 1.5}]
    assert states["stimulus"]["enter"][1]["seconds"] == 0.4
    assert any("MULTIPLE_DEVICES" in note.where and "add the other cameras" in note.todo for note in done.notes)


def test_a_dispenser_gives_nothing_while_it_withdraws(tmp_path: Path) -> None:
    done, _, _ = imported(*rewards(tmp_path / "DeepLabStream"), tmp_path / "rig")
    assert done.experiment is not None
    engine = Engine(load_experiment(done.experiment))
    inside = np.array([450, 450, 450], np.float32), np.array([500, 500, 500], np.float32), np.ones(3, np.float32)
    said = [(0.0, effect) for effect in engine.start(0)]
    for number in range(30 * 70):  # the mouse never leaves the region
        stamp = number * 1_000_000_000 // 30
        mouse = Individual("mouse", *inside)
        poses = FramePoses("top", number, stamp, ("snout", "neck", "tailbase"), (mouse,))
        said += [(stamp / 1e9, effect) for effect in engine.poses(poses)]
    on = [(time, item.output) for time, item in said if isinstance(item, Command) and item.action == "on"]
    removed = [time for time, output in on if output == "removal"]
    given = [time for time, output in on if output == "reward"]
    assert len(given) == 4
    assert [output for _, output in on[:4]] == ["removal", "reward", "removal", "reward"]
    assert not [time for time in given if any(begin <= time <= begin + 1.5 for begin in removed)]
    assert not [time for time in removed if any(begin <= time <= begin + 0.4 for begin in given)]


def test_light_at_a_pi_in_the_network_comes_again_while_the_animal_stays(tmp_path: Path) -> None:
    """The Pi ends it after the inter-trial time; what counts as the next stimulus has to be one."""
    done, rig, experiment = imported(*light_in_the_network(tmp_path / "DeepLabStream"), tmp_path / "rig")
    assert lost(done) == []
    assert rig["outputs"] == {"laser": {"type": "gpio", "address": "192.168.1.21", "pin": 17}}
    stimulus = experiment["protocol"]["states"]["stimulus"]
    command = {"output": "laser", "action": "on", "values": {"duration": "20 s"}}
    assert stimulus["enter"] == [{"count": "stimulations"}, {"mark": "stimulus"}, {"give": command}]
    assert stimulus["leave"] == [{"withdraw": "laser"}]
    assert "stimuli" not in stimulus
    assert done.experiment is not None
    engine = Engine(load_experiment(done.experiment))
    said = [(0.0, effect) for effect in engine.start(0)]
    for number in range(1, 30 * 70):  # the mouse is in the region from 1 s to 50 s
        stamp = number * 1_000_000_000 // 30
        place = np.full(3, 300 if 30 <= number < 1500 else 10, np.float32), np.full(3, 200, np.float32)
        mouse = Individual("mouse", *place, np.ones(3, np.float32))
        poses = FramePoses("top", number, stamp, ("snout", "neck", "tailbase"), (mouse,))
        said += [(stamp / 1e9, effect) for effect in engine.poses(poses)]
    commands = [(time, item.action) for time, item in said if isinstance(item, Command) and time > 0]
    expected = [(1, "on"), (21, "on"), (41, "on"), (50, "off")]
    assert commands == [(pytest.approx(time, abs=0.1), action) for time, action in expected]
    assert engine.status(0).counts["stimulations"] == 3


def test_an_ip_camera_and_pictures_on_a_screen(tmp_path: Path) -> None:
    picture = CONFIG / "images" / "stripes.png"
    done, rig, experiment = imported(*pictures(tmp_path / "DeepLabStream", str(picture)), tmp_path / "rig")
    assert lost(done) == []
    assert rig["outputs"] == {"screen": {"type": "screen", "images": {"stimulus": str(picture)}}}
    [cue] = experiment["protocol"]["states"]["cue"]["enter"]
    assert cue["give"] == {"output": "screen", "action": "show", "values": {"image": "stimulus"}}
    assert cue["seconds"] == 6
    assert any("give the camera's URL" in note.todo for note in done.notes)


@pytest.mark.parametrize("beside", [True, False])
def test_a_picture_is_found_where_deeplabstream_finds_it_or_named(tmp_path: Path, beside: bool) -> None:
    folder = tmp_path / "DeepLabStream"
    settings, config = pictures(folder, "stimuli/stripes.png")
    if beside:
        (folder / "stimuli").mkdir()
        shutil.copy(CONFIG / "images" / "stripes.png", folder / "stimuli")
    done = convert_setup(settings, config, tmp_path / "rig")
    found = read_yaml(done.rig)["outputs"]["screen"]["images"]["stimulus"]
    assert found == (str(folder / "stimuli" / "stripes.png") if beside else "stimuli/stripes.png")
    assert any("STIM_PATH" in note.where for note in done.notes) is not beside
