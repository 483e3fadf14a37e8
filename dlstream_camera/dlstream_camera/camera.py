"""A camera: a source's images, cropped and in colour or grey, numbered and stamped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2

from dlstream_camera.crop import crop_slices
from dlstream_camera.sources import SOURCES, Capture, Format, FrameSource, Notice, SourceSettings, SourceState
from dlstream_camera.sources._results import is_format, what_is_wrong
from dlstream_common import DlstreamError, Frame, FramePoses, Image, SourceError, encoding_of
from dlstream_common.frozen import FROZEN, FrozenCheck
from dlstream_common.part_faults import PartFault
from dlstream_common.video import PictureCheck, Remark


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame, and what the source knows about it.

    Attributes:
        frame_number: the source's own count.
        dropped: frames the source has lost so far.
        truth: where the keypoints really are, in pixels of the cropped image, if the source knows it.
    """

    frame: Frame
    frame_number: int
    dropped: int
    truth: FramePoses | None


class Camera:
    """Frames of one source, without ROS: `open`, `read` until None, `close`.

    Args:
        on_notice: called, on any thread, when something happens to the source that it survives, such as a lost frame.

    Raises:
        PartError: the source that the settings name can't be used; says what to install.
    """

    def __init__(
        self, name: str, settings: SourceSettings, on_notice: Callable[[Notice], None] = lambda notice: None
    ) -> None:
        self.name = name
        self.settings = settings
        self._sequence = 0
        source = str(getattr(settings, "source", ""))
        kind, self._author = SOURCES.usable(source), SOURCES.author(source)
        self._failed = False
        with self._author.calling("__init__"):
            self._source: FrameSource[SourceSettings] = kind(settings)
        self._source.on_notice = self._notify = on_notice
        self._is_depth = settings.is_depth()
        self._look = PictureCheck(self._is_depth)
        self._frozen = FrozenCheck(settings.frozen_after)
        self._held = 0

    def open(self) -> Format:
        """Opens the source; the format is that of the published image.

        Raises:
            SourceError: the source can't be opened, or the crop does not fit its images.
        """
        with self._author.calling("open"):
            delivered = self._source.open()
        if not is_format(delivered):
            raise self._author.returned("open", delivered, "a Format with width and height, and fps of 0 or more")
        try:
            self._crop = crop_slices(self.settings.crop, delivered.width, delivered.height)
        except SourceError:
            self._source.close()
            raise
        self._sequence = self._held = 0
        self._delivered = delivered.height, delivered.width
        rows, columns = self._crop
        width, height = columns.stop - columns.start, rows.stop - rows.start
        calibration = delivered.calibration and delivered.calibration.cropped(columns.start, rows.start, width, height)
        return replace(delivered, width=width, height=height, calibration=calibration)

    def read(self) -> Shot | None:
        """Waits for the next frame; None at the end of the source, or after `stop`.

        Raises:
            SourceError: the source is gone, its images changed size, or it is frozen and that is to end it.
            PartFault: a mistake in the source's code.
        """
        while (capture := self._capture()) is not None:
            height, width = capture.image.shape[:2]
            if (height, width) != self._delivered:
                raise SourceError(f"camera {self.name}: its images changed size to {width}x{height}; expected one size")
            rows, columns = self._crop
            image: Image = capture.image[rows, columns]
            if not self._is_held_back(image):
                return self._shot(capture, image)
        self._remark(self._look.finish())
        return None

    def _capture(self) -> Capture | None:
        try:
            capture = self._source.read()
        except DlstreamError:
            raise
        except (Exception, SystemExit) as error:
            raise self._fault(self._author.raised("read", error)) from error
        if capture is not None and (wrong := what_is_wrong(capture, self._is_depth)) is not None:
            raise self._fault(self._author.returned("read", *wrong))
        return capture

    def _shot(self, capture: Capture, image: Image) -> Shot:
        self._remark(self._look.add(image, self._sequence, capture.stamp))
        if not self.settings.color and image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        rows, columns = self._crop
        truth = capture.truth and _moved(capture.truth, self.name, self._sequence, columns.start, rows.start)
        encoding = "16UC1" if self._is_depth else encoding_of(image)
        frame = Frame(self.name, self._sequence, capture.stamp, image, encoding)
        self._sequence += 1
        return Shot(frame, capture.frame_number, capture.dropped + self._held, truth)

    def _is_held_back(self, image: Image) -> bool:
        """Whether an image is one of a frozen picture and not to be published; tells when that begins and ends."""
        check, settings = self._frozen, self.settings
        if check.add(image, time.monotonic()):
            seconds = f"{check.lasted:.1f}"
            if check.frozen:
                text = f"frozen: {FROZEN.format(seconds=seconds)} (frozen_after: {settings.frozen_after:g})"
                if settings.on_frozen == "stop":
                    raise SourceError(f"camera {self.name} is {text}")
                follows = "; it counts as silent until they differ again" if settings.on_frozen == "hold" else ""
                self._notify(Notice("picture", text + follows, {"seconds": seconds}))
            else:
                text = f"its images differ again, after {seconds} s frozen"
                held = {"held_back": str(self._held)} if self._held else {}
                self._notify(Notice("picture_back", text, {"seconds": seconds, **held}))
        holds = check.frozen and settings.on_frozen == "hold"
        self._held += holds
        return holds

    def _remark(self, remarks: Sequence[Remark]) -> None:
        for one in remarks:
            self._notify(Notice("picture_back" if one.kind == "back" else "picture", one.text, one.values))

    def state(self) -> SourceState:
        """How the source is; may be called on any thread."""
        with self._author.calling("state"):
            found = self._source.state()
        if not isinstance(found, SourceState):
            raise self._author.returned("state", found, "a SourceState")
        return found

    def stop(self) -> None:
        """Wakes a waiting `read`, from another thread."""
        with self._author.calling("stop"):
            self._source.stop()

    def close(self) -> None:
        """Releases the source. May be called at any time, more than once."""
        try:
            with self._author.calling("close"):
                self._source.close()
        except PartFault:
            if not self._failed:
                raise

    def _fault(self, fault: PartFault) -> PartFault:
        self._failed = True  # whatever else goes wrong as it is closed follows from it
        return fault


def _moved(truth: FramePoses, camera: str, sequence: int, x: int, y: int) -> FramePoses:
    individuals = tuple(replace(item, x=item.x - x, y=item.y - y) for item in truth.individuals)
    return replace(truth, camera=camera, sequence=sequence, individuals=individuals)
