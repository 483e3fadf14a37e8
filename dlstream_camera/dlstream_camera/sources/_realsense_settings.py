"""The settings of a RealSense camera's stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from dlstream_camera.sources._base import SourceSettings
from dlstream_camera.sources._device import DeviceSettings
from dlstream_camera.sources._realsense_recording import recorded_size
from dlstream_camera.sources._realsense_stream import Kind, StreamRequest
from dlstream_common import FILLED_IN, ExistingFile, Problem, misfit


class RealSenseSettings(DeviceSettings):
    """One stream of an Intel RealSense depth camera: colour, depth or infrared.

    Several cameras of a rig may show streams of one device: give them the same serial, or none if it is the only one.
    """

    source: Literal["realsense"] = "realsense"
    """The kind of source."""
    stream: Kind = "color"
    """color: bgr8; depth: 16UC1, millimetres, 0 where nothing was measured; infrared: mono8."""
    index: Annotated[int, Field(ge=1, le=2)] = 1
    """infrared: 1 is the left sensor, which sees what depth sees, pixel for pixel; 2 the right one."""
    align: Literal["none", "color"] = "none"
    """depth: color shows the depth of each pixel of the colour stream, in its size; that takes some time."""
    recording: ExistingFile | None = None
    """A recording of librealsense (.db3) in place of a device: made by its viewer, or `rs.recorder`."""
    pace: bool = True
    """recording: true: at the times of its frames; false: as fast as frames can be read and published."""
    emitter: bool | None = None
    """The infrared projector. false: off, since infrared images show its dots; depth is then poor where there is little
    texture. Left out: as the device is."""
    streams: Annotated[list[str], FILLED_IN] = []
    """All streams that cameras of the device show, one for each camera."""

    @model_validator(mode="after")
    def _goes_together(self) -> RealSenseSettings:
        if self.align != "none" and self.stream != "depth":
            raise misfit("align", "align with `stream: depth` only")
        if self.align != "none" and (self.width or self.height):
            raise misfit("align", "no width and height beside align: the image gets the size of the colour stream")
        if self.index != 1 and self.stream != "infrared":
            raise misfit("index", "index with `stream: infrared` only")
        if not self.pace and self.recording is None:
            raise misfit("pace", "pace with a recording only")
        if self.emitter is not None and self.recording is not None:
            raise misfit("emitter", "no emitter beside a recording, which is as it was made")
        if self.serial and self.recording is not None:
            raise misfit("serial", "either a serial or a recording")
        if self.recording is not None and self.recording.suffix != ".db3":
            raise misfit("recording", "a file that ends in .db3, as librealsense 2.59 records")
        if bool(self.width) != bool(self.height):
            raise misfit("width", "width and height, or neither of them")
        if self.fps != int(self.fps):
            raise misfit("fps", "a whole number of frames a second")
        for text in self.streams:
            StreamRequest.of(text)
        return self

    @property
    def request(self) -> StreamRequest:
        """The stream that it shows."""
        return StreamRequest(
            self.stream, self.index if self.stream == "infrared" else 0, self.width, self.height, int(self.fps)
        )

    def is_depth(self) -> bool:
        return self.stream == "depth"

    def shared_device(self) -> str:
        return f"realsense {self.recording or self.serial}".rstrip()

    def beside(self, others: Sequence[SourceSettings]) -> Mapping[str, Any]:
        requests = [item.request for item in (self, *others) if isinstance(item, RealSenseSettings)]
        return {"streams": [str(request) for request in requests]}

    def shows_depth_of(self, other: SourceSettings) -> bool:
        if not isinstance(other, RealSenseSettings) or not self.is_depth():
            return False
        return other.stream == "color" if self.align == "color" else other.request.name == "infrared 1"

    def image_size(self) -> tuple[int, int] | None:
        if self.recording is None:
            return super().image_size()
        try:
            return recorded_size(self.recording, StreamRequest("color") if self.align == "color" else self.request)
        except ImportError:  # reported as what the source lacks
            return None

    def check_beside(self, others: Sequence[SourceSettings]) -> list[Problem]:
        problems = []
        for other in others:
            if not isinstance(other, RealSenseSettings):
                continue
            if self.recording is None and other.recording is None and bool(self.serial) < bool(other.serial):
                found = f"no serial, beside another RealSense camera with the serial '{other.serial}'"
                problems.append(Problem((), found, "the serial of each of them, or of none if they are one device"))
            if self.shared_device() == other.shared_device():
                problems += self._conflicts(other)
        return problems[:1]

    def _conflicts(self, other: RealSenseSettings) -> list[Problem]:
        """What one device can't do for both."""
        mine, theirs = self.request, other.request
        for key in ("width", "height", "fps"):
            one, two = getattr(mine, key), getattr(theirs, key)
            if mine.name == theirs.name and one and two and one != two:
                return [
                    Problem((key,), f"{one}", f"{two}, as for the other camera with the device's {mine.name} stream")
                ]
        for key in ("emitter", "pace", "reconnect"):
            one, two = getattr(self, key), getattr(other, key)
            if None not in (one, two) and one != two:
                return [Problem((key,), f"{one}".lower(), f"{two}".lower() + ", as for the same device's other camera")]
        return []
