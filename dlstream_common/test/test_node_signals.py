"""A node ends at a signal, whichever of its threads gets it and whatever its main thread does."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, threading
from dlstream_common.ros._bell import Bell

bell, heard = Bell(), []
signal.signal(signal.SIGINT, lambda *_: heard.append(True))
bell.ring_at_signals()

def interrupt():
    while not open(f"/proc/self/task/{os.getpid()}/syscall").read().startswith("0 "):
        pass  # until the main thread waits in read(2)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
bell.wait()
assert heard
"""


def test_a_signal_that_another_thread_gets_wakes_the_main_thread():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=300)
