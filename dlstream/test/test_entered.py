"""When a command was entered: before Python had loaded, and not before a shell that became its process had waited."""

from __future__ import annotations

import subprocess
import sys

SECOND = 1_000_000_000
AFTER = """\
import time
begun = time.time_ns()
time.sleep({sleeps})
while time.process_time_ns() < {loads}:
    pass
from dlstream.cli.remote import _typed
print(begun, _typed(), time.process_time_ns(), time.time_ns())
"""


def entered(sleeps: float, loads: float) -> list[int]:
    """When its own code began, when it was entered, the processor time that it had taken, and the time then."""
    script = AFTER.format(sleeps=sleeps, loads=round(loads * SECOND))
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    return [int(word) for word in out.stdout.split()]


def test_what_is_loaded_first_delays_no_stamp():
    _, stamp, taken, now = entered(0, 2.0)
    assert stamp <= now - 2 * SECOND
    assert taken >= 2 * SECOND


def test_a_shell_that_waited_before_it_became_the_command_enters_nothing_before():
    begun, stamp, taken, _ = entered(taken_by_loading() * 2 + 5, 0)
    assert stamp >= begun + 5 * SECOND - taken


def taken_by_loading() -> float:
    return entered(0, 0)[2] / SECOND
