"""Converts frames and poses to and from ROS messages."""

from __future__ import annotations

import array
from collections.abc import Mapping

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage as CompressedImageMsg
from sensor_msgs.msg import Image as ImageMsg

from dlstream_common.frame import Frame, FramePoses, Image, Individual, covariance_rows
from dlstream_common.images import RawImage, image_from_compressed, image_of_any
from dlstream_msgs.msg import FramePoses as FramePosesMsg
from dlstream_msgs.msg import Individual as IndividualMsg

_SECOND = 1_000_000_000


def stamp_to_message(stamp: int) -> Time:
    """Nanoseconds since the epoch as builtin_interfaces/Time."""
    return Time(sec=stamp // _SECOND, nanosec=stamp % _SECOND)


def stamp_from_message(time: Time) -> int:
    """builtin_interfaces/Time as nanoseconds since the epoch."""
    return int(time.sec) * _SECOND + int(time.nanosec)


def key_values(values: Mapping[str, object]) -> list[KeyValue]:
    """The values of an event, a command or a diagnosis."""
    return [KeyValue(key=key, value=str(value)) for key, value in values.items()]


def fill_image(message: ImageMsg, image: Image, encoding: str) -> None:
    """Puts an image into `message`, except for the header.

    Uses array.array: if a NumPy array or bytes are assigned to `data`, rclpy checks every byte (0.2 s per frame).
    """
    image = np.ascontiguousarray(image)
    message.height, message.width = image.shape[:2]
    message.encoding = encoding
    message.is_bigendian = 0
    message.step = image.strides[0]
    data = array.array("B")
    data.frombytes(image.data.cast("B"))
    message.data = data


def image_to_message(frame: Frame, frame_id: str) -> ImageMsg:
    """The frame as sensor_msgs/Image."""
    message = ImageMsg()
    message.header.stamp = stamp_to_message(frame.stamp)
    message.header.frame_id = frame_id
    fill_image(message, frame.image, frame.encoding)
    return message


def frame_from_message(message: ImageMsg, camera: str, sequence: int) -> Frame:
    """The message as a frame whose image is a view of the message's bytes, where its encoding is used as it is.

    Raises:
        EncodingError: unknown encoding, or bytes that do not fit the size.
    """
    image, encoding = image_of_any(RawImage.of(message))
    return Frame(camera, sequence, stamp_from_message(message.header.stamp), image, encoding)


def frame_from_compressed(message: CompressedImageMsg, camera: str, sequence: int) -> Frame:
    """The decoded image of sensor_msgs/CompressedImage as a frame.

    Raises:
        EncodingError: the bytes are no image.
    """
    image, encoding = image_from_compressed(memoryview(message.data), message.format)
    return Frame(camera, sequence, stamp_from_message(message.header.stamp), image, encoding)


def _floats(values: NDArray[np.float32]) -> array.array[float]:
    return array.array("f", np.asarray(values, np.float32).tobytes())


def _optional_floats(values: NDArray[np.float32] | None) -> array.array[float]:
    return array.array("f") if values is None else _floats(values)


def _optional_array(values: array.array[float]) -> NDArray[np.float32] | None:
    return np.asarray(values, np.float32) if len(values) else None


def poses_to_message(poses: FramePoses) -> FramePosesMsg:
    """The poses of a frame as dlstream_msgs/FramePoses."""
    message = FramePosesMsg()
    message.header.stamp = stamp_to_message(poses.stamp)
    message.header.frame_id = poses.frame_id
    message.camera = poses.camera
    message.sequence = poses.sequence
    message.keypoints = list(poses.keypoints)
    message.individuals = [
        IndividualMsg(
            id=individual.id,
            score=float(individual.score),
            x=_floats(individual.x),
            y=_floats(individual.y),
            confidence=_floats(individual.confidence),
            vx=_optional_floats(individual.vx),
            vy=_optional_floats(individual.vy),
            covariance=_optional_floats(individual.covariance),
            swap_risk=float(individual.swap_risk),
            depth=_optional_floats(individual.depth),
        )
        for individual in poses.individuals
    ]
    message.received = stamp_to_message(poses.received)
    message.inference_start = stamp_to_message(poses.inference_start)
    message.inference_end = stamp_to_message(poses.inference_end)
    message.dropped = poses.dropped
    message.stale = poses.stale
    message.predicted_to = stamp_to_message(poses.predicted_to)
    return message


def poses_from_message(message: FramePosesMsg) -> FramePoses:
    """dlstream_msgs/FramePoses as the poses of a frame."""
    individuals = tuple(
        Individual(
            item.id,
            np.asarray(item.x, np.float32),
            np.asarray(item.y, np.float32),
            np.asarray(item.confidence, np.float32),
            item.score,
            _optional_array(item.vx),
            _optional_array(item.vy),
            covariance_rows(np.asarray(item.covariance, np.float32), len(item.x)),
            item.swap_risk,
            _optional_array(item.depth),
        )
        for item in message.individuals
    )
    return FramePoses(
        camera=message.camera,
        sequence=message.sequence,
        stamp=stamp_from_message(message.header.stamp),
        keypoints=tuple(message.keypoints),
        individuals=individuals,
        received=stamp_from_message(message.received),
        inference_start=stamp_from_message(message.inference_start),
        inference_end=stamp_from_message(message.inference_end),
        dropped=message.dropped,
        frame_id=message.header.frame_id,
        stale=message.stale,
        predicted_to=stamp_from_message(message.predicted_to),
    )
