"""What a frame source is: a few methods that a camera, a file or a simulation fills in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from dlstream_camera.crop import crop_problem, crop_slices
from dlstream_common import FILLED_IN, AnyPath, DlstreamError, FramePoses, Image, Problem, Settings, SourceError
from dlstream_common.calibration import load_calibration
from dlstream_common.tagged import Configurable


class SourceSettings(Settings):
    """What every source has; a source adds its own fields. The key `source`, its name, comes with the registry."""

    crop: Annotated[list[int], Field(max_length=4)] = []
    """Part of the image to publish: x, y, width, height in pixels of the camera's image. Empty: all of it."""
    color: bool = True
    """Publish colour (bgr8); false: grey (mono8), a third of the data."""
    frame_id: str = ""
    """Frame of reference in the images' headers; empty: the camera's name and '_optical_frame'."""
    calibration: AnyPath | None = None
    """Camera calibration in ROS's own YAML (as camera_calibration writes it); none: an uncalibrated camera."""
    queue: Annotated[int, Field(ge=1, le=1000)] = 30
    """Frames that may wait for a slow reliable subscriber before one is lost."""
    wait_for: Annotated[int, Field(ge=0), FILLED_IN] = 0
    """Subscribers of image_raw to wait for (at most 60 s) before the first frame, so that none misses it."""
    compressed_rate: Annotated[float, Field(ge=0, le=1000, json_schema_extra={"live": True})] = 10.0
    """JPEG images a second on image_raw/compressed, for looking; encoded only while someone subscribes."""
    compressed_quality: Annotated[int, Field(ge=1, le=100, json_schema_extra={"live": True})] = 80
    """JPEG quality."""

    def image_size(self) -> tuple[int, int] | None:
        """Width and height of the source's images in pixels, before the crop; None where only the device knows.

        Raises:
            SourceError: what is to be read can't be used, such as a damaged file.
        """
        return None

    def asked_size(self) -> tuple[int, int] | None:
        """Width and height after the crop, as asked of a device that may deliver others; None: not asked."""
        return None

    def frame_rate(self) -> float | None:
        """Frames a second; None where only the device knows, or as fast as they are taken.

        Raises:
            SourceError: as `image_size`.
        """
        return None

    def check(self) -> list[Problem]:
        """What is wrong with these settings, as far as that shows without the device; places are within them.

        A source that looks at more adds to it what it finds.
        """
        try:
            size = self.image_size()
        except SourceError as error:
            return [Problem((), _sentence(error), "a source that can be opened")]
        return self.check_size(*size) if size is not None else []

    def check_size(self, width: int, height: int) -> list[Problem]:
        """What does not fit images of that size: the crop, the calibration."""
        problem = crop_problem(self.crop, width, height)
        if problem is not None:
            return [problem]
        if self.calibration is not None:
            rows, columns = crop_slices(self.crop, width, height)
            try:
                load_calibration(self.calibration, columns.stop - columns.start, rows.stop - rows.start)
            except DlstreamError as error:
                return [Problem(("calibration",), _sentence(error), "a calibration of this camera's images")]
        return []

    def published_size(self) -> tuple[int, int] | None:
        """Width and height after the crop; None where only the device knows.

        Raises:
            SourceError: as `image_size`; or the crop does not fit.
        """
        size = self.image_size()
        if size is None:
            return None
        rows, columns = crop_slices(self.crop, *size)
        return columns.stop - columns.start, rows.stop - rows.start


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")


S = TypeVar("S", bound=SourceSettings)


@dataclass(frozen=True, slots=True)
class Format:
    """What a source delivers, as it says after it was opened: read back, not as requested.

    Attributes:
        fps: frames a second; 0 where it is not known or as fast as they are taken.
        description: the device, for a person.
    """

    width: int
    height: int
    fps: float
    description: str
    hardware_id: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """One image as the source gives it.

    Attributes:
        image: (height, width) or (height, width, 3) uint8, OpenCV's channel order.
        stamp: acquisition, nanoseconds since the epoch.
        frame_number: the source's own count.
        dropped: frames that the source lost so far.
        truth: where the keypoints really are, if the source knows it.
    """

    image: Image
    stamp: int
    frame_number: int
    dropped: int = 0
    truth: FramePoses | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What befell a source that goes on all the same.

    Attributes:
        kind: "frames_lost", "disconnected" or "reconnected"; "remark" for what is no fault.
        text: one sentence for a person.
        values: figures by name, such as the number of the lost frame.
    """

    kind: Literal["frames_lost", "disconnected", "reconnected", "remark"]
    text: str
    values: Mapping[str, str] = field(default_factory=dict)


class FrameSource(Configurable[S], ABC):
    """A source of frames. The camera node owns the thread: `open`, then `read` until None, then `close`.

    `class Webcam(FrameSource[WebcamSettings])` says which settings it has. A vendor's library is imported in `open`,
    and named in `requires`.

    Attributes:
        on_notice: called, on any thread, with what befell the source while it goes on.
    """

    settings_type: ClassVar[type[Settings]] = SourceSettings

    def __init__(self, settings: S) -> None:
        self.settings = settings
        self.on_notice: Callable[[Notice], None] = lambda notice: None

    @abstractmethod
    def open(self) -> Format:
        """Opens the device or file and says what it delivers.

        Raises:
            SourceError: it can't be opened, or does not deliver what was asked for.
        """

    @abstractmethod
    def read(self) -> Capture | None:
        """Waits for the next image; None at the end of a file, or after `stop`.

        Raises:
            SourceError: the device is gone, or the file is damaged.
        """

    def stop(self) -> None:
        """Wakes a `read` that waits, from another thread; the next `read` begins again with the newest image.

        Sources that always have an image soon need not do anything.
        """

    @abstractmethod
    def close(self) -> None:
        """Gives the device back. Allowed at any time, more than once."""
