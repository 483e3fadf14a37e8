"""Reads ahead in a thread."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], count: int = 4) -> Generator[T, None, None]:
    """Yields the same items, produced by a separate thread that is at most `count` items ahead.

    An error in `items` is raised in place of the failed item. Closing the iterator ends the thread.
    """
    waiting: Queue[tuple[list[T], BaseException | None]] = Queue(count)
    stopped = threading.Event()

    def put(item: list[T], error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((item, error), timeout=0.1)
                return True
            except Full:
                continue
        return False

    def read() -> None:
        try:
            for item in items:
                if not put([item]):
                    break
        except BaseException as error:
            put([], error)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()  # in this thread, the only one that may run it
            put([])  # the end

    thread = threading.Thread(target=read, name="decoder", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if not item:
                return
            yield item[0]
    finally:
        stopped.set()
        thread.join()
