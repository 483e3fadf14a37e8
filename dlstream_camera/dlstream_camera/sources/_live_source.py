"""A source that a thread of its own reads: webcams, network streams, cameras with a vendor's library."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

from dlstream_camera.sources._base import FrameSource, SourceSettings
from dlstream_camera.sources._connection import Connection
from dlstream_camera.sources._format import Capture, Format, SourceState
from dlstream_camera.sources._live import LiveReader
from dlstream_common import SourceError

S = TypeVar("S", bound=SourceSettings)


class LiveSource(FrameSource[S]):
    """A live camera: a subclass says how to `connect`, what messages call it, and whether to reconnect.

    Its thread (`LiveReader`) counts losses and reconnects.
    """

    _reader: LiveReader | None = None

    @abstractmethod
    def connect(self) -> Connection:
        """Opens the camera, sets it, and starts it; called again after it was lost.

        Raises:
            SourceError: it can't be opened, or can't be set as asked for.
        """

    @property
    @abstractmethod
    def title(self) -> str:
        """What messages call the camera."""

    @property
    @abstractmethod
    def reconnect_every(self) -> float:
        """Seconds between attempts to reconnect a lost camera; 0: its loss ends the run."""

    def open(self) -> Format:
        self.close()
        self._reader = LiveReader(self.title, self.connect, self.reconnect_every, lambda it: self.on_notice(it))
        connection, (width, height) = self._reader.open()
        return Format(
            width,
            height,
            connection.fps,
            connection.name,
            connection.hardware_id,
            connection.stamp_source,
            connection.settings,
            connection.calibration,
        )

    def read(self) -> Capture | None:
        if self._reader is None:
            raise SourceError(f"camera '{self.title}': not open")
        return self._reader.read()

    def state(self) -> SourceState:
        return self._reader.state() if self._reader is not None else SourceState()

    def stop(self) -> None:
        if self._reader is not None:
            self._reader.stop()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
