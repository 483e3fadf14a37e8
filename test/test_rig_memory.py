"""Memory that gets short in a run: the kernel gives the recorder's process no more than it has."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from rig_tools import recorded

from dlstream_recorder import recover


def leave_no_memory(pid: int) -> None:
    """Lets a process map no page more than it has mapped."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))


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
