"""The rig file's `session`, and the options of the command line that change a rig."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dlstream.cli.main import main
from dlstream.offline.metadata import metadata_for, recorded_metadata
from dlstream.rig.check import checked_rig
from dlstream.rig.nodes import rig_nodes
from dlstream.rig.overrides import Override, overrides_of
from dlstream_common import DlstreamError, InputError
from dlstream_recorder import OfflineSession, SessionMetadata

RIG = """\
rig: test
cameras:
  top: {source: synthetic, width: 640, height: 480, crop: [0, 0, 320, 240]}
recorder: {directory: sessions}
"""


@pytest.fixture
def rig(tmp_path: Path):
    def write(more: str = "", text: str = RIG) -> Path:
        path = tmp_path / "rig.yaml"
        path.write_text(text + more)
        return path

    return write


def recorder_of(path: Path, **options):
    checked, file = checked_rig(path, overrides=overrides_of(**options))
    [node] = [node for node in rig_nodes(checked, file) if node.name == "recorder"]
    return node.parameters


def test_the_recorder_gets_what_the_rig_says_of_the_session(rig):
    found = recorder_of(rig("session: {subject: {subject_id: M12, sex: F, weight: 21.5 g}, experimenter: Ada}\n"))
    assert found["metadata"] == [
        "subject.subject_id=M12",
        "subject.sex=F",
        "subject.weight=21.5 g",
        'experimenter=["Ada"]',
    ]
    assert "changes" not in found


def test_options_change_the_rig_and_are_recorded(rig):
    found = recorder_of(
        rig("session: {notes: calm}\n"),
        subject="M12",
        session="day3",
        notes=["new food", "late"],
        changes=["recorder.video=h264", "cameras.top.crop[2]=160"],
    )
    assert found["metadata"] == ["subject.subject_id=M12", "notes=calm\nnew food\nlate"]
    assert (found["session"], found["video"]) == ("day3", "h264")
    assert found["changes"] == [
        "--set recorder.video=h264",
        "--set cameras.top.crop[2]=160",
        "--subject M12",
        "--session day3",
        "--note new food",
        "--note late",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cameras.top.fps=fast", "--set cameras.top.fps=fast: cameras.top.fps: found 'fast'; expected a number"),
        ("cameras.top.fsp=3", "--set cameras.top.fsp=3: cameras.top.fsp: found the unknown key 'fsp'"),
        (
            "camera.top.fps=3",
            "--set camera.top.fps=3: camera: found the unknown key 'camera'; expected a known key. Did",
        ),
        ("cameras.top.source=vidio", "--set cameras.top.source=vidio: cameras.top.source: found 'vidio'"),
        ("session.subject.sexx=F", "--set session.subject.sexx=F: session.subject.sexx: found the unknown key"),
        ("stop.after=-3", "--set stop.after=-3: stop.after: found -3"),
    ],
)
def test_a_wrong_value_names_its_option(rig, change, said):
    with pytest.raises(InputError) as error:
        recorder_of(rig(), changes=[change])
    [line] = str(error.value).splitlines()
    assert line.startswith(said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cameras.top.fps", "--set: found 'cameras.top.fps'; expected key=value"),
        ("cameras..fps=3", "expected a path such as cameras.top.fps"),
        ("cameras.top.fps=[3", "is a bracket or a quote left open?"),
        ("rig.name=x", "found rig, which is 'test'; expected a section"),
        ("cameras.top.crop[9]=1", "a list of 4; expected a number below that"),
    ],
)
def test_a_change_without_a_place_is_refused(rig, change, said):
    with pytest.raises(DlstreamError) as error:
        recorder_of(rig(), changes=[change])
    assert said in str(error.value)


def test_what_is_checked_later_names_its_option_too(rig, tmp_path):
    (tmp_path / "sessions" / "day3").mkdir(parents=True)
    with pytest.raises(InputError) as error:
        recorder_of(rig(), session="day3")
    assert str(error.value).startswith("--session day3: recorder.session: found the session folder")


def test_the_short_form_of_the_experiment_takes_further_keys(rig, tmp_path):
    path = rig("experiment: mine.yaml\n")
    with pytest.raises(InputError) as error:
        recorder_of(path, changes=["experiment.autostart_run=perhaps"])
    assert "--set experiment.autostart_run=perhaps: experiment.autostart_run: found 'perhaps'" in str(error.value)


def test_what_is_said_of_one_animal_is_not_recorded_for_another(rig):
    path = rig("session: {subject: {subject_id: M11, weight: 21 g, sex: F}}\n")
    with pytest.raises(DlstreamError, match=r"session.subject is M11, with weight, sex of it"):
        recorder_of(path, subject="M12")
    assert recorder_of(path, subject="M11")["metadata"][0] == "subject.subject_id=M11"
    path = rig("session: {subject: {species: mouse}}\n")
    assert recorder_of(path, subject="M12")["metadata"] == ["subject.subject_id=M12", "subject.species=Mus musculus"]
    path = rig("session: {subject: M11}\n")
    assert recorder_of(path, subject="M12")["metadata"] == ["subject.subject_id=M12"]


def test_several_animals_one_of_which_is_picked(rig, monkeypatch, capsys):
    path = rig("session: {subjects: {M11: {sex: F}, M12: {sex: M, weight: 30 g}}, lab: A1}\n")
    assert recorder_of(path, subject="M12")["metadata"] == [
        "subject.subject_id=M12",
        "subject.sex=M",
        "subject.weight=30 g",
        "lab=A1",
    ]
    with pytest.raises(
        InputError, match=r"--subject M13: session.subject: found .*M13.*one of session.subjects. Did you mean 'M1"
    ):
        recorder_of(path, subject="M13")
    monkeypatch.setattr(sys, "argv", ["dlstream", "run", str(path)])
    assert main() == 1
    assert "expected one of session.subjects: M11, M12. Give --subject ID" in capsys.readouterr().out


def test_metadata_of_the_recorder_has_moved(rig):
    with pytest.raises(InputError, match=r"recorder.metadata: found .*; expected none here: the rig's own section"):
        recorder_of(rig(text=RIG.replace("sessions}", "sessions, metadata: [subject=m1]}")))


def test_without_a_recorder_nothing_can_be_recorded(rig):
    text = RIG.partition("recorder")[0]
    with pytest.raises(DlstreamError, match="--subject M12: this rig has no recorder"):
        checked_rig(rig(text=text), overrides=overrides_of(subject="M12"))
    found: list[str] = []
    checked_rig(rig("session: {lab: A1}\n", text), warn=lambda file, problem: found.append(str(problem)))
    assert found == ["session: found lab, which nobody records; expected a section 'recorder'"]


def test_what_is_not_recorded_needs_no_recorder(rig):
    """The options of `dlstream run` and `dlstream check`, and the arguments of rig.launch.py."""
    arguments = [Override("use_sim_time:=false", ("use_sim_time",), False), Override("panel:=true", ("panel",), True)]
    overrides = [Override.namespace("rig2"), *arguments]
    checked, _ = checked_rig(rig(text=RIG.partition("recorder")[0]), overrides=overrides)
    assert (checked.namespace, checked.use_sim_time, checked.panel is not None) == ("rig2", False, True)


def test_an_analysis_keeps_what_its_session_says(rig, tmp_path):
    known = SessionMetadata.model_validate({"subject": {"subject_id": "M11", "sex": "F"}})
    session = OfflineSession(tmp_path / "old", "old", ["top"], 1, None, known)
    session.finish("enough", 2)
    path = rig("session: {subject: M12, lab: A1}\n")
    assert metadata_for(session.folder, path, notes=["again"]).contents() == {**known.contents(), "notes": "again"}
    assert metadata_for(None, path).contents() == {"subject": {"subject_id": "M12"}, "lab": "A1"}
    assert metadata_for(None, None, "M3").contents() == {"subject": {"subject_id": "M3"}}
    with pytest.raises(DlstreamError, match=r"--subject M12: subject.subject_id: found 'M12', where 'M11'"):
        metadata_for(session.folder, None, "M12")


def test_an_older_session_has_other_words(tmp_path):
    session = OfflineSession(tmp_path / "old", "old", ["top"], 1)
    session.finish("enough", 2)
    file = session.folder / "session.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "metadata": {"subject": "m1", "cage": "3"}}))
    assert recorded_metadata(session.folder).contents() == {"other": {"subject": "m1", "cage": "3"}}


@pytest.mark.parametrize(("name", "place"), [("&both", "*both"), ("&both", "{<<: *both}")])
def test_a_change_concerns_one_place_where_the_file_says_a_thing_once_for_two(rig, name, place):
    cameras = f"  left: {name} {{source: synthetic, width: 640, height: 480, crop: &crop [0, 0, 320, 240]}}\n"
    path = rig(text=f"rig: test\ncameras:\n{cameras}  right: {place}\nrecorder: {{directory: sessions}}\n")
    changes = ["cameras.left.seed=7", "cameras.left.crop[2]=160"]
    checked, _ = checked_rig(path, overrides=overrides_of(changes=changes))
    left, right = checked.cameras["left"], checked.cameras["right"]
    assert (left.seed, list(left.crop)) == (7, [0, 0, 160, 240])
    assert (right.seed, list(right.crop)) == (0, [0, 0, 320, 240])


def test_a_date_of_birth_and_names_that_yaml_reads_as_numbers(rig):
    found = recorder_of(rig("session: {subject: {subject_id: M1, date_of_birth: 2026-08-01}}\n"))
    assert "subject.date_of_birth=2026-08-01" in found["metadata"]
    with pytest.raises(InputError, match=r"found '2026-8-1'; expected a date, such as 2026-08-01"):
        checked_rig(rig("session: {subject: {date_of_birth: 2026-8-1}}\n"))
    for name in ("007", "12_3", "1.10", "true"):
        with pytest.raises(InputError, match=r"rig.yaml:5: session.subjects.*write it in quotes, as in '007'"):
            checked_rig(rig(f"session: {{subjects: {{{name}: {{sex: F}}}}}}\n"))
        with pytest.raises(InputError, match=r"session.subject: found .*a text: write it in quotes"):
            checked_rig(rig(f"session: {{subject: {name}}}\n"))


def test_an_option_finds_a_name_that_is_a_number(rig):
    path = rig("session: {subjects: {7: {sex: F, age: P90D}}}\n")
    found = recorder_of(path, subject="7", changes=["session.subjects.7.species=mouse"])
    assert {"subject.sex=F", "subject.age=P90D", "subject.species=Mus musculus"} <= {*found["metadata"]}
