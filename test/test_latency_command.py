"""`dlstream latency`: a synthetic camera that sees a simulated lamp, real nodes between them."""

from __future__ import annotations

import pandas as pd
import pytest

RIG = """\
rig: flash
pictures: false
cameras:
  top: {{source: synthetic, width: 320, height: 240, fps: 60, lamp: {folder}/lamp, lamp_at: {at}}}
pose: {{network: {config}/networks/demo_mouse.onnx}}
outputs:
  lamp: {{type: lamp, file: {folder}/lamp, commander_timeout: 60, max_command_age: 60}}
  log: {{type: log}}
"""


@pytest.fixture
def write(tmp_path):
    """Writes the rig above."""
    from rig_tools import CONFIG

    def write(at="[40, 40, 10]", without_pose=False):
        text = RIG.format(folder=tmp_path, config=CONFIG, at=at)
        if without_pose:
            text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("pose:"))
        path = tmp_path / "rig.yaml"
        path.write_text(text)
        return path

    return write


def measured(folder, with_pose=False):
    """The whole flashes of the table, after checking what must hold of each: causes come before effects.

    A busy machine may keep an answer or a picture back for longer than it is waited for: such a flash has gaps.
    """
    table = pd.read_csv(folder / "latency.csv")
    seen = ["applied", "lit", "dark_again", *(["pose"] if with_pose else [])]
    rows = table[(table[seen] > 0).all(axis=1)]
    assert 2 * len(rows) >= len(table) > 0, table.to_string()
    assert (rows["sent"] <= rows["applied"]).all()
    assert (rows["sent"] <= rows["lit"]).all()
    assert (rows["dark"] < rows["lit"]).all()
    assert (rows["off_sent"] <= rows["dark_again"]).all()
    assert (rows["still_lit"] < rows["dark_again"]).all()
    assert (rows["decision_to_light_ms"] >= 0).all()
    assert (folder / "latency.png").read_bytes().startswith(b"\x89PNG")
    return rows


def test_the_whole_loop_from_light_to_light_is_measured(start, write, tmp_path):
    out = tmp_path / "out"
    run = start("latency", str(write()), "--output", "lamp", "--times", "10", "--out", str(out), "--local")
    assert run.wait() == 0, run.output
    rows = measured(out, with_pose=True)
    assert len(pd.read_csv(out / "latency.csv")) == 10
    assert (rows["lit"] <= rows["pose"]).all(), "the pose is that of the picture with the light"
    assert (rows["pose"] <= rows["off_sent"]).all(), "the pose decides on the end of the light"
    assert rows["light_to_light_ms"].notna().all()
    assert "light -> pose -> decision -> light" in run.output
    assert (tmp_path / "lamp").read_bytes() == b"\0"


def test_a_rig_without_a_network_gives_the_first_half(start, write, tmp_path):
    out = tmp_path / "out"
    words = ("--output", "lamp", "--times", "3", "--region", "20,20,60,60", "--out", str(out), "--local")
    run = start("latency", str(write(without_pose=True)), *words)
    assert run.wait() == 0, run.output
    rows = measured(out)
    assert rows["light_to_pose_ms"].isna().all()
    assert "a pose of it" not in run.output


def test_what_was_measured_before_ctrl_c_is_kept(start, write, wait_for, tmp_path):
    out, lamp = tmp_path / "out", tmp_path / "lamp"
    words = ("--output", "lamp", "--times", "100000", "--out", str(out), "--local")
    run = start("latency", str(write(without_pose=True)), *words)
    run.saw("The light is at")
    for _ in range(3):  # two whole flashes, and one that is cut short
        wait_for(lambda: lamp.read_bytes() == b"\0", "the dark")
        wait_for(lambda: lamp.read_bytes() == b"\xff", "a flash")
    assert run.stop() == 1, run.output
    measured(out)
    count = len(pd.read_csv(out / "latency.csv"))
    assert count >= 2, run.output
    assert f"Ended after {count} of 100000 flashes" in run.output
    assert lamp.read_bytes() == b"\0"


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        (["--output", "lamp"], "[-90, -90, 10]", "found no"),
        (["--output", "lamb"], "[40, 40, 10]", "Did you mean 'lamp'?"),
        ([], "[40, 40, 10]", "--output NAME"),
        (["--output", "lamp", "--action", "show"], "[40, 40, 10]", "expected on, level or off"),
        (["--output", "lamp", "--region", "1,2,3"], "[40, 40, 10]", "X,Y,WIDTH,HEIGHT"),
    ],
)
def test_what_can_not_be_measured_is_said(start, write, tmp_path, words, at, expected):
    run = start("latency", str(write(at, without_pose=True)), *words, "--local", "--out", str(tmp_path / "out"))
    assert run.wait() == 1, run.output
    assert expected in run.output
    assert "Traceback" not in run.output
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "lamp").exists() or (tmp_path / "lamp").read_bytes() == b"\0"


def test_a_light_that_a_fault_has_switched_off_is_not_blamed_on_the_animal_alone(start, write, tmp_path):
    rig = write(without_pose=True)
    rig.write_text(rig.read_text().replace("commander_timeout: 60", "commander_timeout: 0.01"))
    run = start("latency", str(rig), "--output", "lamp", "--local", "--out", str(tmp_path / "out"))
    assert run.wait() == 1, run.output
    last = " ".join(run.output.split()).rpartition("dlstream: found")[2]
    assert "Meanwhile the rig reported a fault, which may be why: lamp: 'on' was switched off: /latency" in last
