"""A camera as the pose node sees it, and what it says of itself."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import Image

from dlstream_common.ros import (
    fill_image,
    image_qos,
    stamp_to_message,
)

MODULE = "dlstream_pose.ros.node"
STAMP = 1_700_000_000_123_456_789


class Camera:
    """A driver of somebody else's: any publisher of sensor_msgs/Image."""

    def __init__(self, observer, wait_for, name="top", qos=None):
        self._observer = observer
        self._publisher = observer.node.create_publisher(Image, f"/{name}/image_raw", qos or image_qos(10))
        self._count = 0
        wait_for(lambda: self._publisher.get_subscription_count() == 1, f"the pose node to subscribe to {name}")

    def send(self, x, y, encoding="bgr8", **changes):
        """A grey image with a white spot at (x, y); its stamp counts up by a millisecond."""
        pixels = np.full((48, 64, 3), 60, np.uint8)
        pixels[y, x] = 255
        message = Image()
        fill_image(message, pixels[..., 0] if encoding == "mono8" else pixels, encoding)
        message.header.frame_id = "lens"
        message.header.stamp = stamp_to_message(STAMP + self._count * 1_000_000)
        self._count += 1
        for name, value in changes.items():
            setattr(message, name, value)
        self._publisher.publish(message)

    def close(self):
        """Unplugs it."""
        self._observer.node.destroy_publisher(self._publisher)

    def connect(self, poses, wait_for):
        """Sends until poses come back: both ends have found each other, and nothing is under way any more."""

        def answered():
            self.send(0, 0)
            return poses

        wait_for(answered, "a first pose")
        wait_for(lambda: poses[-1].sequence == self._count - 1, "the pose of the last frame")
        self.sent_before, self.dropped_before = self._count, poses[-1].dropped
        poses.clear()


def place(message):
    (individual,) = message.individuals
    return individual.x[0], individual.y[0]


def of_the_pose_node(diagnostics):
    return [status for array in diagnostics for status in array.status if status.name == "/pose"]
