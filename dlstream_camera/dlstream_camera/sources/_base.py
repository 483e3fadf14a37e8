"""What a frame source is: a few methods that a camera, a file or a simulation implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from dlstream_camera.crop import crop_problem, crop_slices
from dlstream_camera.sources._format import Capture, Device, Format, Notice, SourceState
from dlstream_common import FILLED_IN, AnyPath, DlstreamError, Problem, RigNamespace, Settings, SourceError
from dlstream_common.calibration import load_calibration
from dlstream_common.settings import misfit
from dlstream_common.tagged import Configurable


def _formerly_tell(value: Any) -> Any:
    return "report" if value == "tell" else value  # as it was called in former rig files


class SourceSettings(Settings):
    """The fields of every source; a source adds its own. The registry adds the key `source`, the source's name."""

    crop: Annotated[list[int], Field(max_length=4)] = []
    """Part of the image to publish: x, y, width, height in pixels, such as [100, 50, 640, 480]. Empty: all of it."""
    color: bool = True
    """True: publish colour (bgr8); false: greyscale (mono8), a third of the data."""
    frame_id: str = ""
    """The frame_id in image headers. Empty: the camera's name with '_optical_frame', such as top_optical_frame."""
    calibration: AnyPath | None = None
    """Calibration file (YAML, as ROS's camera_calibration writes it). Left out: the camera is uncalibrated."""
    camera_info_url: str = ""
    """The same as ROS's drivers have it, such as file:///home/lab/top.yaml."""
    camera_name: str = ""
    """Name of the camera in a calibration file that is written by ~set_camera_info; empty: its namespace."""
    frozen_after: Annotated[float, Field(ge=0, le=3600)] = 2.0
    """Seconds of images that are equal bit by bit after which the camera counts as frozen: a real sensor's noise makes
    each one differ. 0: never."""
    on_frozen: Annotated[Literal["hold", "stop", "report"], BeforeValidator(_formerly_tell)] = "hold"
    """When it is frozen, beside a fault: hold its images back, so that outputs go off after pose_timeout and come back
    with it; stop its node, which is the rig's on_failure; or only report it."""
    queue: Annotated[int, Field(ge=1, le=1000)] = 30
    """Frames buffered for a slow reliable subscriber before one is lost."""
    wait_for: Annotated[int, Field(ge=0), FILLED_IN] = 0
    """Number of image_raw subscribers to wait for (at most 60 s) before the first frame, so that none misses it."""
    rig_namespace: Annotated[RigNamespace, FILLED_IN] = ""
    """The rig's namespace. The camera is called by its own within that, and tells the rig's /experiment/events."""
    compressed_rate: Annotated[float, Field(ge=0, le=1000, json_schema_extra={"live": True})] = 60.0
    """Most JPEG images per second on image_raw/compressed; encoded only while someone subscribes. 0: none."""
    compressed_quality: Annotated[int, Field(ge=1, le=100, json_schema_extra={"live": True})] = 80
    """JPEG quality, from 1 (small files) to 100."""

    @model_validator(mode="after")
    def _calibration_by_url(self) -> SourceSettings:
        if not self.camera_info_url:
            return self
        path = self.camera_info_url.removeprefix("file://")
        if path == self.camera_info_url or not path.startswith("/"):
            raise misfit("camera_info_url", "file:// and an absolute path, such as file:///home/lab/top.yaml")
        if self.calibration is not None and self.calibration != Path(path):
            raise misfit("camera_info_url", "only one of calibration and camera_info_url")
        self.__dict__["calibration"] = Path(path)  # frozen for others
        return self

    def image_size(self) -> tuple[int, int] | None:
        """Width and height of the source's images in pixels, before the crop; None if only the device knows.

        Raises:
            SourceError: what is to be read can't be used, such as a damaged file.
        """
        return None

    def asked_size(self) -> tuple[int, int] | None:
        """Width and height after the crop, as requested; the device may deliver another size. None: not requested."""
        return None

    def frame_rate(self) -> float | None:
        """Frames per second; None if only the device knows, or if frames come as fast as they are read.

        Raises:
            SourceError: as `image_size`.
        """
        return None

    def is_depth(self) -> bool:
        """Whether its images are depths, (height, width) uint16 in millimetres, 0 where nothing was measured."""
        return False

    def shared_device(self) -> str:
        """What identifies the device of which other cameras of a rig may show another stream; empty: it has its own.

        One process serves all cameras of a device.
        """
        return ""

    def beside(self, others: Sequence[SourceSettings]) -> Mapping[str, Any]:
        """The parameters that the rig fills in because of the other cameras of its device."""
        return {}

    def shows_depth_of(self, other: SourceSettings) -> bool:
        """Whether its images have the depth of each pixel of another camera of its device."""
        return False

    def check_beside(self, others: Sequence[SourceSettings]) -> list[Problem]:
        """What does not go together with the rig's other cameras of this kind; places are within these settings."""
        return []

    def check(self) -> list[Problem]:
        """Problems in these settings that show without the device; each problem's place is a path within them.

        A source that checks more adds its own.
        """
        try:
            size = self.image_size()
        except SourceError as error:
            return [Problem.of_error(error)]
        return self.check_size(*size) if size is not None else []

    def check_size(self, width: int, height: int) -> list[Problem]:
        """What does not fit images of this size: the crop, the calibration."""
        problem = crop_problem(self.crop, width, height)
        if problem is not None:
            return [problem]
        if self.calibration is not None:
            rows, columns = crop_slices(self.crop, width, height)
            try:
                load_calibration(self.calibration, columns.stop - columns.start, rows.stop - rows.start)
            except DlstreamError as error:
                return [Problem.of_error(error, "calibration")]
        return []

    def published_size(self) -> tuple[int, int] | None:
        """Width and height after the crop; None if only the device knows.

        Raises:
            SourceError: as `image_size`; or the crop does not fit.
        """
        size = self.image_size()
        if size is None:
            return None
        rows, columns = crop_slices(self.crop, *size)
        return columns.stop - columns.start, rows.stop - rows.start


S = TypeVar("S", bound=SourceSettings)


class FrameSource(Configurable[S], ABC):
    """A source of frames. The camera node owns the thread: `open`, then `read` until None, then `close`.

    `class Webcam(FrameSource[WebcamSettings])` says which settings it has. A vendor's library is imported in `open`,
    and named in `requires`.

    Attributes:
        on_notice: called, on any thread, when something happens to the source that it survives, such as a lost frame.
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
        """Wakes a waiting `read`, from another thread; the next `read` starts again with the newest image.

        A source that always delivers an image soon need not implement this.
        """

    @abstractmethod
    def close(self) -> None:
        """Releases the device. May be called at any time, more than once."""

    def state(self) -> SourceState:
        """How the source is, for diagnostics; asked from another thread once a second."""
        return SourceState()

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """The devices of this kind that are connected to this computer; empty where there is nothing to list.

        Called only if what `requires` names is installed.

        Raises:
            SourceError: they can't be listed; says why.
        """
        return []


__all__ = ["Capture", "Device", "Format", "FrameSource", "Notice", "SourceSettings", "SourceState"]
