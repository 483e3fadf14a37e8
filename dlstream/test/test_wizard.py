"""`dlstream experiment new`: by questions on a real terminal, and from a template without questions."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from dlstream.authoring.draft import Draft
from dlstream.authoring.explain import Known
from dlstream.authoring.templates import Template, find_template, templates
from dlstream_common import DlstreamError, InputError
from dlstream_experiment import check_experiment, load_experiment

pytestmark = pytest.mark.slow
CONFIG = Path(__file__).resolve().parents[2] / "config"
RIG = CONFIG / "rig.demo.yaml"
EXAMPLE = Template("example", CONFIG / "experiments" / "example.yaml", "")
PROGRAM = """\
import signal, sys
from dlstream.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests were started in the background
sys.exit(main())
"""
PATIENCE = 300.0


def program(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.run(command, text=True, capture_output=True, timeout=PATIENCE, check=False)


class Terminal:
    """A terminal of 80 columns with the program in it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        environment = {**os.environ, "TERM": "xterm"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""
        self._seen = 0

    def expect(self, pattern: str) -> str:
        """Waits until the pattern is on the screen, behind what was expected before; the text up to it."""
        end = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.text[self._seen :])
            if found:
                before = self.text[self._seen : self._seen + found.end()]
                self._seen += found.end()
                return before
            assert time.monotonic() < end, f"waited for {pattern!r}; the screen has:\n{self.text[self._seen :]}"
            assert self._read() or found, f"the program ended before {pattern!r}:\n{self.text[-2000:]}"

    def answer(self, question: str, *answers: str) -> None:
        """Waits for a question and types an answer; further answers follow refusals of the one before."""
        for answer in answers:
            self.expect(re.escape(question) + r"[^\n]*?: ")
            os.write(self._master, f"{answer}\n".encode())

    def end(self) -> int:
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def interrupt(self) -> int:
        """Ctrl-C, again each second: Python notices one that comes in the instant before it waits only at the next."""
        while True:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                continue
            return self.end()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE)
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:  # the other side is closed
            data = b""
        text = data.decode("utf-8", "replace")
        self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        return bool(data)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    item = Terminal(tmp_path, "experiment", "new", "--rig", str(RIG))
    yield item
    item.close()


def test_without_a_template_the_one_used_is_printed(tmp_path: Path):
    made = program("experiment", "new", str(tmp_path / "bad name!.yaml"), "--set", "camera=side")
    assert made.returncode == 0, made.stderr
    assert "Using the template 'example'" in made.stdout
    assert load_experiment(tmp_path / "bad name!.yaml").experiment == "bad name_"


