"""Nodes of one process: what was loaded is not searched through, and all are ended, whichever has ended before."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


PAIR = """
import os
import signal
import sys
import threading
from dlstream_common import Settings
from dlstream_common.ros import DlstreamNode, run_nodes

gone = threading.Event()

class Short(DlstreamNode[Settings]):
    default_name = "short"
    ends_by_itself = True

    def __init__(self):
        super().__init__(Settings)

    def activate(self):
        self.timer = self.create_timer(0.01, lambda: self.end(0))

    def destroy_node(self):
        super().destroy_node()
        gone.set()

class Long(DlstreamNode[Settings]):
    default_name = "long"
    ends_by_itself = True

    def __init__(self):
        super().__init__(Settings)

    def activate(self):
        self.timer = self.create_timer(0.01, self.look)

    def look(self):
        if gone.is_set():
            self.timer.cancel()
            os.kill(os.getpid(), signal.SIGTERM)

    def deactivate(self):
        print("deactivated", flush=True)

sys.exit(run_nodes([Short, Long]))
"""


def test_a_signal_ends_the_nodes_that_are_left_in_order():
    ended = subprocess.run([sys.executable, "-c", PAIR], capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "deactivated" in ended.stdout
    assert ended.stderr == ""


COMMANDER_AND_CAMERA = """
import os
import signal
import sys
from dlstream_common import Settings
from dlstream_common.ros import DlstreamNode, run_nodes

class Named(DlstreamNode[Settings]):
    default_name = "other"

    def __init__(self):
        super().__init__(Settings)

    def deactivate(self):
        print(self.get_name(), flush=True)

class Commander(Named):
    default_name = "commander"
    ends_first = True

class Camera(Named):
    default_name = "camera"

    def activate(self):
        self.timer = self.create_timer(0.01, lambda: (self.timer.cancel(), END))

sys.exit(run_nodes([Named, Commander, Camera]))
"""


@pytest.mark.parametrize(
    ("end", "order"),
    [
        ("os.kill(os.getpid(), signal.SIGINT)", ["commander", "camera", "other"]),
        ("self.end(1)", ["camera", "commander", "other"]),
    ],
)
def test_a_signal_ends_who_commands_outputs_before_a_camera_that_may_not_close(end, order):
    code = COMMANDER_AND_CAMERA.replace("END", end)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert ended.stdout.split() == order, ended.stderr
