"""The end as `ros2 launch` makes it: all nodes are told at the same instant, and nobody waits for another."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from dlstream.rig.check import checked_rig
from dlstream.rig.nodes import rig_nodes
from dlstream.run.environment import node_environment
from dlstream.run.process import NodeProcess
from dlstream_recorder.report.tables import read_events


@pytest.fixture
def launch():
    """Starts the nodes of a rig file as launch does; gives the processes, their lines and their exit codes."""
    processes, lines, codes = [], [], {}

    def begin(path):
        rig, path = checked_rig(str(path), False)
        for spec in rig_nodes(rig, path):
            processes.append(
                NodeProcess(
                    spec,
                    node_environment(),
                    on_line=lambda spec, text: lines.append(f"{spec.full_name} {text}"),
                    on_exit=lambda process, code: codes.update({process.spec.full_name: code}),
                )
            )
        return processes, lines, codes

    yield begin
    for process in processes:
        process.signal(signal.SIGKILL)
        process.wait(10)


def test_nodes_that_are_all_told_to_end_leave_outputs_off_and_the_session_whole(launch, write_rig, wait_for, tmp_path):
    rig = write_rig()
    processes, lines, codes = launch(rig)
    wait_for(lambda: _was_shown(tmp_path), "a picture that is shown")
    for process in processes:
        process.signal(signal.SIGINT)
    for process in processes:
        assert process.wait(120), "\n".join(lines)
    wait_for(lambda: len(codes) == len(processes), "the exit codes")
    output = "\n".join(lines)
    assert set(codes.values()) == {0}, output
    assert "[ERROR]" not in output, output

    [folder] = (tmp_path / "sessions").iterdir()
    events = read_events(folder)
    assert "experiment_ended" in set(events["kind"]), output
    assert not (events["kind"] == "fault").any(), output
    commands = events[events["kind"] == "command"]
    assert commands["action"].iloc[-1] == "off"
    assert set(commands["id"]) <= set(events[events["kind"] == "acknowledgement"]["id"])


def _was_shown(folder: Path) -> bool:
    """Whether the output has acknowledged a picture: a command that is on its way meets an output that is ending."""
    tables = (folder / "sessions").glob("*/events.csv")
    lines = "".join(table.read_text() for table in tables).splitlines()
    return any("acknowledgement" in line and "show" in line for line in lines)
