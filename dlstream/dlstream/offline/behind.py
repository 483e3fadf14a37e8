"""Work that nobody waits for, in a thread of its own and in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue

Job = Callable[[], None]


class Behind:
    """Does jobs one after the other beside the caller, such as drawing and encoding a video.

    Args:
        most: how many jobs may wait; `do` then waits for the oldest.
    """

    def __init__(self, most: int = 8) -> None:
        self._jobs: Queue[Job | None] = Queue(most)
        self._error: BaseException | None = None
        self._closed = self._failed = False
        self._thread = threading.Thread(target=self._work, name="behind", daemon=True)
        self._thread.start()

    def do(self, job: Job) -> None:
        """Adds a job.

        Raises:
            BaseException: what an earlier job raised. Nothing is done after it.
        """
        self._raise()
        self._jobs.put(job)

    def close(self) -> None:
        """Waits until all is done. A second call does nothing.

        Raises:
            BaseException: what a job raised, unless it was raised before.
        """
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._failed:
                continue
            try:
                job()
            except BaseException as error:
                self._failed, self._error = True, error