def test_the_questions_lead_to_a_valid_file(terminal: Terminal, tmp_path: Path):
    screen = terminal
    screen.expect("A new experiment")
    screen.answer("Begin with", "exmple", "example")
    screen.answer("File to write", "mine.txt", "mine.yaml")
    screen.answer("experiment [mine]", "../../etc/x", "corner choice")
    screen.answer("camera [top]", "side", "top")
    for name in ("right", "left"):
        center = "550, 163" if name == "right" else "372, 163"
        screen.answer(f"regions.{name}.center [{center}]", "")
        if name == "right":
            screen.answer("regions.right.radius [87.5]", "5000", "big", "60")
        else:
            screen.answer("regions.left.radius [87.5]", "")
    screen.answer("Add another region? Its name", "corner")
    screen.answer("Its type", "cirkle", "rectangle")
    for key, value in {"left": "0", "top": "10", "right": "100", "bottom": "90"}.items():
        screen.answer(f"regions.corner.{key}", value)
    screen.answer("Other keys", "none")
    screen.answer("Add another region? Its name", "none")
    for name in ("right", "left"):
        screen.answer(f"triggers.in_{name}.region", "")
        screen.answer(f"triggers.in_{name}.keypoints", *(["nekc", "neck, snout"] if name == "right" else [""]))
    screen.answer("Add another trigger? Its name", "in_corner")
    screen.answer("Its type", "region")
    screen.answer("triggers.in_corner.region", "corner")
    screen.answer("triggers.in_corner.keypoints", "neck")
    screen.answer("Other keys", "inside=false, missing=false")
    screen.answer("Add another trigger? Its name", "none")
    screen.answer("Change any of these?", "y")
    for name in ("right", "left"):
        screen.answer(f"protocol.trials.{name}.trigger", "in_corner" if name == "left" else "")
        screen.answer(f"protocol.trials.{name}.stimulus.output", *(["lamp", ""] if name == "left" else [""]))
        screen.answer(f"protocol.trials.{name}.stimulus.action", "")
        screen.answer(f"protocol.trials.{name}.stimulus.values.image", "")
    screen.answer("protocol.lockout", "-1", "2.5")
    screen.answer("protocol.max_hits", "")
    screen.answer("protocol.finish_last_trial", "")
    screen.answer("protocol.max_time", "60")
    screen.answer("max_age [0.5]", "0.2")
    screen.answer("pose_timeout", "")
    screen.answer("Anything else? KEY=VALUE", "protocol.max_hits", "protocol.max_hit=3", "seed=7", "none")
    screen.expect("is valid")
    screen.expect("Written: mine.yaml")
    assert screen.end() == 0
    for refusal in ("Did you mean 'example'?", "a camera of the rig", "Did you mean 'neck'?", "at least 0"):
        assert refusal in " ".join(screen.text.split()), refusal
    experiment = load_experiment(tmp_path / "mine.yaml")
    assert experiment.experiment == "corner choice"
    assert experiment.regions["right"].model_dump()["radius"] == 60
    corner = experiment.triggers["in_corner"].model_dump()
    assert (corner["region"], corner["inside"], corner["missing"]) == ("corner", False, "false")
    assert experiment.triggers["in_right"].keypoints_used()[1][1] == "snout"
    protocol = experiment.protocol.model_dump()
    assert (protocol["lockout"], protocol["max_time"], protocol["trials"]["left"]["trigger"]) == (2.5, 60, "in_corner")
    assert experiment.max_age == 0.2
    assert "# its name, stored in each recorded session" in (tmp_path / "mine.yaml").read_text(), "comments are kept"
    assert check_experiment(experiment, cameras=["top"], outputs=["screen"])[0].key == "triggers.in_left"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Answers the questions: `script({"Begin with": ["example"]})`; a question that is not named gets its default."""
    from rich.console import Console

    from dlstream.authoring.prompter import Prompter
    from dlstream.authoring.questions import Questions

    console = Console(record=True, width=100, file=StringIO())

    def run(answers: dict[str, list[str]], known: Known, file: str = "mine.yaml") -> tuple[Draft, str]:
        left, count = {question: list(items) for question, items in answers.items()}, 0

        def prompt(question: str, default: str | None = None) -> str:
            nonlocal count
            count += 1
            assert count < 300, f"cornered at {question}"
            key = next((name for name in left if question.startswith(name) and left[name]), None)
            assert key is not None or default is not None, f"cornered: {question} has no default"
            console.print(question)
            return left[key].pop(0) if key is not None else str(default)

        monkeypatch.setattr("dlstream.authoring.prompter.typer.prompt", prompt)
        draft = Questions(Prompter(console), known).ask(tmp_path / file, False)
        assert not any(left.values()), f"never asked: {left}"
        return draft, " ".join(console.export_text().split())

    return run


def test_questions_are_explained_and_taken_back(script, tmp_path: Path):
    answers = {
        "Begin with": ["<", "?", "opto", "optogenetic"],
        "experiment": ["wrong name", "right name"],
        "camera": ["<", "to"],
        "triggers.points_there.neck": ["?", "tailb"],
        "triggers.points_there.at_most": ["45", "50"],
        "Add another trigger? Its name": ["other", "none"],
        "Its type": ["<"],
        "Anything else? KEY=VALUE": ["seed", "seed=7", "<", "seed=8", "none"],
    }
    answers["Add another trigger? Its name"] = ["<", "other", "none"]
    draft, said = script(answers, Known.of(RIG, None, None))
    assert "This is the first question." in said
    assert "optogenetic: DeepLabStream" in said
    assert "'opto' is not in the list." in said
    assert (draft.get(("experiment",)), draft.get(("camera",)), draft.get(("seed",))) == ("right name", "top", 8)
    assert draft.get(("triggers", "points_there", "at_most")) == 50
    assert draft.get(("triggers", "points_there", "neck")) == "tailbase", "an abbreviation is written out"
    assert list(draft.get(("triggers",))) == ["points_there"]
    draft.write()
    assert load_experiment(draft.file).outputs == ("screen",), "the template's laser is the rig's screen"


def test_states_stops_and_a_control_are_added(script, tmp_path: Path):
    answers = {
        "Begin with": ["staged_single"],
        "Add a state? Its name": ["search", "rest", "none"],
        "Output that is on in it": ["screen"],
        "'screen' in 'rest': its action": ["show"],
        "'screen' in 'rest': values": ["image=left"],
        "'rest' ends when this trigger is true": ["none", "at_g"],
        "'rest' ends after seconds": ["none", "2"],
        "Then go to": ["search"],
        "State that leads to 'rest'": ["green"],
        "'green' leads to 'rest' after seconds": ["5"],
        "End the experiment after seconds": ["soon", "90"],
        "End it when a counter reaches": ["greens >= 4", "green >= 4"],
        "Control": ["sham"],
        "Share of the stimuli": ["2", "0.25"],
        "Balanced in blocks": ["none", "8"],
    }
    answers["Control"] = ["sham", "sham"]
    draft, said = script(answers, Known.of(RIG, None, None))
    draft.write()
    protocol = load_experiment(draft.file).protocol.model_dump(exclude_none=True, by_alias=True)
    assert protocol["states"]["rest"]["stimuli"][0]["values"] == {"image": "left"}
    [way] = protocol["states"]["rest"]["transitions"]
    assert (way["when"], way["after"], way["go"]) == ("at_green", 2, "search")
    assert protocol["states"]["green"]["transitions"][0]["go"] == "rest"
    assert protocol["stop"][0]["longer_than"] == 90
    assert (protocol["control"]["probability"], protocol["control"]["block"]) == (0.25, 8)
    for words in ("'search' exists already", "Expected a trigger, seconds, or both."):
        assert words in said


def test_the_comparison_of_a_stop_is_replaced_where_it_stands(script):
    """Another stop beside it would leave the template's number in force."""
    answers = {
        "Begin with": ["base_conditional"],
        "End the experiment after": ["1800"],
        "End it when": ["stimulations >= 5"],
    }
    draft, said = script(answers, Known())
    assert draft.get(("protocol", "stop")) == [
        {"longer_than": 1800},
        {"if": "stimulations >= 5", "since": "stimulus", "longer_than": 40},
    ]
    answers["End it when"] = ["?", "stimulation > 5", "stimulations > 7"]
    draft, said = script(answers, Known())
    assert [item.get("if") for item in draft.get(("protocol", "stop"))] == [None, "stimulations > 7"]
    assert "What else the stop needs, stays." in said


