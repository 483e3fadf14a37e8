"""Two rigs on one ROS domain: side by side in namespaces of their own, and never with the same names."""

from __future__ import annotations

import csv
import os
import signal

import pytest
from rig_tools import CONFIG, RigUnderTest, command, on_while_seen, recorded, refused, told

RIG = """\
rig: beside
pictures: false
namespace: {namespace}
together: {together}
cameras: {{top: {{source: synthetic, width: 320, height: 240, fps: 20, seed: {seed}, queue: 200}}}}
pose: {{network: {config}/networks/demo_mouse.onnx}}
experiment:
  {{file: {folder}/experiment.yaml, acknowledgement_timeout: 20, output_timeout: 60, start_timeout: 300}}
outputs:
  laser: {{type: log, file: {folder}/laser.txt, commander_timeout: 60, max_command_age: 60}}
recorder: {{directory: {folder}/sessions, image_depth: 200, silence: 60, min_free: 0.1}}
"""
FRAMES = 60


@pytest.fixture
def begin(tmp_path):
    """Starts a rig in a folder of its own: `begin("a", namespace="lab/rig1")`."""
    rigs = []

    def begin(name: str, *words: str, namespace: str = "", seed: int = 1, together: bool = False) -> RigUnderTest:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "experiment.yaml").write_text(on_while_seen("beside", 320, 240))
        file = folder / "rig.yaml"
        fills = {"namespace": namespace or '""', "seed": seed, "together": str(together).lower()}
        file.write_text(RIG.format(config=CONFIG, folder=folder, **fills))
        rigs.append(RigUnderTest(command("run", "--status", "1", *words, str(file)), folder))
        return rigs[-1]

    yield begin
    for rig in rigs:
        rig.clear()


def test_two_rigs_side_by_side_each_with_a_whole_session(begin):
    one = begin("one", namespace="lab/rig1", seed=1)
    two = begin("two", "--namespace", "rig2", seed=2, together=True)
    for rig in (one, two):
        recorded(rig, FRAMES)
        told(rig, "acknowledgement", "on")
    assert one.stop() == 0
    assert two.stop() == 0
    poses = {}
    for rig in (one, two):
        about = rig.about()
        summary = about["summary"]
        assert about["complete"]
        assert summary["frames_dropped"] == 0, rig.output
        assert summary["faults"] == 0, rig.output
        assert summary["frames_captured"] == summary["frames_recorded"] >= FRAMES
        with (rig.session / "events.csv").open() as file:
            events = list(csv.DictReader(file))
        assert {row["camera"] for row in events if row["camera"]} == {"top"}
        commands = [row for row in events if row["kind"] == "command"]
        answers = [row for row in events if row["kind"] == "acknowledgement"]
        assert len(commands) == len(answers) == len({row["id"] for row in commands}), "only those of its own experiment"
        poses[rig] = (rig.session / "top.poses.csv").read_text().splitlines()[4:]
    assert poses[one][:20] != poses[two][:20], "another animal"
    assert "/lab/rig1/top/camera" in one.output.replace("lab/rig1/top/camera", "/lab/rig1/top/camera")


@pytest.mark.parametrize("namespace", ["", "rig1"])
def test_a_rig_that_meets_its_own_names_does_not_start_and_says_whose_they_are(begin, namespace):
    first = begin("one", namespace=namespace)
    recorded(first, 5)
    second = begin("two", namespace=namespace)
    assert second.wait() == 1
    prefix = f"/{namespace}" if namespace else ""
    [line] = [line for line in second.lines if "can't run here" in line]
    assert f"rig 'beside' ({first.folder}/rig.yaml), started by" in line
    assert f"(process {first.process.pid}) has the same names: {prefix}/experiment, {prefix}/outputs/laser" in line
    assert "--namespace rig2" in line
    # On a busy machine the second one may hear of the first one late, and end then.
    late = "recording to" in second.output
    assert late or not (second.folder / "sessions").exists(), "nothing was started"
    recorded(first, 2 * FRAMES)
    assert first.stop() == 0
    assert late or first.about()["summary"]["faults"] == 0, first.output


def test_a_node_that_nobody_has_announced_is_named(begin, start_node, wait_for):
    node = start_node("dlstream_outputs.node", name="laser", namespace="/outputs", type="log")
    wait_for(lambda: "off" in node.output, "its start")
    rig = refused(lambda number: begin(f"one{number}"))
    assert rig.wait() == 1
    assert "other nodes, which no rig has announced, have the same names: /outputs/laser." in rig.output


def test_a_rig_starts_where_another_was_killed(begin):
    first = begin("one")
    recorded(first, 5)
    pids = [first.node(node) for node in ("/top/camera", "/pose", "/experiment", "/recorder", "/outputs/laser")]
    for pid in [first.process.pid, *pids]:  # nobody says goodbye: ROS's graph has them for a while
        os.kill(pid, signal.SIGKILL)
    first.wait()
    second = begin("two")
    recorded(second, 5)
    assert second.stop() == 0
