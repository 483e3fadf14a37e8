"""Images as no driver should send them: the right answer or a refusal that says why, never anything else."""

from __future__ import annotations

import array
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CompressedImage, Image

from dlstream_common.ros import POSE, image_qos, stamp_from_message, stamp_to_message
from dlstream_msgs.msg import FramePoses

MODULE = "dlstream_pose.ros.node"
CHANNELS = {
    **dict.fromkeys(("mono8", "8UC1", "mono16", "16UC1"), 1),
    **dict.fromkeys(("bgr8", "8UC3", "rgb8"), 3),
    **dict.fromkeys(("bgra8", "8UC4", "rgba8"), 4),
    **dict.fromkeys(("yuv422", "uyvy", "yuv422_yuy2", "yuyv"), 2),
}
SIZES = [(1, 1), (32, 32), (31, 33), (2000, 37), (37, 2000), (2, 700), (1281, 33), (640, 480)]


def pixels(width: int, height: int, x: int, y: int, encoding: str) -> np.ndarray:
    """Grey with a white spot at (x, y), (height, bytes of a row)."""
    grey = np.full((height, width), 60, np.uint8)
    grey[y, x] = 255
    luminance, neutral = (grey * 0.85 + 16).astype(np.uint8), np.full_like(grey, 128)
    if encoding in ("yuv422", "uyvy"):
        layers = [neutral, luminance]
    elif CHANNELS[encoding] == 2:
        layers = [luminance, neutral]
    else:
        layers = [grey] * CHANNELS[encoding]
    return np.stack(layers, axis=-1).reshape(height, -1)


class Odd:
    """One message, and what has to become of it: a place, or words of a refusal."""

    def __init__(self, random: np.random.Generator, number: int) -> None:
        width, height = SIZES[number] if number < len(SIZES) else random.integers(1, 90, 2).tolist()
        encoding = sorted(CHANNELS)[number % len(CHANNELS)]
        x, y = int(random.integers(width)), int(random.integers(height))
        rows = pixels(width, height, x, y, encoding)
        message = Image(width=width, height=height, encoding=encoding)
        if encoding in ("mono16", "16UC1"):
            message.is_bigendian = int(random.integers(2))
            rows = (rows.astype(np.uint16) * 257 - 5 * (rows > 200)).astype(">u2" if message.is_bigendian else "<u2")
            rows = rows.view(np.uint8)
        row = rows.shape[1]
        # What stands behind a row is as bright as can be, so that whoever looks there finds it.
        behind = int(random.choice([0, 0, 1, 2, 31]))
        padded = np.full((height, row + behind), 255, np.uint8)
        padded[:, :row] = rows
        content = padded.tobytes() + b"\xff" * int(random.choice([0, 0, 7]))
        message.step = row + behind
        self.place: tuple[int, int] | None = (x, y)
        self.words = ""
        damage = random.choice(["", "", "", "short", "step", "width", "height", "encoding", "empty", "none"])
        if damage == "short":
            content = content[: int(random.integers(0, message.step * (height - 1) + row))]
        elif damage == "step":
            message.step = int(random.integers(0, row))
        elif damage == "width":
            message.width = 2**32 - 1
        elif damage == "height":
            message.height = 2**32 - 1 - number
        elif damage == "encoding":
            message.encoding = f"bayer_rggb8_{number}"
            self.refuse(f"found 'bayer_rggb8_{number}'; expected one of")
        elif damage in ("empty", "none"):
            message.width = message.height = message.step = 0
            content = b"" if damage == "none" else content
        if damage and not self.words:
            size = f"{message.width}x{message.height} {encoding}"
            self.refuse(f"image of {size} with step {message.step}: found {len(content)} bytes")
        elif not damage and CHANNELS[encoding] == 2 and width % 2:
            self.refuse(f"image of {width}x{height} {encoding}: found an odd width")
        elif not damage and min(width, height) < 32:
            self.refuse(f"image of {width}x{height} with scale 1: found {width}x{height} pixels")
        message.data = array.array("B", content)
        self.message = message

    def refuse(self, words: str) -> None:
        self.place, self.words = None, words


