"""`dlstream import`: the devices of DeepLabStream's stimulation as outputs of the rig."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstream.importing.convert import convert_setup
from dlstream.rig.file import load_rig
from dlstream_common import read_yaml
from dlstream_experiment import check_experiment, load_experiment

SETTINGS = "[Streaming]\nRESOLUTION = 848, 480\nFRAMERATE = 30\n[Experiment]\nEXP_ORIGIN = BASE\nEXP_NAME = Mine\n"
REGION = "[BaseRegionTrigger]\nTYPE = circle\nCENTER = 200, 150\nRADIUS = 30\nBODYPARTS = neck\n"
BASES = {
    "conditional": "BASE = BaseConditionalExperiment\nTRIGGER = BaseRegionTrigger\nINTERTRIAL_TIME = 12\n",
    "supply": "BASE = BaseConditionalExperiment\nTRIGGER = BaseRegionTrigger\nINTERTRIAL_TIME = 12\n",
    "optogenetic": "BASE = BaseOptogeneticExperiment\nTRIGGER = BaseRegionTrigger\nMAX_STIM_TIME = 9\n",
    "trial": "BASE = BaseTrialExperiment\nTRIGGER = BaseRegionTrigger\nTRIAL_TRIGGER = BaseRegionTrigger\n"
    "STIMULUS_TIME = 4\n",
}
STATES = {
    "conditional": ("laser", "stimulus", lambda state: (state.get("stimuli") or [state["enter"][-1].get("give")])[0]),
    "supply": ("reward", "stimulus", lambda state: state["enter"][1]["give"]),
    "optogenetic": ("laser", "stimulus", lambda state: state["stimuli"][0]),
    "trial": ("stimulus", "cue", lambda state: state["enter"][0]["give"]),
}
LONGEST = {"conditional": 12, "supply": 2.5, "optogenetic": 9, "trial": 4}


def imported(folder: Path, base: str, device: str, stimulation: str = "BaseStimulation"):
    """The outputs of the rig, the stimulus of the experiment, and the notes; the files pass the check."""
    (folder / "settings.ini").write_text(SETTINGS)
    kind = "supply" if base == "supply" else "switch"
    process = f"[BaseProtocolProcess]\nTYPE = {kind}\nSTIMULATION = {stimulation}\n"
    text = f"[EXPERIMENT]\n{BASES[base]}{process}[{stimulation}]\n{device}\n{REGION}"
    (folder / "mine.ini").write_text(text)
    done = convert_setup(folder / "settings.ini", folder / "mine.ini", folder / "out")
    content = read_yaml(done.rig)
    rig = load_rig(done.rig)
    experiment = load_experiment(done.experiment)
    check_experiment(experiment, cameras=rig.cameras, outputs=rig.outputs, image_sizes={"top": (848, 480)})
    name, state, stimulus = STATES[base]
    told = stimulus(read_yaml(done.experiment)["protocol"]["states"][state])
    assert told["output"] == name
    return dict(content["outputs"][name]), told, done.notes


@pytest.mark.parametrize("base", list(BASES))
def test_an_arduino_gets_its_bare_bytes(tmp_path, base):
    output, told, notes = imported(tmp_path, base, "TYPE = ARDUINO\nPORT = /dev/ttyACM0\nIP = None\nSTIM_TIME = 2.5")
    assert output == {"type": "serial", "port": "/dev/ttyACM0"}
    assert told["action"] == "on"
    assert "values" not in told
    assert not [
        note for note in notes if note.lost and "[BaseStimulation]" in note.where and "STIM_TIME" not in note.where
    ]
    assert any("takes H and L" in note.todo for note in notes)


@pytest.mark.parametrize("base", list(BASES))
@pytest.mark.parametrize("port", ["22", "GPIO22", "BCM22"])
def test_a_pin_of_the_pi(tmp_path, base, port):
    output, told, _ = imported(tmp_path, base, f"TYPE = RASPBERRY\nPORT = {port}\nSTIM_TIME = 2.5")
    assert output == {"type": "gpio", "pin": 22}
    assert "values" not in told


@pytest.mark.parametrize("base", list(BASES))
def test_a_pi_in_the_network_ends_each_stimulus_by_itself(tmp_path, base):
    device = "TYPE = RASP_NETWORK\nPORT = 22\nIP = 192.168.0.7\nSTIM_TIME = 2.5"
    output, told, notes = imported(tmp_path, base, device)
    assert output == {"type": "gpio", "pin": 22, "address": "192.168.0.7"}
    assert told["values"] == {"duration": f"{LONGEST[base]:g} s"}
    assert any("after which the Pi ends it" in note.todo for note in notes)


def test_a_reward_dispenser(tmp_path):
    device = "TYPE = RASPBERRY\nSTIM_PORT = 5\nREMOVAL_PORT = 6\nSTIM_TIME = 2.5\nREMOVAL_TIME = 3"
    output, _, notes = imported(tmp_path, "supply", device, "RewardDispenser")
    assert output == {"type": "gpio", "pin": 5}
    assert read_yaml(tmp_path / "out" / "rig.mine.yaml")["outputs"]["removal"] == {"type": "gpio", "pin": 6}
    protocol = read_yaml(tmp_path / "out" / "mine.yaml")["protocol"]
    removal = {"give": {"output": "removal", "action": "on"}, "seconds": 3}
    assert protocol["states"]["withdraw"] == {
        "enter": [removal],
        "transitions": [{"longer_than": 3.1, "go": "ready"}],
    }
    assert (protocol["start"], protocol["states"]["ready"].get("enter")) == ("withdraw", None)
    assert protocol["states"]["stimulus"]["transitions"] == [{"longer_than": 12, "go": "withdraw"}]
    assert not any(note.lost and "REMOVAL" in note.where for note in notes)


def test_a_dispenser_withdraws_once_it_has_given_however_short_the_pause(tmp_path):
    device = "TYPE = RASPBERRY\nSTIM_PORT = 5\nREMOVAL_PORT = 6\nSTIM_TIME = 15\nREMOVAL_TIME = 3"
    imported(tmp_path, "supply", device, "RewardDispenser")
    states = read_yaml(tmp_path / "out" / "mine.yaml")["protocol"]["states"]
    assert states["stimulus"]["transitions"] == [{"longer_than": 15.1, "go": "withdraw"}]


ALL_DEVICES = """\
[RewardDispenser]
TYPE = NI
IP = None
STIM_PORT = Dev1/PFI1
REMOVAL_PORT = Dev1/PFI5
STIM_TIME = 9
REMOVAL_TIME = 8
[ScreenStimulation]
TYPE = image
STIM_PATH = PATH_TO_IMAGE
BACKGROUND_PATH = PATH_TO_BACKGROUND
"""


@pytest.mark.parametrize("base", ["conditional", "supply"])
def test_of_all_devices_in_a_file_only_the_one_that_is_named_counts(tmp_path, base):
    """DeepLabStream's own default_config.ini has the sections of all."""
    output, _, notes = imported(tmp_path, base, "TYPE = NI\nPORT = Dev1/PFI6\nSTIM_TIME = 2.5\n" + ALL_DEVICES)
    assert output == {"type": "nidaq", "channel": "Dev1/PFI6"}
    if base == "supply":
        [_, given, *_] = read_yaml(tmp_path / "out" / "mine.yaml")["protocol"]["states"]["stimulus"]["enter"]
        assert given["seconds"] == 2.5
    assert [note.where for note in notes if note.lost and ("Dispenser" in note.where or "Screen" in note.where)] == []
    assert sum("the experiment uses another process" in note.todo for note in notes) == 2


