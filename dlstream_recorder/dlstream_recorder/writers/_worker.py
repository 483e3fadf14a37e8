"""A thread that runs jobs one after another, so that whoever submits them never waits."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]
_NICENESS = 5  # added to the process's nice value


class Worker:
    """A queue of jobs, limited by the bytes that they hold, and the thread that runs them.

    The thread yields to others if cores are scarce: recorded data can wait in the queue, poses can't.

    After a job has raised an exception, `error` holds it, and all waiting and later jobs are discarded.

    Args:
        name: of the thread.
        limit: bytes that may wait. A single job is always accepted, however large.
        tick: called about every `interval` seconds on the same thread.
    """

    def __init__(self, name: str, limit: int, tick: Job = lambda: None, interval: float = 0.2) -> None:
        self.error: Exception | None = None
        self._limit = limit
        self._tick = tick
        self._interval = interval
        self._jobs: deque[tuple[Job, int]] = deque()
        self._bytes = 0
        self._closing = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, job: Job, size: int = 0) -> bool:
        """Submits a job; returns False if there is no room for it, or the worker has failed or is closed."""
        with self._change:
            full = self._bytes > 0 and self._bytes + size > self._limit
            if full or self._closing or self.error is not None:
                return False
            self._jobs.append((job, size))
            self._bytes += size
            self._change.notify()
        return True

    @property
    def fill(self) -> float:
        """How full the queue is, 0 to 1."""
        return min(1.0, self._bytes / self._limit)

    def close(self, waiting: Callable[[int], None] = lambda jobs: None, interval: float = 2.0) -> None:
        """Waits until all submitted jobs are done, and ends the thread.

        Args:
            waiting: called every `interval` seconds until then, with the number of remaining jobs.
        """
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(interval)
        while self._thread.is_alive():
            waiting(len(self._jobs))
            self._thread.join(interval)

    def _run(self) -> None:
        os.nice(_NICENESS)  # on Linux, only for this thread and those that an encoder starts from it
        due = time.monotonic() + self._interval
        while True:
            with self._change:
                if not self._jobs and not self._closing:
                    self._change.wait(max(0.0, due - time.monotonic()))
                if not self._jobs and self._closing:
                    return
                job, size = self._jobs[0] if self._jobs else (None, 0)
            if job is not None:
                self._do(job)
                with self._change:
                    self._jobs.popleft()
                    self._bytes -= size
            if time.monotonic() >= due:
                self._do(self._tick)
                due = time.monotonic() + self._interval

    def _do(self, job: Job) -> None:
        if self.error is None:
            try:
                job()
            except Exception as error:  # kept for the session, which reports it and stops
                self.error = error