def test_seconds_beside_a_trigger_are_told_to_be_those_of_the_state(script):
    answers = {
        "Begin with": ["base_conditional"],
        "Add a state? Its name": ["rest", "none"],
        "'rest' ends when this trigger is true": ["condition"],
        "'rest' ends after seconds": ["?", "5"],
        "Then go to": ["ready"],
        "'ready' leads to 'rest' after seconds": ["5"],
    }
    draft, said = script(answers, Known())
    assert draft.get(("protocol", "states", "rest", "transitions")) == [
        {"when": "condition", "after": 5, "go": "ready"}
    ]
    assert "Of the state. With a trigger: not before, and when the trigger is true then." in said
    assert "triggers.NAME.dwell=5" in said


@pytest.mark.parametrize("name", ["base_optogenetic", "optogenetic"])
def test_a_limit_that_is_taken_out_leaves_no_empty_one(name: str, script, tmp_path: Path):
    answers = {
        "Begin with": [name],
        "Seconds that 'laser' may be on at a time": ["none"],
        "Seconds that 'laser' may be on in the whole": ["none"],
    }
    draft, _ = script(answers, Known())
    draft.write()
    assert "limits" not in draft.get(("protocol",))
    load_experiment(draft.file)
    answers["Seconds that 'laser' may be on at a time"] = ["20"]
    draft, _ = script(answers, Known())
    assert draft.get(("protocol", "limits")) == {"laser": {"stimulus": 20}}


def test_a_path_beside_the_new_file_is_found_from_there(script, tmp_path: Path, monkeypatch):
    session = tmp_path / "lab" / "sessions" / "A"
    session.mkdir(parents=True)
    (session / "events.csv").write_text(
        "kind,name,frame_stamp_ns,stamp_ns,decided_ns,action,values\n"
        "experiment_started,other,0,1000,0,,\n"
        "command,laser,0,2000,2000,on,{}\n"
    )
    answers = {
        "Begin with": ["base_optogenetic"],
        "Control": ["yoked"],
        "The other animal's session folder": ["sessions/A"],
    }
    monkeypatch.chdir(tmp_path)
    draft, _ = script(answers, Known(), "lab/mine.yaml")
    draft.write()
    assert not draft.unfinished
    assert load_experiment(draft.file).protocol.control.recording == session / "events.csv"


