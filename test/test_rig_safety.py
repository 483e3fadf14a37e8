"""Off is what happens when anything fails: whole rigs whose output writes down what it does."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from rig_tools import CONFIG, RigUnderTest, is_gone, on_while_seen, wait_until

# The output hears of the death of a process: it is not to go off by a silence that a busy machine makes.
RIG = """\
rig: safety
pictures: false
cameras: {{top: {{source: synthetic, width: 320, height: 240, fps: 30, seed: 1}}}}
pose: {{network: {config}/networks/demo_mouse.onnx}}
experiment:
  {{file: {folder}/experiment.yaml, acknowledgement_timeout: 20, output_timeout: 60, start_timeout: 300}}
outputs:
  laser: {{type: log, file: {folder}/laser.txt, commander_timeout: 60, max_command_age: 60}}
recorder: {{directory: {folder}/sessions, silence: 60, min_free: 0.1}}
"""
EXPERIMENT = on_while_seen("safety", 320, 240)
NODES = ["/top/camera", "/pose", "/experiment", "/recorder"]
# What was published while the experiment hung may reach it late, or never: then the output's silence is the loss.
LOSSES = ("is off: 'on' was switched off: /experiment has been silent", "has been silent for")
NOBODY = "waits for output 'laser': nobody listens on /outputs/laser/command"


@pytest.fixture
def write(tmp_path):
    """Writes the rig file, with some parts replaced, and its experiment."""

    def write(*replacements: tuple[str, str]) -> str:
        for name, text in (("experiment", EXPERIMENT), ("rig", RIG.format(config=CONFIG, folder=tmp_path))):
            for old, new in replacements:
                assert old in RIG.replace("{{", "{") + EXPERIMENT, old
                text = text.replace(old, new)
            (tmp_path / f"{name}.yaml").write_text(text)
        return str(tmp_path / "rig.yaml")

    return write


def actions(folder: Path) -> list[str]:
    """What the output has done so far."""
    file = folder / "laser.txt"
    return [line.partition("\t")[2] for line in file.read_text().splitlines()] if file.exists() else []


def wait_until_on(rig: RigUnderTest, folder: Path) -> int:
    """Waits until the output has come on; how many actions it had done then, the first "on" included."""
    wait_until(lambda: "on" in actions(folder), rig)
    return actions(folder).index("on") + 1


@pytest.mark.parametrize("node", NODES)
def test_whichever_node_dies_the_output_is_off_before_anything_is_waited_for(start, write, tmp_path, node):
    rig = start("run", write())
    wait_until_on(rig, tmp_path)
    os.kill(rig.node(node), signal.SIGKILL)
    assert rig.wait() == 1
    assert actions(tmp_path)[-1] == "off"
    assert f"off and disarmed by rig: {node} was killed by SIGKILL" in rig.output


@pytest.mark.parametrize("node", NODES)
def test_whichever_node_is_told_to_end_the_output_is_off_before_that_node_has_ended(start, write, tmp_path, node):
    rig = start("run", write())
    wait_until_on(rig, tmp_path)
    os.kill(rig.node(node), signal.SIGTERM)
    assert rig.wait() == 1
    assert actions(tmp_path)[-1] == "off"
    # On a busy machine the launcher may see the end of a node before what it said; a recorder takes longer to end.
    ways = ["was asked to end"] if node == "/recorder" else ["was asked to end", "has ended"]
    assert any(f"off and disarmed by rig: {node} {way}" in rig.output for way in ways)
    assert any(f"stopping: {node} {way}" in rig.output for way in ways)
    assert rig.about()["complete"], "a recorder that is asked to end waits for the others"


def test_a_camera_that_is_told_to_end_and_started_again_has_not_finished(start, write, tmp_path):
    side = "side: {source: synthetic, width: 320, height: 240, fps: 30, seed: 2, on_failure: restart}"
    rig = start("run", write(("seed: 1}}", f"seed: 1}}, {side}}}")))
    wait_until_on(rig, tmp_path)
    before = len(actions(tmp_path))
    os.kill(rig.node("/side/camera"), signal.SIGTERM)
    wait_until(lambda: "off" in actions(tmp_path)[before:], rig)
    rig.saw("/side/camera was asked to end by a signal; started again")
    wait_until(lambda: "on" in actions(tmp_path)[before:], rig)
    wait_until(lambda: rig.output.count("synthetic arena, seed 2") == 2, rig)
    assert rig.stop() == 0
    assert "has finished" not in rig.output


def test_nobody_is_told_off_where_the_rig_ends_its_nodes(start, write, tmp_path):
    rig = start("run", write())
    wait_until_on(rig, tmp_path)
    assert rig.stop() == 0
    assert actions(tmp_path)[-1] == "off"
    assert "asked to end" not in rig.output


def test_the_output_goes_off_with_a_launcher_that_is_killed(start, write, tmp_path):
    rig = start("run", write())
    wait_until_on(rig, tmp_path)
    pids = [rig.node(node) for node in (*NODES, "/outputs/laser")]
    rig.process.kill()
    rig.wait()
    wait_until(lambda: actions(tmp_path)[-1] == "off", rig)
    wait_until(lambda: all(map(is_gone, pids)), rig)
    assert actions(tmp_path)[-1] == "off"


def test_a_pose_node_that_is_started_again_finds_the_output_off(start, write, tmp_path):
    rig = start("run", write(("pose: {", "pose: {on_failure: restart, ")))
    before = wait_until_on(rig, tmp_path)
    os.kill(rig.node("/pose"), signal.SIGKILL)
    wait_until(lambda: "off" in actions(tmp_path)[before:], rig)
    rig.saw("by order of rig (/pose was killed by SIGKILL), and not 'on'")
    rig.saw("started again")
    wait_until(lambda: "on" in actions(tmp_path)[before:], rig)
    assert rig.stop() == 0
    assert actions(tmp_path)[-1] == "off"


def test_an_output_that_is_started_again_goes_on_with_the_energy_that_is_left(start, write, tmp_path):
    limited = "{type: log, on_failure: restart, calibration: {power: {0: 0, 1: 10}}, max_energy: 100000, "
    rig = start("run", write(("{type: log, ", limited)))
    wait_until_on(rig, tmp_path)
    done = len(actions(tmp_path))
    os.kill(rig.node("/outputs/laser"), signal.SIGKILL)
    rig.saw("of 100000 mJ are used; it counts as on until now, as nobody saw it go off")
    used = float(re.search(r"again: (\S+) of 100000 mJ", rig.output)[1])
    stamps = [int(line.partition("\t")[0]) for line in (tmp_path / "laser.txt").read_text().splitlines()]
    assert used >= 0.99 * 10 * (stamps[done] - stamps[done - 1]) / 1e9, "10 mW from its on to the next process's off"
    wait_until(lambda: "on" in actions(tmp_path)[done:], rig)
    assert rig.stop() == 0


def test_the_run_goes_on_without_a_recorder_that_may_fail(start, write, tmp_path):
    rig = start("run", write(("recorder: {", "recorder: {on_failure: continue, ")))
    wait_until_on(rig, tmp_path)
    os.kill(rig.node("/recorder"), signal.SIGKILL)
    rig.saw("the rig continues without it")
    assert "disarmed" not in rig.output
    assert rig.stop() == 1, "its session is not complete"
    assert "'dlstream recover" in rig.output


def test_an_experiment_that_hangs_is_a_silence_told_by_both(start, write, tmp_path):
    # Less than the second after which Fast DDS takes a process for dead: it would have to end if it is deaf then.
    rig = start("run", write(("commander_timeout: 60", "commander_timeout: 0.8")))
    before, experiment = wait_until_on(rig, tmp_path), rig.node("/experiment")
    os.kill(experiment, signal.SIGSTOP)
    wait_until(lambda: "off" in actions(tmp_path)[before:], rig)
    os.kill(experiment, signal.SIGCONT)
    rig.saw("'on' was switched off: /experiment has been silent for")
    wait_until(lambda: any(f"output 'laser' {loss}" in rig.output for loss in LOSSES), rig)
    rig.saw("the command is sent again")
    wait_until(lambda: "on" in actions(tmp_path)[before:], rig)
    assert rig.stop() == 0
    assert actions(tmp_path)[-1] == "off"


def test_a_run_ends_where_the_rig_wants_that_after_a_loss(start, write, tmp_path):
    changed = [
        ("commander_timeout: 60", "commander_timeout: 0.8"),
        ("start_timeout: 300", "start_timeout: 300, on_output_loss: stop"),
        ("recorder:", "stop: {with_experiment: true}\nrecorder:"),
    ]
    rig = start("run", write(*changed))
    before, experiment = wait_until_on(rig, tmp_path), rig.node("/experiment")
    os.kill(experiment, signal.SIGSTOP)
    wait_until(lambda: "off" in actions(tmp_path)[before:], rig)
    os.kill(experiment, signal.SIGCONT)
    assert rig.wait() == 1, "a run that ended by a fault has failed"
    assert "on" not in actions(tmp_path)[before:]
    assert any(f"experiment_ended safety reason=output 'laser' {loss}" in rig.output for loss in LOSSES)


@pytest.mark.parametrize("recorder", [True, False])
def test_no_run_begins_with_an_output_that_nobody_is(start, write, recorder):
    changed = [
        ("{type: log, ", "{type: topic} #"),
        ("start_timeout: 300", "start_timeout: 15"),
        *([] if recorder else [("recorder: {", "# {")]),
    ]
    rig = start("run", "--status", "0.5", write(*changed))
    assert rig.wait() == 1
    status = [line for line in rig.lines if line.startswith("rig ") and f"experiment: WARN {NOBODY}" in line]
    assert status, rig.output
    assert any(line.startswith("experiment ") and NOBODY in line for line in rig.lines)
    reason = "the run did not begin within 15 s: output 'laser': nobody listens on /outputs/laser/command"
    assert f"fault: {reason}" in rig.output
    assert "Traceback" not in rig.output


def test_check_says_what_ends_an_output_when_its_computer_dies(start, write):
    rig = start("check", write())
    assert rig.wait() == 0
    assert "laser                    it has no device that could stay on" in rig.output
    rig = start("check", write(("{type: log, ", "{type: topic} #")))
    assert rig.wait() == 0
    assert "laser                    warning: unknown: its own node decides" in rig.output