@pytest.mark.parametrize("seed", [1])
def test_odd_images_give_the_right_answer_or_are_refused_in_words(start_node, observer, wait_for, spot_network, seed):
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    diagnostics = observer.collect(DiagnosticArray, "/diagnostics", 10)
    node = start_node(MODULE, network=spot_network, cameras=["top"], threads=1)
    publisher = observer.node.create_publisher(Image, "/top/image_raw", image_qos(10))
    wait_for(lambda: publisher.get_subscription_count() == 1, "the pose node to subscribe")
    good = Image(width=64, height=48, encoding="mono8", step=64)

    def send(message: Image, stamp: int) -> None:
        message.header.stamp = stamp_to_message(stamp)
        publisher.publish(message)

    sent = 0

    def arrives(message: Image, stamp: int, condition: Callable[[], bool], what: str) -> None:
        """Sends an image, and again where it is lost on the way, as images may be on a busy machine."""
        nonlocal sent
        again = 0.0

        def seen() -> bool:
            nonlocal sent, again
            if not condition() and time.monotonic() > again:
                send(message, stamp)
                sent, again = sent + 1, time.monotonic() + 10
            return condition()

        wait_for(seen, what)

    def connected() -> bool:
        good.data = array.array("B", pixels(64, 48, 9, 9, "mono8").tobytes())
        send(good, 7)
        return bool(poses)

    wait_for(connected, "a first pose")
    random = np.random.default_rng(seed)
    refused = 0
    for number in range(90):
        odd, stamp = Odd(random, number), int(random.integers(10**9, 10**18))
        said = len(node.lines)
        if odd.place is None:
            refused += 1
            was = partial(lambda odd, said: odd.words in "\n".join(node.lines[said:]), odd, said)
            arrives(odd.message, stamp, was, odd.words)
            # It is said once: another of the same kind would not be, so a good one comes between.
            stamp += 1
            odd.place = (9, 9)
            odd.message = good
        came = partial(lambda stamp: stamp_from_message(poses[-1].header.stamp) == stamp, stamp)
        arrives(odd.message, stamp, came, f"pose {number}")
        (found,) = poses[-1].individuals
        assert (found.x[0], found.y[0]) == odd.place, (number, odd.message.encoding)
    assert refused > 20

    def told() -> bool:
        values = [item for array in diagnostics for status in array.status for item in status.values]
        return any(item.key == "top/refused" and refused <= int(item.value) <= sent for item in values)

    wait_for(told, f"{refused} refusals in the diagnostics")
    assert len(poses) >= 90
    assert node.end() == 0
    assert "Traceback" not in node.output


def of_12_bits(encoding: str) -> Image | CompressedImage:
    """An image that shows 12 bits in the lower part of 16."""
    dim = pixels(64, 48, 9, 9, "mono8").astype("<u2") * 16
    if encoding == "png":
        return CompressedImage(format="mono16; png compressed ", data=cv2.imencode(".png", dim)[1].tobytes())
    row = np.tile(dim[..., None], 3 if encoding == "rgb16" else 1).reshape(48, -1)
    step = row[0].nbytes
    return Image(width=64, height=48, encoding=encoding, step=step, data=array.array("B", row.tobytes()))


@pytest.mark.parametrize("encoding", ["rgb16", "mono16", "png"])
def test_few_of_16_bits_are_told_once(start_node, observer, wait_for, spot_network, encoding):
    message = of_12_bits(encoding)
    transport, topic = ("compressed", "/top/image_raw/compressed") if encoding == "png" else ("raw", "/top/image_raw")
    poses = observer.collect(FramePoses, "/top/pose", POSE)
    node = start_node(MODULE, network=spot_network, cameras=["top"], threads=1, image_transport=transport)
    publisher = observer.node.create_publisher(type(message), topic, image_qos(10))
    wait_for(lambda: publisher.get_subscription_count() == 1, "the pose node to subscribe")

    def come(count: int) -> None:
        def enough() -> bool:
            message.header.stamp = stamp_to_message(len(poses) + 1)
            publisher.publish(message)
            return len(poses) >= count

        wait_for(enough, f"{count} poses")

    come(1)
    wait_for(lambda: come(len(poses) + 1) or "12 bits of 16" in node.output, "the warning")
    come(len(poses) + 20)
    assert node.output.count("the brightest value is 4080 of 65535, 12 bits of 16") == 1
