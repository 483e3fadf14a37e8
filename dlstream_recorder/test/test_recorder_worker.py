"""The thread that writes gives way to those that a session waits for."""

from __future__ import annotations

import os
import threading

from dlstream_recorder.writers._worker import Worker


def test_its_jobs_and_the_threads_they_start_give_way_and_nobody_else_does():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    found: list[int] = []

    def look() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def job() -> None:
        look()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    worker = Worker("writes", 1)
    worker.put(job)
    worker.close()
    assert worker.error is None
    assert found == [min(before + 5, 19)] * 2
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
