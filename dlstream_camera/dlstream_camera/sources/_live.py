"""The thread that reads a live camera: each frame is stamped as it arrives, and none waits unseen in a buffer."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable

from dlstream_camera.sources._connection import Connection, DamagedFrameError, DisconnectedError, Taken
from dlstream_camera.sources._format import Capture, LossKind, Notice, SourceState
from dlstream_camera.sources._losses import Losses
from dlstream_common import SourceError

_BEHIND = 10
"""Frames that may wait for the node before the oldest is dropped."""
_FIRST_FRAME = 30
"""Damaged frames after which a camera that was just opened counts as delivering none."""
_OTHER_SIZE = 30
"""Frames of another size in a row that are lost ones; with the next one the camera counts as changed."""
_NUMBERS = re.compile(r"[\d.]+")
_MISSED = "by the camera's own numbers; it never reached this computer"
_SKIPPED = "the driver had to leave it out"


class LiveReader:
    """Reads a camera from `open` to `close`, counts lost frames, and reconnects when the camera is gone.

    Frames from before the first `read` are thrown away: the run has not begun.

    Args:
        connect: opens the camera; raises SourceError.
        reconnect: seconds between attempts to reconnect; 0: a lost camera is an error.
        tell: called, on the reader's thread, with what happened to the camera.
    """

    def __init__(
        self, name: str, connect: Callable[[], Connection], reconnect: float, tell: Callable[[Notice], None]
    ) -> None:
        self._name, self._connect, self._reconnect, self._tell = name, connect, reconnect, tell
        self._losses = Losses(tell)
        self._number = 0
        self._change = threading.Condition()
        self._waiting: deque[Capture] = deque()
        self._wanted = self._stopped = False
        self._error: SourceError | None = None
        self._connection: Connection | None = None
        self._attempted = self._heard = 0.0
        self._size = (0, 0)
        self._others = 0
        self._is_idle = False
        self._damage = ""
        """Of the last frame, as long as no good one came since."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def open(self) -> tuple[Connection, tuple[int, int]]:
        """Connects; returns the camera with the width and height of its images, which a first frame shows.

        A camera that waits for something before each frame must tell its size itself.

        Raises:
            SourceError: the camera can't be opened, or delivers no image.
        """
        connection, first = self._connected()
        self._connection = connection
        if first is not None:
            self._size = first.image.shape[1], first.image.shape[0]
            self._give(first)
        else:
            assert connection.size is not None
            self._size = connection.size
        self._thread.start()
        return connection, self._size

    def read(self) -> Capture | None:
        """Waits for the next frame; None after `stop`.

        Raises:
            SourceError: the camera is gone, and is not to be reconnected.
        """
        with self._change:
            if not self._wanted:
                self._wanted, self._stopped = True, False
            while not self._waiting and self._error is None and not self._stopped:
                self._change.wait()
            if self._stopped:
                return None
            if self._waiting:
                return self._waiting.popleft()
            assert self._error is not None
            raise self._error

    def state(self) -> SourceState:
        """How the camera is; may be called on any thread."""
        connection = self._connection
        if connection is None:
            return SourceState(lost=self._losses.kinds)
        waiting = connection.waits_for if self._is_idle else ""
        return SourceState(waiting, self._losses.kinds, connection.stamp_source, connection.uncertainty)

    def stop(self) -> None:
        """Wakes a waiting `read`, from another thread."""
        with self._change:
            self._wanted, self._stopped = False, True
            self._waiting.clear()
            self._change.notify_all()

    def close(self) -> None:
        """Ends the thread, which releases the camera. Waits for a hanging read, which ends by its own timeout."""
        self._closing.set()
        self.stop()
        if self._thread.is_alive():
            self._thread.join()

    def _connected(self) -> tuple[Connection, Taken | None]:
        """An open camera and its first frame, since some cameras open and yet deliver none."""
        self._attempted = time.monotonic()
        connection = self._connect()
        self._heard, self._damage = time.monotonic(), ""
        self._is_idle = bool(connection.waits_for)
        if connection.waits_for:
            return connection, None
        try:
            return connection, self._first_frame(connection)
        except BaseException:
            connection.close()
            raise

    def _first_frame(self, connection: Connection) -> Taken:
        reason, damaged = "", 0
        while damaged < _FIRST_FRAME:
            try:
                taken = self._taken(connection)
            except DamagedFrameError as error:
                damaged += 1
                reason = f"{damaged} frames can't be used: {error}"
                self._lose(error)
            except DisconnectedError as error:
                reason = str(error)
                break
            else:
                if taken is not None:
                    return taken
        raise SourceError(f"camera '{self._name}': opened, but found no image ({reason}); expected one. Is it in use?")

    def _run(self) -> None:
        try:
            while self._connection is not None and not self._closing.is_set():
                try:
                    self._take(self._connection)
                except DisconnectedError as error:
                    self._connection.close()
                    self._connection = self._again(str(error))
        except Exception as error:  # a reader that has died must not look like a silent camera
            self._fail(SourceError(f"camera '{self._name}': its reading thread has failed: {error!r}"))
        finally:
            if self._wanted:
                self._losses.flush()
            if self._connection is not None:
                self._connection.close()

    def _take(self, connection: Connection) -> None:
        try:
            taken = self._taken(connection)
        except DamagedFrameError as error:
            self._lose(error)
            return
        if taken is not None and not self._is_other(taken):
            self._give(taken)
        self._losses.tick()

    def _taken(self, connection: Connection) -> Taken | None:
        """The next frame; None if none came for a moment. A camera that is silent for too long is lost."""
        silent, damage = True, None
        try:
            taken = connection.read()
            silent = taken is None
        except DamagedFrameError as error:
            taken, damage = None, error
            self._damage = str(error)
        clock = time.monotonic()
        self._is_idle = bool(connection.waits_for) and silent and damage is None
        if not silent or connection.waits_for or not connection.silence:
            self._heard, self._damage = clock, ""
        elif clock - self._heard > connection.silence:
            what = f"only frames that can't be used ({self._damage})" if self._damage else "no frame and no error"
            raise DisconnectedError(f"the camera has delivered {what} for {connection.silence:g} s")
        if damage is not None:
            raise damage
        return taken

    def _lose(self, error: DamagedFrameError) -> None:
        self._leave_out(error.missed, _MISSED, "missed")
        how = "it came incomplete" if error.kind == "failed" else "it can't be decoded"
        if self._wanted:
            self._losses.add(self._number, f"{how} ({error})", error.kind)
        self._number += 1

    def _is_other(self, taken: Taken) -> bool:
        """Whether a frame is lost because it is of another size, as a server may send one by mistake."""
        width, height = taken.image.shape[1], taken.image.shape[0]
        self._others = self._others + 1 if (width, height) != self._size else 0
        if not 0 < self._others <= _OTHER_SIZE:
            return False
        self._leave_out(taken.missed, _MISSED, "missed")
        self._leave_out(taken.skipped, _SKIPPED, "skipped")
        expected = f"{self._size[0]}x{self._size[1]}"
        self._leave_out(1, f"it is {width}x{height}; expected {expected}, as the first frame", "damaged")
        return True

    def _leave_out(self, count: int, reason: str, kind: LossKind) -> None:
        if self._wanted:
            self._losses.add(self._number, reason, kind, count)
        self._number += count

    def _give(self, taken: Taken) -> None:
        self._leave_out(taken.missed, _MISSED, "missed")
        self._leave_out(taken.skipped, _SKIPPED, "skipped")
        left_out = None
        with self._change:
            if self._wanted:
                left_out = self._waiting.popleft() if len(self._waiting) == _BEHIND else None
                lost = self._losses.count + (left_out is not None)
                self._waiting.append(Capture(taken.image, taken.stamp, self._number, lost))
                self._change.notify_all()
        self._number += 1
        if left_out is not None:
            self._losses.add(left_out.frame_number, "this computer was too slow to take it", "slow")

    def _again(self, reason: str) -> Connection | None:
        """The camera, reconnected; None if it is given up."""
        if self._closing.is_set():
            return None
        after = f"camera '{self._name}': {reason}, after {self._number} frames"
        if not self._reconnect:
            self._fail(SourceError(f"{after}. With `reconnect: 2` dlstream tries to reconnect every 2 s"))
            return None
        self._losses.flush()
        self._tell(Notice("disconnected", f"{after}; reconnecting every {self._reconnect:g} s", {"reason": reason}))
        since, attempts, told = time.monotonic(), 0, ""
        while not self._closing.wait(max(0.0, self._attempted + self._reconnect - time.monotonic())):
            attempts += 1
            try:
                connection, first = self._connected()
            except Exception as error:  # a library's own errors, too: the next attempt may find the camera
                why = str(error) if isinstance(error, SourceError) else repr(error)
                kind = _NUMBERS.sub("", why)  # "for 5.1 s" and "for 5.2 s" are one reason
                if kind != told:
                    self._tell(Notice("remark", f"camera '{self._name}': can't be reconnected yet: {why}"))
                    told = kind
                continue
            seconds = time.monotonic() - since
            text = f"camera '{self._name}': reconnected after {seconds:.1f} s"
            self._tell(Notice("reconnected", text, {"seconds": f"{seconds:.3f}", "attempts": str(attempts)}))
            if first is not None:
                self._give(first)
            return connection
        return None

    def _fail(self, error: SourceError) -> None:
        with self._change:
            self._error = error
            self._change.notify_all()