@pytest.mark.parametrize("name", [item.name for item in templates()])
def test_nobody_is_cornered_by_a_template_that_does_not_fit_the_rig(name: str, script, tmp_path: Path):
    """Enter at every question gives a valid file, whatever the template names and the network lacks."""
    known = Known.of(RIG, None, None)
    known.keypoints = ["nose", "left_ear", "tail"]
    draft, _ = script({"Begin with": [name]}, known)
    draft.write()
    assert draft.unfinished == (name in ("reward_pretraining", "social_interaction")), draft.problems
    if draft.unfinished:
        assert draft.file.exists(), "what can't be answered is left to be mended by hand"
        return
    check_experiment(
        load_experiment(draft.file), keypoints=known.keypoints, outputs=known.outputs, cameras=known.cameras
    )


def test_what_is_written_holds_no_words_that_are_not_true_of_it(script, tmp_path: Path):
    draft, _ = script({"Begin with": ["example"]}, Known())
    text = draft.text()
    assert "Two round regions" not in text
    assert "from the template 'example'" in text
    assert "yaml-language-server" not in text, "no path of this machine"
    (tmp_path / "experiment.schema.json").touch()
    assert draft.text().startswith("# yaml-language-server: $schema=experiment.schema.json\n")


def test_enter_alone_gives_the_template(terminal: Terminal, tmp_path: Path):
    terminal.expect("Begin with")
    while terminal.process.poll() is None and "Written" not in terminal.text:
        os.write(terminal._master, b"\n")
        if not terminal._read():
            break
    assert terminal.end() == 0
    experiment = load_experiment(tmp_path / "my_example.yaml")
    assert experiment.protocol == load_experiment(EXAMPLE.file).protocol


def test_leaving_writes_nothing(terminal: Terminal, tmp_path: Path):
    terminal.expect("Begin with")
    assert terminal.interrupt() != 0
    assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []


def test_from_a_template_without_questions(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    words = ["experiment", "new", str(file), "--template", str(EXAMPLE.file), "--rig", str(RIG)]
    sets = ["regions.left.radius=50", "triggers.in_left.keypoints=neck, snout", "protocol.max_hits=3"]
    sets += ["regions.left.center.0=301", "regions.left.center[1]=201"]
    done = program(*words, *(word for item in sets for word in ("--set", item)))
    assert done.returncode == 0, done.stdout
    assert "is valid" in done.stdout
    experiment = load_experiment(file)
    assert experiment.experiment == "mine"
    assert experiment.protocol.model_dump()["max_hits"] == 3
    assert experiment.regions["left"].model_dump()["center"] == (301, 201), "both ways to count in a list"
    again = program(*words)
    assert again.returncode == 1
    assert "exists already" in again.stdout


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("protocol.max_hit=3", "Did you mean 'max_hits'?"),
        ("regions.lft.radius=3", "found no 'lft' in regions. Did you mean 'left'?"),
        ("regions.left.center.7=3", "found '7' in the list regions.left.center; expected a number from 0 to 1"),
        ("regions.left.radius=-3", "expected a number greater than 0"),
        ("camera=side", "expected a camera of the rig"),
        ("triggers.in_left.keypoints=tail", "expected a keypoint of the network"),
        ("protocol.trials.left.stimulus.values.image=lft", "Did you mean 'left'?"),
        ("regions.left.center=[1", "can't be understood"),
        ("camera", "expected KEY=VALUE"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_written(value: str, expected: str, tmp_path: Path):
    from rich.console import Console

    from dlstream.authoring.wizard import write_new

    file = tmp_path / "mine.yaml"
    with pytest.raises(DlstreamError) as caught:
        write_new(file, str(EXAMPLE.file), [value], RIG, False, Console(quiet=True))
    assert expected in str(caught.value)
    assert not file.exists()


def test_every_template_makes_a_valid_experiment(tmp_path: Path):
    for item in templates():
        draft = Draft(item, tmp_path / f"{item.name}.yaml", Known())
        for place in draft.leaves(()):
            draft.set(place, draft.read(draft.show(draft.get(place)), draft.get(place)))
        draft.write()
        before, after = load_experiment(item.file), load_experiment(draft.file)
        assert before.model_dump() == after.model_dump(), item.name
        assert item.about


def test_an_unknown_template_is_reported_with_the_nearest():
    with pytest.raises(DlstreamError, match="Did you mean 'example'"):
        find_template("exampel")


def test_a_draft_that_is_wrong_is_not_written(tmp_path: Path):
    source = tmp_path / "wrong.yaml"
    source.write_text(EXAMPLE.file.read_text().replace("camera: top", "camera: 3"))
    draft = Draft(Template("wrong", source, ""), tmp_path / "new.yaml", Known())
    with pytest.raises(InputError, match="camera"):
        draft.write()
    draft.set(("camera",), "top")
    draft.write()
    assert load_experiment(draft.file).camera == "top"
