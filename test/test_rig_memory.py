"""Memory that gets short in a run: the kernel gives one node's process no more than it has."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pandas as pd
from rig_tools import recorded, told
from std_msgs.msg import String

from dlstream_common.ros import LATCHED
from dlstream_recorder import recover

LARGE = 100_000_000
"""Bytes of a message that such a process has no room for."""


def leave_no_memory(pid: int) -> None:
    """Lets a process map no page more than it has mapped."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))


def test_a_pose_node_without_memory_ends_the_rig_with_outputs_off_and_a_whole_session(start, write_rig, observer):
    rig = start("run", str(write_rig()))
    recorded(rig, 10)
    told(rig, "acknowledgement", "show")
    leave_no_memory(rig.node("/pose"))
    large = observer.node.create_publisher(String, "/experiment/protocol", LATCHED)
    large.publish(String(data=" " * LARGE))
    assert rig.wait() == 1
    assert "stopping: /pose " in rig.output
    events = pd.read_csv(rig.session / "events.csv", keep_default_na=False)
    [off] = events[(events["kind"] == "command") & (events["source"] == "rig")].itertuples()
    assert (off.name, off.action) == ("screen", "off")
    about = rig.about()
    assert about["complete"]
    assert about["summary"]["frames_dropped"] == 0


def test_a_recorder_without_memory_has_the_tables_and_the_summary_and_says_what_lacks(start, write_rig):
    rig = start("run", str(write_rig()))
    recorded(rig, 30)
    leave_no_memory(rig.node("/recorder"))
    recorded(rig, 60)
    assert rig.stop() == 1
    about = rig.about()
    assert not about["complete"]
    assert "memory may be short" in about["error"]
    assert f"dlstream recover {rig.session}" in rig.output.replace("\n", " ")
    assert about["summary"]["frames_recorded"] >= 60
    assert recover(rig.session).frames_recorded == about["summary"]["frames_recorded"]
    assert rig.about()["complete"]
    assert (rig.session / "top.poses.h5").exists()
