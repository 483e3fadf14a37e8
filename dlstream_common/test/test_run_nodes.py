"""Nodes that run are not stopped for a search through all that was loaded before them."""

from __future__ import annotations

import subprocess
import sys

NODE = """
import gc
import sys
import time
from dlstream_common import Settings
from dlstream_common.ros import DlstreamNode, run_nodes

class Node(DlstreamNode[Settings]):
    default_name = "looks"

    def __init__(self):
        super().__init__(Settings)

    def activate(self):
        self.give_up = time.monotonic() + 60
        self.timer = self.create_timer(0.01, self.look)

    def look(self):
        known = len(gc.get_objects())
        if gc.get_freeze_count() > 10 * known or time.monotonic() > self.give_up:
            print(gc.get_freeze_count(), known)
            self.end(0 if gc.get_freeze_count() > 10 * known else 1)

sys.exit(run_nodes([Node]))
"""


def test_what_was_loaded_is_left_alone_by_the_garbage_collector():
    ended = subprocess.run([sys.executable, "-c", NODE], capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
