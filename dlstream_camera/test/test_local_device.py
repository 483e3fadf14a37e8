"""Cameras of this computer that OpenCV opens: what they make of what is asked for."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import pytest

from dlstream_camera import Camera
from dlstream_camera.sources import Format, Notice
from dlstream_camera.sources._opencv_settings import OpenCVSettings


class Webcam:
    """A camera as its driver shows it to OpenCV: it has one format, whatever is asked for."""

    has: ClassVar[dict[int, float]] = {}

    def __init__(self, device: object) -> None:
        pass

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, name: int, value: float) -> bool:
        return False

    def get(self, name: int) -> float:
        return self.has.get(name, 0.0)

    def getBackendName(self) -> str:  # noqa: N802
        return "V4L2"

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((480, 640, 3), np.uint8)

    def release(self) -> None:
        pass


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> type[Webcam]:
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    monkeypatch.setattr(
        Webcam,
        "has",
        {
            cv2.CAP_PROP_FRAME_WIDTH: 640.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
            cv2.CAP_PROP_FPS: 29.97,
            cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"YUYV")),
        },
    )
    return Webcam


def opened(**keys: object) -> tuple[Format, list[str]]:
    told: list[Notice] = []
    camera = Camera("top", OpenCVSettings.model_validate({"device": 0, **keys}), told.append)
    delivered = camera.open()
    camera.close()
    assert {notice.kind for notice in told} <= {"remark"}
    return delivered, [notice.text for notice in told]


def test_what_was_asked_for_and_not_delivered_is_told(webcam):
    delivered, told = opened(width=1280, height=480, fps=60, fourcc="MJPG")
    assert {item.key: (item.asked, item.found) for item in delivered.settings} == {
        "width": ("1280", "640"),
        "height": ("480", "480"),
        "fps": ("60", "29.97"),
        "fourcc": ("MJPG", "YUYV"),
    }
    assert [text.partition(". ")[0] for text in told] == [
        "camera '0': width: asked for 1280, and the camera set 640",
        "camera '0': fps: asked for 60, and the camera set 29.97",
        "camera '0': fourcc: asked for MJPG, and the camera set YUYV",
    ]
    assert "`v4l2-ctl -d /dev/video0 --list-formats-ext` lists what it has" in told[0]


def test_a_rounded_rate_what_was_left_out_and_what_the_driver_does_not_know_are_no_remark(webcam):
    delivered, told = opened(fps=30)
    assert told == []
    assert [(item.key, item.asked) for item in delivered.settings if item.asked] == [("fps", "30")]
    webcam.has.clear()
    webcam.has[cv2.CAP_PROP_FOURCC] = -1.0
    delivered, told = opened(width=1280, height=720, fps=60, fourcc="MJPG")
    assert (delivered.settings, told) == ((), [])
