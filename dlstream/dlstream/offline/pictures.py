"""Compressed pictures of a bag: whole or refused, since half a picture filled up with grey is no frame."""

from __future__ import annotations

import cv2
import numpy as np

from dlstream_common import EncodingError, Image, encoding_of, refuse_format
from dlstream_common.video import is_whole_picture


class DamagedPictureError(EncodingError):
    """One picture that is cut off or no picture at all; the next one may be whole."""


def decoded(data: bytes, form: str) -> tuple[Image, str]:
    """The picture of a sensor_msgs/CompressedImage, with its encoding.

    Args:
        form: the message's `format`, such as "bgr8; jpeg compressed bgr8".

    Raises:
        EncodingError: the format is none that can be used: a depth image, or the mosaic of a Bayer sensor.
        DamagedPictureError: the bytes are no whole picture.
    """
    if "compressedDepth" in form:
        raise EncodingError(f"image format: found '{form}'; expected pictures such as JPEG or PNG")
    refuse_format(form)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if is_whole_picture(data) else None
    if image is None:
        raise DamagedPictureError(f"found {len(data)} bytes that are no whole picture (format '{form}')")
    return image, encoding_of(image)
