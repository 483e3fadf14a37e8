"""Reading ahead of whoever uses what is read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], count: int = 4) -> Iterator[T]:
    """The same items, made in a thread of their own that is at most `count` of them ahead.

    An error of `items` is raised where the item would have come. Closing the iterator ends the thread.
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
                close()  # in this thread, which is the only one that may be in it
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
