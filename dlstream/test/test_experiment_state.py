"""The panel of the annotated video: what it says, whether it can be seen, and that it covers nothing."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dlstream.offline.experiment_state import Course, ExperimentState, PanelLine
from dlstream.offline.session_video import write_session_videos
from dlstream.offline.side_panel import COLOURS, SidePanel
from dlstream_common import DlstreamError, Frame, FramePoses, Individual
from dlstream_recorder import ACKNOWLEDGEMENT, COMMAND, EventRow, Session, SessionSettings, read_session
from dlstream_recorder.report.intervals import stimuli
from dlstream_recorder.report.tables import read_events
from dlstream_recorder.writers.events import EventTable

SECOND = 1_000_000_000


def said(state: ExperimentState, stamp: int = 0, **measured: float) -> dict[str, tuple[str, str]]:
    return {line.label: (line.kind, line.text) for line in state.lines("top", 1.25, 30, stamp, measured)}


def test_what_an_analysis_says():
    state = ExperimentState(["in_left", "fast"], ["laser"])
    assert said(state) == {
        "top": ("head", "1.250 s"),
        "frame": ("head", "30"),
        "experiment": ("title", "not started"),
        "in_left": ("false", "false"),
        "fast": ("false", "false"),
        "output laser": ("off", "off"),
    }
    state.handle(EventRow("experiment_started", "x"))
    state.handle(EventRow("state_entered", "light"))
    state.handle(EventRow("trial_started", "go"))
    state.handle(EventRow("trigger_rose", "fast"))
    state.handle(EventRow(COMMAND, "laser", action="on", values={"power": "5"}))
    found = said(state, fast=12.345678, in_left=float("nan"))
    assert (found["state"], found["trial"]) == (("title", "light"), ("title", "go"))
    assert found["fast"] == ("true", "12.35  TRUE")
    assert found["in_left"] == ("false", "false")
    assert found["output laser"] == ("on", "on power=5")
    state.handle(EventRow(COMMAND, "laser", action="off"))
    state.handle(EventRow("sham_started", "laser", values={"action": "on", "power": "5", "trigger": "fast"}))
    assert said(state)["output laser"] == ("off", "off")
    assert said(state)["SHAM laser"] == ("sham", "on power=5")
    state.handle(EventRow("sham_ended", "laser", values={"duration": "1"}))
    assert "SHAM laser" not in said(state)
    state.handle(EventRow("mark", "injection", stamp_ns=10 * SECOND, values={"text": "injection"}))
    assert said(state, 12 * SECOND)["mark"] == ("note", "injection")
    assert "mark" not in said(state, 14 * SECOND)
    state.handle(EventRow("experiment_ended", "x", values={"reason": "10 hits"}))
    assert said(state)["experiment"] == ("title", "ended: 10 hits")


def test_in_an_analysis_a_pulse_is_over_by_itself():
    state = ExperimentState([], ["laser"])
    state.handle(EventRow(COMMAND, "laser", stamp_ns=SECOND, action="pulse", values={"width": "100 ms"}))
    values = {"action": "train", "frequency": "10 Hz", "width": "50 ms", "count": "2", "trigger": "near"}
    state.handle(EventRow("sham_started", "laser", stamp_ns=SECOND, values=values))
    found = said(state, SECOND + SECOND // 20)
    assert found["output laser"] == ("on", "pulse width=100 ms")
    assert found["SHAM laser"] == ("sham", "train frequency=10 Hz width=50 ms count=2")
    found = said(state, SECOND + SECOND // 8)
    assert found["output laser"] == ("off", "off")
    assert "SHAM laser" in found
    assert "SHAM laser" not in said(state, SECOND + SECOND // 5)
    state.handle(EventRow("sham_started", "laser", stamp_ns=2 * SECOND, values={"action": "on", "duration": "9 s"}))
    assert "SHAM laser" in said(state, 3 * SECOND)
    state.handle(EventRow("fault", "pose", stamp_ns=3 * SECOND, values={"camera": "top", "reason": "no pose"}))
    assert "SHAM laser" not in said(state, 4 * SECOND), "a real one would have been cut short"


def test_in_an_analysis_what_is_left_out_pauses_with_the_poses():
    state = ExperimentState([], ["laser"])
    state.handle(EventRow("sham_started", "laser", stamp_ns=SECOND, values={"action": "on"}))
    for camera in ("top", "side"):
        state.handle(EventRow("fault", "pose", stamp_ns=3 * SECOND, values={"camera": camera}))
    state.handle(EventRow("recovered", "pose", stamp_ns=4 * SECOND, values={"camera": "side"}))
    assert "SHAM laser" not in said(state, 5 * SECOND)
    state.handle(EventRow("recovered", "pose", stamp_ns=6 * SECOND, values={"camera": "top"}))
    assert "SHAM laser" in said(state, 7 * SECOND)


@pytest.fixture
def at(tmp_path):
    """What an output of a rig did some seconds after the epoch, by the rows of its events.csv."""

    def at_(seconds: float, rows: list[EventRow], output: str = "laser", sham: bool = False) -> str:
        (tmp_path / "events.csv").unlink(missing_ok=True)
        table = EventTable(tmp_path / "events.csv", lambda: SECOND)
        for row in rows:
            table.add(row)
        table.close()
        found = Course(stimuli(read_events(tmp_path), 1000 * SECOND))
        return found.at(output, round(seconds * SECOND), sham)

    return at_


def told(seconds: float, number: int, action: str, **values: str) -> EventRow:
    stamp = round(seconds * SECOND)
    return EventRow(COMMAND, "laser", stamp_ns=stamp, action=action, source="experiment", id=number, values=values)


def answered(seconds: float, number: int, success: str = "true") -> EventRow:
    stamp = round(seconds * SECOND)
    about = {"source": "experiment", "id": number, "success": success}
    return EventRow(ACKNOWLEDGEMENT, "laser", stamp_ns=stamp, applied_ns=stamp if success == "true" else 0, **about)


def test_of_a_rig_an_output_is_on_when_it_said_so(at):
    rows = [
        told(1, 3, "on", power="5"),
        answered(1.1, 3),
        told(2, 4, "off"),
        answered(2, 4, success="false"),
    ]
    assert [at(when, rows) for when in (0.5, 1.05, 1.1)] == ["", "", "on power=5"]
    assert at(3, rows) == "on power=5", "it refused: it is still on"


def test_of_a_rig_a_pulse_is_over_by_itself(at):
    rows = [told(1, 1, "pulse", width="10"), answered(1, 1)]
    assert [at(when, rows) for when in (1.005, 1.02, 60)] == ["pulse width=10", "", ""]


def test_of_a_rig_an_output_that_went_off_by_itself_is_off(at):
    rows = [told(1, 1, "on"), answered(1, 1)]
    rows.append(EventRow("fault", "laser", stamp_ns=4 * SECOND, values={"state": "off", "reason": "max_on is reached"}))
    assert [at(when, rows) for when in (3.9, 4.1)] == ["on", ""]


def test_of_a_rig_an_answer_from_a_clock_that_is_behind_finds_its_command(at):
    rows = [answered(0.997, 1), told(1, 1, "on"), answered(1.997, 2), told(2, 2, "off")]
    assert [at(when, rows) for when in (0.99, 1.5, 2.1)] == ["", "on", ""]


def drawn_in(canvas, panel, number, colour) -> int:
    """How many pixels of a line of the panel have about this colour."""
    line = canvas[number * panel.line : (number + 1) * panel.line, canvas.shape[1] - panel.panel_width :].astype(int)
    return int((np.abs(line - colour).max(axis=2) < 40).sum())


@pytest.mark.parametrize("size", [(64, 48), (320, 240), (641, 479), (1920, 1080)])
def test_every_line_is_drawn_and_nothing_covers_the_picture(size):
    width, height = size
    lines = [PanelLine(kind, f"a rather long label {kind}", "an even longer text " * 4) for kind in COLOURS] * 2
    panel = SidePanel(width, height, len(lines))
    picture = np.random.default_rng(1).integers(0, 255, (height, width, 3)).astype(np.uint8)
    canvas = panel.beside(picture, lines)
    assert canvas.shape == (panel.height, panel.width, 3)
    assert (canvas[:height, :width] == picture).all()
    for number, line in enumerate(lines):
        assert drawn_in(canvas, panel, number, COLOURS[line.kind]) > 20, (number, line)
    assert panel.line >= 20, "letters of at least nine pixels"
    assert (canvas[:, -3:] == canvas[-1, -1]).all(), "no text is cut off at the edge"


texts = st.text(st.characters(codec="ascii")) | st.text() | st.just("(gjpq_Qy|@)")


@given(st.lists(st.lists(st.tuples(st.sampled_from(sorted(COLOURS)), texts, texts), max_size=20), max_size=6))
def test_lines_drawn_over_earlier_ones_look_like_the_first(shown):
    picture = np.zeros((300, 64, 3), np.uint8)
    reused = SidePanel(64, 300, 12)
    for lines in ([PanelLine(*line) for line in each] for each in shown):
        fresh = SidePanel(64, 300, 12)
        assert (reused.beside(picture, lines) == fresh.beside(picture, lines)).all()


def test_more_lines_than_promised_are_left_out():
    panel = SidePanel(64, 48, 3)
    canvas = panel.beside(np.zeros((48, 64, 3), np.uint8), [PanelLine("fault", "fault", "x")] * 50)
    assert canvas.shape == (panel.height, panel.width, 3)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    settings = SessionSettings(directory=tmp_path, session="s", cameras=["top"], min_free=0.0, bag=False)
    session = Session(settings)
    start = read_session(session.folder)["created_ns"]
    (session.folder / "experiment.yaml").write_text("triggers: {in_left: {type: region, region: left}}\n")
    session.set_regions("top", [("left", [(10, 10), (100, 10), (100, 90), (10, 90)])])
    for number in range(30):
        image = np.full((240, 320, 3), 60, np.uint8)
        frame = Frame("top", number, start + number * SECOND // 10, image, "bgr8")
        session.add_frame(frame)
        x = np.array([50.0], np.float32)
        one = Individual("", x, x, np.ones(1, np.float32))
        session.add_poses(FramePoses("top", number, frame.stamp, ("neck",), (one,)))
    at = start + SECOND - 1
    session.add_event(EventRow("trigger_rose", "in_left", stamp_ns=at))
    begin, link = start + SECOND // 2 - 1, {"source": "experiment", "id": 1}
    session.add_event(EventRow(COMMAND, "lamp", stamp_ns=begin, action="pulse", values={"width": "300"}, **link))
    session.add_event(EventRow(ACKNOWLEDGEMENT, "lamp", stamp_ns=begin, applied_ns=begin, success="true", **link))
    session.add_event(EventRow("sham_started", "laser", stamp_ns=at, values={"action": "on"}))
    session.add_event(
        EventRow("sham_ended", "laser", stamp_ns=start + 25 * SECOND // 10 - 1, values={"duration": "1.5"})
    )
    return session


def test_the_video_of_a_session(session, tmp_path):
    session.finish("enough")
    [path] = write_session_videos(session.folder, Console(quiet=True))
    assert path == session.folder / "top.annotated.mp4"
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(pictures) == 30
    border = slice(40, 60), slice(9, 12)
    before, after = (pictures[number][border].reshape(-1, 3).astype(int).mean(axis=0) for number in (9, 10))
    assert before[2] > before[1], "red"
    assert after[1] > after[2], "green, from the first frame after the trigger"
    panel = SidePanel(320, 240, ExperimentState(["in_left"], ["lamp", "laser"]).length)
    assert drawn_in(pictures[9], panel, 3, COLOURS["true"]) == 0
    assert drawn_in(pictures[10], panel, 3, COLOURS["true"]) > 20
    place = next(number for number in range(20) if drawn_in(pictures[10], panel, number, COLOURS["sham"]) > 20)
    assert drawn_in(pictures[9], panel, place, COLOURS["sham"]) == 0
    assert drawn_in(pictures[20], panel, place, COLOURS["sham"]) > 20, "as long as it lasts"
    assert drawn_in(pictures[25], panel, place, COLOURS["sham"]) == 0
    lamp = [number for number in range(30) if drawn_in(pictures[number], panel, place - 2, COLOURS["on"]) > 20]
    assert lamp == [5, 6, 7], "300 ms"
    dot = pictures[5][46:55, 46:55].reshape(-1, 3)
    assert dot.max() > 150, "the keypoint"


def test_the_video_of_a_depth_camera_shows_what_it_saw(tmp_path):
    session = Session(SessionSettings(directory=tmp_path, session="s", cameras=["top"], min_free=0.0, bag=False))
    start = read_session(session.folder)["created_ns"]
    image = np.full((240, 320), 800, np.uint16) + np.arange(320, dtype=np.uint16)  # millimetres: 3 of 255 as a picture
    for number in range(3):
        session.add_frame(Frame("top", number, start + number * SECOND // 10, image, "16UC1"))
    session.finish("enough")
    [path] = write_session_videos(session.folder, Console(quiet=True))
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="bgr24")
    assert picture[:240, :160].mean() > picture[:240, 160:320].mean() > 50, "near is bright"


def test_a_session_without_a_video_is_told(tmp_path):
    session = Session(SessionSettings(directory=tmp_path, session="s", cameras=["top"], min_free=0.0, video="none"))
    session.finish("enough")
    with pytest.raises(DlstreamError, match="found no video; expected a session with `video: lossless`"):
        write_session_videos(session.folder, Console(quiet=True))