def test_a_network_that_is_not_named_loses_no_other_key(tmp_path):
    flags = "MODEL_ORIGIN = MODEL_ORIGIN\nMODEL_PATH = PATH_TO_MODEL\nMODEL_NAME = NAME_OF_MODEL\n"
    flags += "FLATTEN_MA = FALSE\nSPLIT_MA = FALSE\nHANDLE_MISSING = skip\nANIMALS_NUMBER = 1\n"
    (tmp_path / "settings.ini").write_text(SETTINGS + "[Pose Estimation]\n" + flags)
    done = convert_setup(tmp_path / "settings.ini", None, tmp_path / "out")
    assert not [note for note in done.notes if note.lost and "Pose Estimation" in note.where]


@pytest.mark.parametrize("line", ["Dev1/port1/line6", "Dev1/PFI6"])
def test_the_lines_of_an_ni_card(tmp_path, line):
    output, _, _ = imported(tmp_path, "conditional", f"TYPE = NI\nPORT = {line}\nIP = None")
    assert output == {"type": "nidaq", "channel": line}


def test_a_windows_port_is_to_be_corrected(tmp_path):
    output, _, notes = imported(tmp_path, "conditional", "TYPE = ARDUINO\nPORT = COM3")
    assert output["port"] == "COM3"
    assert any("PORT" in note.where and "/dev/ttyACM0" in note.todo for note in notes)


@pytest.mark.parametrize(
    "device",
    [
        "TYPE = NI\nPORT = Dev1/ai6",
        "TYPE = RASPBERRY\nPORT = BOARD11",
        "TYPE = RASPBERRY\nPORT = 28",
        "TYPE = RASP_NETWORK\nPORT = 17",
        "TYPE = RASP_NETWORK\nPORT = 17\nIP = None",
        "TYPE = ARDUINO",
        "TYPE =",
        "PORT = 17",
    ],
)
def test_what_does_not_name_a_device_stays_a_log_with_its_keys_listed(tmp_path, device):
    (tmp_path / "settings.ini").write_text(SETTINGS)
    output, _, notes = imported(tmp_path, "conditional", device)
    assert output == {"type": "log"}
    for line in device.splitlines():
        key, _, value = line.partition(" =")
        if value.strip() not in ("", "None"):
            assert any(note.lost and key in note.where for note in notes), key


@settings(max_examples=30)
@pytest.mark.slow
@given(
    st.sampled_from(list(BASES)),
    st.sampled_from(["ARDUINO", "RASPBERRY", "RASP_NETWORK", "arduino", "x"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0[]"), max_size=12),
    st.text(st.characters(codec="ascii", exclude_characters="\r\n\0[]"), max_size=12),
)
def test_whatever_a_device_is_called_the_files_are_written(tmp_path_factory, base, kind, port, host):
    (folder := tmp_path_factory.mktemp("import"))
    (folder / "settings.ini").write_text(SETTINGS)
    device = f"TYPE = {kind}\nPORT = {port}\nIP = {host}"
    (folder / "mine.ini").write_text(
        f"[EXPERIMENT]\n{BASES[base]}[BaseStimulation]\n{device}\n{REGION}", encoding="utf-8"
    )
    done = convert_setup(folder / "settings.ini", folder / "mine.ini", folder / "out")
    assert read_yaml(done.rig)["outputs"]
