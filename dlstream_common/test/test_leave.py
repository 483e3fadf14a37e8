"""A process that its middleware holds at the end still ends, with its own exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

HELD = """
import ctypes
from dlstream_common.ros._leave import leave_within
print("ends")
leave_within(1, {code})
ctypes.PyDLL(None).sleep({seconds})  # with Python's lock taken
"""


@pytest.mark.parametrize("code", [0, 3])
def test_a_held_process_ends_with_its_exit_code(code: int):
    words = [sys.executable, "-c", HELD.format(code=code, seconds=3600)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert (ended.returncode, ended.stdout) == (code, "ends\n")


def test_a_process_that_ends_by_itself_is_not_waited_for():
    words = [sys.executable, "-c", HELD.format(code=7, seconds=0) + "raise SystemExit(5)"]
    assert subprocess.run(words, capture_output=True, check=False, timeout=300).returncode == 5
