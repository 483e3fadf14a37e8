"""DeepLabStream's INI files of any kind and damage: what is read, what is named, what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from deeplabstream_files import CONDITIONAL, FIRST, NEWEST, imported
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from dlstream.cli.main import app
from dlstream.importing.convert import convert_setup, import_setup
from dlstream.rig.file import load_rig
from dlstream_common import DlstreamError, InputError, read_yaml
from dlstream_experiment import load_experiment

ALL_IN_ONE = """\
[EXPERIMENT]
BASE = BaseOptogeneticExperiment
EXP_TIME = 60
MIN_STIM_TIME = 2
MAX_STIM_TIME = 7
MAX_TOTAL_STIM_TIME = 100
INTERTRIAL_TIME = 11
TRIGGER = BaseRegionTrigger

[BaseRegionTrigger]
CENTER = 200, 150
RADIUS = 30
BODYPARTS = neck
FOO = 12
RADUIS = 4

[REGION]

[BaseSpeedTrigger]
THRESHOLD = 3

[STIMULATION]
STIM_DEVICE = Dev1/PFI6
"""


def test_all_keys_in_one_section_are_taken_as_well(tmp_path: Path):
    _, experiment, _ = imported(tmp_path, NEWEST, ALL_IN_ONE)
    protocol = experiment.protocol.model_dump()
    longest, shortest = protocol["states"]["stimulus"]["transitions"]
    assert (longest["longer_than"], shortest["after"]) == (7, 2)
    assert [stop[key] for stop, key in zip(protocol["stop"], ("longer_than", "reaches"), strict=True)] == [60, 100]
    assert protocol["states"]["pause"]["transitions"][0]["longer_than"] == 11
    assert experiment.triggers["condition"].model_dump()["keypoints"] == ("neck",)


def test_what_nobody_reads_is_named_with_its_line(tmp_path: Path):
    _, _, notes = imported(tmp_path, NEWEST + "UNKNOWN = 4\n", ALL_IN_ONE)
    assert "mine.ini:14: [BaseRegionTrigger] FOO = 12: could not be imported: the key is not known here" in notes
    assert "mine.ini:15: [BaseRegionTrigger] RADUIS = 4: could not" in notes
    assert "Did you mean RADIUS?" in notes
    assert "mine.ini:17: [REGION] = nothing: could not be imported: the section is not known" in notes
    assert "mine.ini:19: [BaseSpeedTrigger] = THRESHOLD: left out, not needed: TRIGGER names another one" in notes
    assert "mine.ini:23: [STIMULATION] STIM_DEVICE = Dev1/PFI6: could not be imported: the section" in notes
    assert "[IPWEBCAM] UNKNOWN" not in notes, "the section as a whole is not needed"
    assert "[IPWEBCAM] = PORT, UNKNOWN: left out, not needed" in notes


def test_the_templates_values_are_listed_and_the_lost_keys_counted(tmp_path: Path):
    (tmp_path / "settings.ini").write_text(NEWEST)
    (tmp_path / "mine.ini").write_text(ALL_IN_ONE.replace("MIN_STIM_TIME", "MIN_TIME").replace("EXP_TIME", "TIME"))
    console = Console(record=True, width=300, file=io.StringIO())
    done = import_setup(tmp_path / "settings.ini", tmp_path / "mine.ini", tmp_path / "out", False, console)
    assert dict(done.template) == {
        "protocol.stop[0].longer_than": "3600",
        "protocol.states.stimulus.transitions[1].after": "3",
    }
    said = console.export_text()
    assert "protocol.stop[0].longer_than = 3600" in said
    assert "6 keys could not be imported" in said


def test_a_configurable_experiment_needs_its_second_file(tmp_path: Path):
    text = NEWEST.replace("EXP_ORIGIN = BASE", "EXP_ORIGIN = basic")
    text = text.replace("EXP_NAME = Mine", "EXP_NAME = BaseOptogeneticExperiment")
    file, experiment, notes = imported(tmp_path, text)
    assert experiment is None
    assert "give its .ini as the second argument" in notes
    assert "Did you mean" not in notes
    assert "experiment:" not in file.read_text()
    outcome = CliRunner().invoke(app, ["import", str(tmp_path / "settings.ini"), "--out", str(tmp_path / "cli")])
    assert outcome.exit_code == 1
    assert "No experiment file was written" in outcome.stdout
    _, experiment, _ = imported(tmp_path / "out", text, ALL_IN_ONE.replace("BASE = BaseOptogeneticExperiment\n", ""))
    assert experiment is not None, "the settings name the base"


@pytest.mark.parametrize("line", ["RADIUS = 4", "radius: 4", "[BaseRegionTrigger]", "[BASEREGIONTRIGGER]\nRADIUS = 4"])
def test_what_is_said_twice_is_refused(tmp_path: Path, line: str):
    text = ALL_IN_ONE.replace("FOO = 12", line)
    with pytest.raises(InputError, match=r"mine.ini:1[45]: \[B.*found it a second time; expected it once"):
        imported(tmp_path, NEWEST, text)


def test_the_line_of_a_key_is_that_of_its_own_file(tmp_path: Path):
    (tmp_path / "advanced_settings.ini").write_text("# first\n[Streaming]\nSTACK_FRAMES = True\n")
    assert "advanced_settings.ini:3: [Streaming] STACK_FRAMES" in imported(tmp_path, FIRST)[2]


def test_a_video_and_its_loop(tmp_path: Path):
    text = NEWEST.replace("STREAMING_SOURCE = camera", "STREAMING_SOURCE = video").replace("PATH_TO_VIDEO", "no.mp4")
    file, _, notes = imported(tmp_path, text.replace("[IPWEBCAM]", "REPEAT_VIDEO = True\n[IPWEBCAM]"))
    assert "no.mp4: there is no such file here" in notes
    assert "loop: true" in file.read_text()
    with pytest.raises(InputError, match=r"no\.mp4"):
        load_rig(file)


def test_files_that_are_there_are_kept(tmp_path: Path):
    imported(tmp_path, FIRST)
    with pytest.raises(DlstreamError, match="exists already"):
        convert_setup(tmp_path / "settings.ini", None, tmp_path / "out")
    import_setup(tmp_path / "settings.ini", None, tmp_path / "out", True, Console(quiet=True))


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("RESOLUTION = 3\n", 1, "text before the first section"),
        ("[Streaming]\n  = 3\n\n%%\n]\n", None, "found"),
        ("", 1, "no sections"),
        ("[Streaming]\nMODEL\n  resnet\n", 2, "a key without a value above an indented line"),
    ],
)
def test_what_is_no_ini_file_is_refused(tmp_path: Path, text: str, line: int | None, expected: str):
    (tmp_path / "settings.ini").write_text(text)
    try:
        convert_setup(tmp_path / "settings.ini", None, tmp_path / "out")
    except InputError as error:
        assert expected in str(error)
        assert line is None or error.problems[0].line == line
    with pytest.raises(InputError, match="no readable file"):
        convert_setup(tmp_path / "none.ini", None, tmp_path / "out")


CONFIG = CONDITIONAL.format(trigger="BaseRegionTrigger", process="switch")
VALUES = ["", "-1", "nan", "1e400", "999999999", "a, b", "1, 2, 3", "None", "'", "%(x)s", "\u00e9" * 50, "True", "../x"]


def changed(text: str, changes: list[tuple[int, int, str]]) -> str:
    lines = text.splitlines()
    for place, kind, value in changes:
        number = place % len(lines)
        key = lines[number].partition("=")[0]
        if kind == 0:
            lines[number] = f"{key}= {value}"
        elif kind == 1:
            lines[number] = value
        elif kind == 2:
            lines.insert(number, lines[place // 7 % len(lines)])
        elif len(lines) > 1:
            del lines[number]
    return "\n".join(lines)


changes = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 3), st.sampled_from(VALUES)), max_size=6)


@pytest.mark.slow
@given(first=changes, second=changes, old=st.booleans())
@settings(max_examples=30, deadline=None)
def test_whatever_the_files_hold_it_is_imported_or_refused(tmp_path_factory, first, second, old):
    folder = tmp_path_factory.mktemp("mutated")
    (folder / "settings.ini").write_text(changed(FIRST if old else NEWEST, first), encoding="utf-8")
    (folder / "mine.ini").write_text(changed(CONFIG, second), encoding="utf-8")
    try:
        done = convert_setup(folder / "settings.ini", None if old else folder / "mine.ini", folder / "out")
    except InputError as error:
        assert error.problems
    else:
        assert done.rig.is_file()
        if done.experiment:
            load_experiment(done.experiment)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028", "\x85"])
def test_ini_files_of_any_encoding_and_line_end(tmp_path, encoding, end):
    settings = tmp_path / "settings.ini"
    text = "[Streaming]\nRESOLUTION = 960, 540\nFRAMERATE = 25\nCAMERA_SOURCE = 0\n"
    settings.write_bytes(text.replace("\n", end).encode(encoding))
    done = convert_setup(settings, None, tmp_path / "out")
    camera = read_yaml(done.rig)["cameras"]["top"]
    assert (camera["width"], camera["height"], camera["fps"]) == (960, 540, 25.0)
    assert any(note.where.startswith("settings.ini:4:") for note in done.notes)


def test_a_decimal_comma_is_told_once_with_the_point(tmp_path):
    settings = tmp_path / "settings.ini"
    settings.write_text("[Streaming]\nRESOLUTION = 960, 540\nFRAMERATE = 29,97\nCAMERA_SOURCE = 0\n")
    notes = [note for note in convert_setup(settings, None, tmp_path / "out").notes if "FRAMERATE" in note.where]
    [note] = notes
    assert (note.found, note.lost) == ("29,97", True)
    assert "with a decimal point, 29.97" in note.todo


def test_the_written_experiment_does_not_repeat_what_the_template_says_of_its_keypoints(tmp_path):
    settings, config = tmp_path / "settings.ini", tmp_path / "opto.ini"
    settings.write_text("[Streaming]\nRESOLUTION = 1280,1024\n[Experiment]\nEXP_ORIGIN = BASE\nEXP_NAME = opto\n")
    config.write_text(
        "[EXPERIMENT]\nBASE = BaseOptogeneticExperiment\n[BaseOptogeneticExperiment]\nTRIGGER = "
        "BaseHeaddirectionTrigger\n[BaseHeaddirectionTrigger]\nPOINT = 550, 63\nANGLE = 30\nBODYPARTS = nose, neck\n"
    )
    done = convert_setup(settings, config, tmp_path / "out")
    text = done.experiment.read_text()
    assert "nose" in text
    assert "Keypoints:" not in text
    assert "848x480" not in text


@pytest.mark.parametrize(
    ("lines", "camera", "note"),
    [
        ("CAMERA_SOURCE = Basler", {"source": "basler", "fps": 25.0}, "the part of the sensor that is read out"),
        (
            "CAMERA_SOURCE = realsense\nSTREAMS = color, depth\nCROP = True\nCROP_X = 0, 100\nCROP_Y = 0, 100",
            {"source": "realsense", "fps": 25.0, "width": 960, "height": 540, "crop": [0, 0, 100, 100]},
            "`stream: depth`",
        ),
        (
            "STREAMING_SOURCE = RealSense\nCAMERA_SOURCE = 0",
            {"source": "realsense", "fps": 25.0, "width": 960, "height": 540},
            "",
        ),
        ("STREAMING_SOURCE = basler\nCAMERA_SOURCE = 0", {"source": "basler", "fps": 25.0}, "sensor"),
        (
            "CAMERA_SOURCE = 1",
            {"source": "opencv", "device": 1, "fps": 25.0, "width": 960, "height": 540},
            "for a Basler camera write `source: basler`",
        ),
    ],
)
def test_cameras_with_a_library_of_their_own_keep_it(tmp_path, lines, camera, note):
    file, _, notes = imported(tmp_path, f"[Streaming]\nRESOLUTION = 960, 540\nFRAMERATE = 25\n{lines}\n")
    assert dict(read_yaml(file)["cameras"]["top"]) == camera
    assert note in notes


def test_a_realsense_gets_a_rate_that_it_takes(tmp_path):
    file, _, notes = imported(tmp_path, "[Streaming]\nCAMERA_SOURCE = realsense\nFRAMERATE = 29.97\n")
    assert dict(read_yaml(file)["cameras"]["top"]) == {"source": "realsense", "fps": 30.0}
    assert "a RealSense has rates such as" in notes
